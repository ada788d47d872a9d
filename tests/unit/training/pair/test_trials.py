from itertools import combinations

import numpy as np
import pytest

from sigverify.training.pair.trials import (
    GENUINE,
    PROBES,
    REFERENCES,
    SKILLED,
    SLOTS,
    TRIALS,
    between,
    pair_numbers,
)


def test_every_slot_meets_every_genuine_one_once():
    found = list(zip(PROBES.tolist(), REFERENCES.tolist(), strict=True))
    assert len(set(found)) == len(found) == 30
    expected = {(probe, reference) for reference in range(GENUINE) for probe in range(SLOTS)}
    assert set(found) == {(probe, reference) for probe, reference in expected if probe > reference}


@pytest.mark.parametrize("trials", TRIALS, ids=lambda trials: str(trials.references))
class TestTrials:
    def test_each_set_of_references_is_tried_with_every_other_slot_once(self, trials):
        found = [
            (frozenset(chosen), probe)
            for chosen, probe in zip(trials.sets.tolist(), trials.probes.tolist(), strict=True)
        ]
        expected = {
            (frozenset(chosen), probe)
            for chosen in combinations(range(GENUINE), trials.references)
            for probe in range(SLOTS)
            if probe not in chosen
        }
        assert len(found) == len(expected)
        assert set(found) == expected

    def test_weights_sum_to_one_and_kinds_have_their_shares(self, trials):
        kinds = (
            trials.probes < GENUINE,
            (trials.probes >= GENUINE) & (trials.probes < GENUINE + SKILLED),
            trials.probes >= GENUINE + SKILLED,
        )
        assert trials.weights.sum() == pytest.approx(1)
        assert [trials.weights[kind].sum() for kind in kinds] == pytest.approx([0.5, 0.4, 0.1])
        assert all(np.ptp(trials.weights[kind]) == 0 for kind in kinds)

    def test_the_sign_is_that_of_the_genuine(self, trials):
        np.testing.assert_array_equal(trials.sign, np.where(trials.probes < GENUINE, 1, -1))


def test_there_are_trials_of_one_to_three_references():
    assert [trials.references for trials in TRIALS] == [1, 2, 3]
    assert [len(trials.probes) for trials in TRIALS] == [4 * 9, 6 * 8, 4 * 7]


def test_pairs_are_put_where_probe_and_reference_meet():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 30, 2)).astype(np.float32)
    tables = between(values, np.array([1, -1], np.float32))
    assert tables.shape == (3, SLOTS, GENUINE, 2)
    for number, (probe, reference) in enumerate(zip(PROBES, REFERENCES, strict=True)):
        np.testing.assert_array_equal(tables[:, probe, reference], values[:, number])
        if probe < GENUINE:
            np.testing.assert_array_equal(tables[:, reference, probe], values[:, number] * [1, -1])
    assert not tables[:, np.arange(GENUINE), np.arange(GENUINE)].any()


def test_numbers_of_the_pairs():
    numbers = pair_numbers()
    for number, (probe, reference) in enumerate(zip(PROBES, REFERENCES, strict=True)):
        assert numbers[probe, reference] == number
        if probe < GENUINE:
            assert numbers[reference, probe] == number
