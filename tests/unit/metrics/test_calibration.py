import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import ConfigError
from sigverify.metrics import cllr, expected_calibration_error, min_cllr, reliability

probabilities = st.lists(st.floats(0.001, 0.999), min_size=1, max_size=30)


@given(probabilities, probabilities)
def test_cllr_is_the_formula(genuine, impostor):
    accept = sum(math.log2(1 + (1 - p) / p) for p in genuine) / len(genuine)
    reject = sum(math.log2(1 + p / (1 - p)) for p in impostor) / len(impostor)
    assert cllr(genuine, impostor) == pytest.approx((accept + reject) / 2)


def test_certain_and_wrong_is_finite():
    assert 20 < cllr([0.0], [1.0]) < 30
    assert cllr([1.0], [0.0]) == pytest.approx(0, abs=1e-6)


@given(probabilities, probabilities)
def test_recalibration_never_costs(genuine, impostor):
    assert min_cllr(genuine, impostor) <= cllr(genuine, impostor) + 1e-6
    assert min_cllr(genuine, impostor) <= 1 + 1e-6


@given(probabilities, probabilities)
def test_minimum_depends_on_the_order_of_scores_only(genuine, impostor):
    squares = [np.square(scores) for scores in (genuine, impostor)]
    assert min_cllr(*squares) == pytest.approx(min_cllr(genuine, impostor), abs=1e-6)


@given(probabilities, probabilities, st.integers(1, 12))
def test_calibration_error_is_what_loops_give(genuine, impostor, bins):
    total = 0.0
    for which in range(bins):

        def inside(p, which=which):
            return min(int(p * bins), bins - 1) == which

        weight = sum(map(inside, genuine)) / (2 * len(genuine)) + sum(map(inside, impostor)) / (
            2 * len(impostor)
        )
        if weight:
            claimed = sum(p for p in genuine if inside(p)) / (2 * len(genuine))
            claimed += sum(p for p in impostor if inside(p)) / (2 * len(impostor))
            true = sum(map(inside, genuine)) / (2 * len(genuine))
            total += abs(claimed - true)
    assert expected_calibration_error(genuine, impostor, bins=bins) == pytest.approx(total)


def test_calibrated_scores_have_no_error():
    genuine, impostor = [0.75] * 3 + [0.25], [0.25] * 3 + [0.75]
    assert expected_calibration_error(genuine, impostor) == pytest.approx(0)
    found = reliability(genuine, impostor)
    assert found.weight.sum() == pytest.approx(1)
    assert np.isnan(found.mean_score[5])


@pytest.mark.parametrize("bad", [[-0.1], [1.1], [], [np.nan]])
@pytest.mark.parametrize("metric", [cllr, expected_calibration_error, reliability])
def test_scores_that_are_no_probabilities_are_refused(metric, bad):
    with pytest.raises(ConfigError):
        metric(bad, [0.5])


def test_no_bins_are_refused():
    with pytest.raises(ConfigError, match="bins"):
        reliability([0.5], [0.5], bins=0)
