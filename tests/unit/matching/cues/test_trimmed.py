from dataclasses import replace

import numpy as np
import pytest
from builders import references

from sigverify.matching.cues import SERIES
from sigverify.matching.cues.trimmed import FRACTION, KEPT_PERCENT, SMOOTHED, TRIMMED
from sigverify.matching.elastic import Paths
from sigverify.matching.embedding import SERIES_SCALE
from sigverify.matching.pairing import Engine, Pairing


def by_definition(paths, number):
    """The same for one reference, a frame at a time."""
    frames = paths.cost.shape[1]
    costs = []
    for frame in range(frames):
        cells = int(paths.last[number, frame]) - int(paths.first[number, frame]) + 1
        costs.append(FRACTION * int(paths.cost[number, frame]) // cells)
    smooth = []
    for frame in range(frames):
        around = range(frame - SMOOTHED // 2, frame + SMOOTHED // 2 + 1)
        smooth.append(sum(costs[min(max(each, 0), frames - 1)] for each in around))
    kept = sorted(smooth)[: frames * KEPT_PERCENT // 100]
    return sum(kept) / (len(kept) * SMOOTHED * FRACTION * SERIES_SCALE)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_mean_of_the_lowest_smoothed_costs(seed):
    its = references(3, seed=seed)
    pairing = Pairing(its[0], its)
    expected = [by_definition(pairing.paths, number) for number in range(3)]
    np.testing.assert_allclose(TRIMMED.measure(pairing), expected, rtol=1e-6)


class Given:
    """Gives a path that costs as much as is said."""

    def __init__(self, costs):
        self._costs = np.array([costs], np.int32)

    def paths(self, probe, others):
        del probe, others
        steps = np.arange(self._costs.shape[1], dtype=np.int16)[np.newaxis]
        return Paths(total=self._costs.sum(axis=1), first=steps, last=steps, cost=self._costs)


def trimmed(costs):
    its = references(1)
    return float(TRIMMED.measure(Pairing(its[0], its, Engine(Given(costs))))[0])


def test_a_stroke_that_fails_costs_nothing():
    costs = np.full(256, 64)
    assert trimmed(costs) == 2
    costs[40:100] = 1000
    assert trimmed(costs) == 2
    costs[40:140] = 1000  # more than the rest that is left out
    assert trimmed(costs) > 2


def test_a_cheap_frame_between_expensive_ones_is_not_kept():
    costs = np.full(256, 64)
    costs[:160] = np.where(np.arange(160) % 9 == 0, 0, 640)
    assert trimmed(costs) > 2


def test_a_frame_counts_once_however_many_it_is_matched_with():
    """A probe that stands still while the reference goes on: the mean of those cells, not their sum."""
    its = references(1)
    still = replace(its, series=np.ones_like(its.series))
    moved = replace(its, series=np.zeros_like(its.series))
    pairing = Pairing(still[0], moved)
    assert TRIMMED.measure(pairing)[0] == pytest.approx(7 / SERIES_SCALE)
    assert SERIES.measure(pairing)[0] >= TRIMMED.measure(pairing)[0]


def test_it_is_zero_to_itself():
    its = references(2)
    assert TRIMMED.measure(Pairing(its[1], its))[1] == 0
