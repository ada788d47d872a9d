"""The choice of a cohort; that a model gets one is tested with the command that gives it."""

import numpy as np
import pytest

from converter import cohort
from converter.cohort import choose
from sigverify import Model
from sigverify.errors import ConversionError, SplitLeak


def error(odds, chosen):
    """How far mean and deviation of some are from those of all, in deviations."""
    some, mean, deviation = odds[:, chosen], odds.mean(axis=1), odds.std(axis=1)
    return (
        np.abs((some.mean(axis=1) - mean) / deviation).mean()
        + np.abs(some.std(axis=1) / deviation - 1).mean()
    )


def test_those_chosen_stand_for_all_better_than_those_taken_as_they_come():
    rng = np.random.default_rng(0)
    # What sets people apart from each other, and what two of them have to do with each other.
    odds = rng.normal(size=(30, 1)) + rng.normal(size=100) + rng.normal(size=(30, 100)) - 8
    chosen = choose(odds, 10)
    assert len(set(chosen)) == 10
    assert chosen == sorted(chosen)
    taken = [error(odds, rng.choice(100, 10, replace=False)) for _ in range(20)]
    assert error(odds, chosen) < 0.8 * min(taken)
    assert choose(odds, 10) == chosen


def test_nobody_is_invented_for_pictures():
    with pytest.raises(ConversionError, match="expected pen; received image"):
        cohort.with_cohort(Model.read("base-image"))


def test_never_people_whom_the_network_was_trained_on(monkeypatch):
    monkeypatch.setitem(cohort.TO_MEET, "pen", "synthetic:writers=3,genuine=1,skilled=0,seed=11")
    with pytest.raises(SplitLeak, match="synthetic-11"):
        cohort.with_cohort(Model.read("base"))
