import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import ConfigError
from sigverify.metrics import eer, error_curve, fmr, fnmr, fnmr_at_fmr, threshold_at_fmr

grid = st.integers(0, 20).map(lambda level: level / 20)
scores = st.lists(grid, min_size=1, max_size=30)


@given(scores, scores)
def test_every_point_is_what_counting_gives(genuine, impostor):
    curve = error_curve(genuine, impostor)
    for threshold, match, non_match in zip(curve.thresholds, curve.fmr, curve.fnmr, strict=True):
        assert match == pytest.approx(sum(score >= threshold for score in impostor) / len(impostor))
        assert non_match == pytest.approx(sum(score < threshold for score in genuine) / len(genuine))


@given(scores, scores)
def test_curve_is_monotonic_and_reaches_both_ends(genuine, impostor):
    curve = error_curve(genuine, impostor)
    assert (np.diff(curve.fmr) >= 0).all()
    assert (np.diff(curve.fnmr) <= 0).all()
    assert (curve.fmr[0], curve.fnmr[0], curve.fmr[-1], curve.fnmr[-1]) == pytest.approx((0, 1, 1, 0))
    assert np.isfinite(curve.thresholds).all()


def eer_by_walking(genuine, impostor):
    points = [(0.0, 1.0)]
    for threshold in sorted({*genuine, *impostor}, reverse=True):
        match = sum(score >= threshold for score in impostor) / len(impostor)
        miss = sum(score < threshold for score in genuine) / len(genuine)
        before_match, before_miss = points[-1]
        if match >= miss:
            # Where the line from the point before to this one meets FMR = FNMR.
            fall = (before_miss - before_match) - (miss - match)
            return before_match + (before_miss - before_match) / fall * (match - before_match)
        points.append((match, miss))
    raise AssertionError


@given(scores, scores)
def test_eer_is_where_the_walk_crosses_the_diagonal(genuine, impostor):
    assert eer(genuine, impostor) == pytest.approx(eer_by_walking(genuine, impostor), abs=1e-12)


@given(scores, scores)
def test_eer_depends_on_the_order_of_scores_only(genuine, impostor):
    assert eer(np.exp(3 * np.array(genuine)), np.exp(3 * np.array(impostor))) == eer(genuine, impostor)


@given(scores, scores)
def test_eer_is_the_same_with_every_trial_twice(genuine, impostor):
    assert eer(genuine * 2, impostor) == pytest.approx(eer(genuine, impostor), abs=1e-12)


@given(scores, scores)
def test_exchanging_the_sides_mirrors_the_eer_where_no_scores_tie(genuine, impostor):
    genuine = np.array(genuine) + 0.01  # no score of one side equals one of the other
    assert eer(-np.array(impostor), -genuine) == pytest.approx(eer(genuine, impostor), abs=1e-12)


def test_known_eers():
    assert eer([0.9, 0.8], [0.2, 0.1]) == 0
    assert eer([0.1], [0.9]) == 1
    assert eer([1, 2, 3, 4], [1, 2, 3, 4]) == pytest.approx(0.5)
    assert eer([0.9, 0.8, 0.7, 0.3], [0.75, 0.2, 0.1, 0.0]) == 0.25


@given(scores, scores, st.floats(0, 1))
def test_threshold_keeps_to_the_rate_and_none_lower_does(genuine, impostor, target):
    threshold = threshold_at_fmr(genuine, impostor, target)
    assert fmr(impostor, threshold) <= target + 1e-9
    assert fnmr(genuine, threshold) == pytest.approx(fnmr_at_fmr(genuine, impostor, target))
    lower = [score for score in {*genuine, *impostor} if score < threshold]
    assert all(fmr(impostor, score) > target for score in lower)


def test_no_false_match_at_all_is_a_threshold_too():
    assert fmr([0.7], threshold_at_fmr([0.5], [0.7], 0.0)) == 0
    assert fnmr_at_fmr([0.5], [0.7], 0.0) == 1


@pytest.mark.parametrize("bad", [[], [np.nan], [np.inf], [[0.5]], ["x"]])
def test_bad_scores_are_refused(bad):
    for pair in ((bad, [0.5]), ([0.5], bad)):
        with pytest.raises(ConfigError):
            eer(*pair)


@pytest.mark.parametrize("target", [-0.1, 1.1, np.nan])
def test_rates_outside_0_to_1_are_refused(target):
    with pytest.raises(ConfigError, match="false-match rate"):
        threshold_at_fmr([0.5], [0.5], target)
