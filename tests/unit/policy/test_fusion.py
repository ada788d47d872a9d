import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.matching.cue import Cue
from sigverify.matching.cues import SERIES
from sigverify.matching.scoring import Scoring
from sigverify.policy.fusion import fused_score, merged_rate, rate_of, score_at

TABLE = ((0.1, 0.4), (0.01, 0.8), (0.001, 0.95))
OTHER = ((0.2, 0.3), (0.02, 0.5), (0.002, 0.6))
ASKED = 0.05


@pytest.mark.parametrize(("fmr", "score"), TABLE)
def test_a_threshold_is_accepted_at_its_rate(fmr, score):
    assert rate_of(score, TABLE, asked=ASKED) == pytest.approx(fmr)
    assert score_at(fmr, TABLE) == pytest.approx(score)


def test_between_the_rates_it_is_the_way_back_of_the_threshold():
    assert isinstance(SERIES, Cue)
    scoring = Scoring.default([SERIES])
    table = next(iter(scoring.rows.values())).thresholds["skilled"]
    for fmr in (0.1, 0.07, 0.05, 0.012, 0.01, 0.003, 0.001):
        threshold = scoring.threshold(fmr)
        assert rate_of(threshold, table, asked=ASKED) == pytest.approx(fmr)
        assert score_at(fmr, table) == pytest.approx(threshold)


def test_a_score_of_nothing_is_accepted_only_where_everybody_is():
    assert rate_of(0.0, TABLE, asked=ASKED) == 1
    assert 0.1 < rate_of(0.2, TABLE, asked=ASKED) < 1
    assert rate_of(0.2, TABLE, asked=ASKED) == pytest.approx(math.sqrt(0.1))  # halfway, in logarithms


def test_no_score_is_rarer_than_the_rarest_that_was_counted():
    for score in (0.95, 0.99, 1.0):
        assert rate_of(score, TABLE, asked=ASKED) == 0.001


def test_a_strict_rate_can_be_reached_all_the_same():
    """e times the lowest rate is more than it: by what was counted alone, nobody would be accepted."""
    sure = rate_of(1.0, TABLE, asked=0.001)
    assert sure == pytest.approx(0.001 / math.e)
    assert 0.001 / math.e < rate_of(0.955, TABLE, asked=0.001) < 0.001
    assert fused_score([1.0, 1.0], [TABLE, TABLE], asked=0.001) == pytest.approx(0.95)


@given(st.lists(st.floats(1e-6, 1), min_size=2, max_size=4))
def test_a_merged_rate_is_e_times_the_geometric_mean(rates):
    expected = math.e * math.prod(rates) ** (1 / len(rates))
    assert merged_rate(rates) == pytest.approx(min(1.0, expected))
    assert merged_rate(rates) >= min(rates)


@given(st.floats(0, 1), st.floats(0, 1))
def test_nobody_is_accepted_whom_no_capture_by_itself_would_let_in(first, second):
    rates = [rate_of(first, TABLE, asked=ASKED), rate_of(second, OTHER, asked=ASKED)]
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


def test_one_perfect_capture_does_not_outvote_another_hand():
    perfect = fused_score([1.0, 0.05], [TABLE, OTHER], asked=0.01)
    assert perfect < score_at(0.01, TABLE)


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
    assert rate_of(0.9, table, asked=0.001) == 0.01
    assert score_at(0.001, table) == pytest.approx(0.5)
