import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.matching.cue import Cue
from sigverify.matching.cues import SERIES
from sigverify.matching.scoring import Scoring
from sigverify.policy.fusion import ANYBODY, fused_score, least_rate, merged_rate, rate_of, score_at

TABLE = ((0.1, 0.4), (0.01, 0.8), (0.001, 0.95))
OTHER = ((0.2, 0.3), (0.02, 0.5), (0.002, 0.6))
ASKED = 0.05


@pytest.mark.parametrize(("fmr", "score"), TABLE)
def test_a_threshold_is_accepted_at_its_rate(fmr, score):
    assert rate_of(score, TABLE) == pytest.approx(fmr)
    assert score_at(fmr, TABLE) == pytest.approx(score)


def test_between_the_rates_it_is_the_way_back_of_the_threshold():
    assert isinstance(SERIES, Cue)
    scoring = Scoring.default([SERIES])
    table = next(iter(scoring.rows.values())).thresholds["skilled"]
    for fmr in (0.1, 0.07, 0.05, 0.012, 0.01, 0.003, 0.001):
        threshold = scoring.threshold(fmr)
        assert rate_of(threshold, table) == pytest.approx(fmr)
        assert score_at(fmr, table) == pytest.approx(threshold)


def test_a_score_of_nothing_is_accepted_only_where_everybody_is():
    assert rate_of(0.0, TABLE) == 1
    assert 0.1 < rate_of(0.2, TABLE) < 1
    assert rate_of(0.2, TABLE) == pytest.approx(math.sqrt(0.1))  # halfway, in logarithms


def test_beyond_what_was_counted_the_tail_goes_on():
    rates = [rate_of(score, TABLE) for score in (0.95, 0.97, 0.99, 0.999, 1.0)]
    assert rates[0] == pytest.approx(0.001)
    assert rates == sorted(rates, reverse=True)
    assert all(rate > 0 for rate in rates)
    for rate in (1e-4, 1e-6):
        assert rate_of(score_at(rate, TABLE), TABLE) == pytest.approx(rate)


@pytest.mark.parametrize("asked", [0.1, 0.05, 0.01, 0.001])
def test_no_capture_decides_alone(asked):
    """Beside a perfect one, another is asked to do better than half of all impostors: at every rate."""
    wanted = score_at(asked, TABLE)
    for rate, accepted in ((ANYBODY * 0.99, True), (ANYBODY * 1.01, False)):
        for scores, tables in (
            ([1.0, score_at(rate, OTHER)], [TABLE, OTHER]),
            ([score_at(rate, TABLE), 1.0], [TABLE, OTHER]),
        ):
            assert (fused_score(scores, tables, asked=asked) >= wanted) is accepted


@pytest.mark.parametrize("captures", [2, 3, 4])
def test_of_several_only_the_last_has_to_be_anybody_s(captures):
    rates = [least_rate(0.05, captures)] * (captures - 1) + [ANYBODY]
    assert merged_rate(rates) == pytest.approx(0.05)


@given(st.lists(st.floats(1e-6, 1), min_size=2, max_size=4))
def test_a_merged_rate_is_e_times_the_geometric_mean(rates):
    expected = math.e * math.prod(rates) ** (1 / len(rates))
    assert merged_rate(rates) == pytest.approx(min(1.0, expected))
    assert merged_rate(rates) >= min(rates)


@given(st.floats(0, 1), st.floats(0, 1))
def test_nobody_is_accepted_whom_no_capture_by_itself_would_let_in(first, second):
    least = least_rate(ASKED, 2)
    rates = [max(rate_of(first, TABLE), least), max(rate_of(second, OTHER), least)]
    fused = fused_score([first, second], [TABLE, OTHER], asked=ASKED)
    accepted = fused >= score_at(ASKED, TABLE)
    assert accepted == (merged_rate(rates) <= ASKED) or merged_rate(rates) == pytest.approx(ASKED)
    if accepted:
        assert min(rates) < ASKED


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_better_score_never_makes_it_worse(first, second, better):
    low, high = sorted((second, better))
    scores = [fused_score([first, each], [TABLE, OTHER], asked=ASKED) for each in (low, high)]
    assert scores[0] <= scores[1] + 1e-12


def test_rates_hold_however_much_the_captures_have_in_common():
    """Of impostors, merged at most 5 % get in at 5 %: with equal, opposite and independent scores."""
    import numpy as np

    rng = np.random.default_rng(0)
    one = rng.uniform(size=20_000)
    for other in (one, 1 - one, rng.uniform(size=20_000)):
        merged = np.minimum(1, math.e * np.sqrt(one * other))
        assert np.mean(merged <= 0.05) <= 0.05


def test_a_table_of_one_rate_has_no_tail():
    table = ((0.01, 0.5),)
    assert rate_of(0.9, table) == 0.01
    assert score_at(0.001, table) == pytest.approx(0.5)
