from dataclasses import replace

import numpy as np
import pytest

from sigverify.matching.scoring import evidence_size
from sigverify.training import PairConfig
from sigverify.training.pair.batches import PairBatches, held_out_batches
from sigverify.training.pair.network import TrialLoss
from sigverify.training.pair.offset import Offset
from sigverify.training.pair.trials import TRIALS

CONFIG = PairConfig(epochs=2, steps_per_epoch=3, writers=2, held_out=4)


@pytest.fixture
def offset(writers):
    rng = np.random.default_rng(1)
    size = evidence_size(writers.cues)
    rows = {
        (reduced, trials.references): (rng.normal(size=size), 0.5)
        for reduced in (False, True)
        for trials in TRIALS
    }
    return Offset(writers.cues, rows)


@pytest.fixture
def make(writers, offset):
    """Return a function that makes batches, and close them afterwards."""
    made = []

    def build(config=CONFIG, seed=0):
        made.append(PairBatches(writers, offset, config, seed))
        return made[-1]

    yield build
    for each in made:
        each.close()


def test_shapes(make):
    batches = make()
    assert len(batches) == 3
    inputs, targets = batches[0]
    assert inputs["pairs"].shape == (2, 30, 128, 22)
    assert inputs["pairs"].dtype == np.float32
    assert inputs["offset"].shape == targets["odds"].shape == (2, 112)
    assert targets["said"].shape == (2, 30)
    assert len(make(replace(CONFIG, writers=99))[0][0]["pairs"]) == 5  # all there are


def test_a_batch_is_the_same_whenever_it_is_made(make):
    batches, others = make(), make()
    in_order = [batches[index][0]["pairs"] for index in range(3)]
    np.testing.assert_array_equal(others[2][0]["pairs"], in_order[2])
    batches.epoch = 1
    np.testing.assert_array_equal(batches[0][0]["pairs"], others.make(3)[0]["pairs"])
    assert not np.array_equal(in_order[0], in_order[1])
    assert not np.array_equal(make(seed=1)[0][0]["pairs"], in_order[0])


def test_noise_and_channels_that_are_not_seen(make):
    plain = make(replace(CONFIG, noise=0, channel_drop=0, sensor_drop=0))[0][0]["pairs"]
    noisy = make(replace(CONFIG, noise=0.1, channel_drop=0, sensor_drop=0))[0][0]["pairs"]
    assert np.std(noisy - plain) == pytest.approx(0.1, rel=0.05)
    dropped = make(replace(CONFIG, noise=0, channel_drop=0.5, sensor_drop=0))[0][0]["pairs"]
    same = (dropped == plain).all(axis=(1, 2))
    gone = ~dropped.any(axis=(1, 2))
    assert (same | gone).all()
    assert same[:, 12:].all()
    assert 0 < gone[:, :12].sum() < 24


def test_what_a_device_may_lack(make):
    all_lack = make(replace(CONFIG, noise=0, channel_drop=0, sensor_drop=0.999))[0][0]["pairs"]
    assert not all_lack[..., 6].any()


def test_held_out_writers_are_laid_out_as_they_are(writers, offset):
    (inputs, targets), alone = held_out_batches(writers, offset, replace(CONFIG, sensor_drop=0.0), 0)
    assert inputs["pairs"].shape[0] == 4
    expected = float(TrialLoss()(targets["odds"], inputs["offset"]))
    assert alone == pytest.approx(expected, rel=1e-4)
    again, _ = held_out_batches(writers, offset, replace(CONFIG, sensor_drop=0.0, noise=9.0), 0)
    np.testing.assert_array_equal(again[0]["pairs"], inputs["pairs"])
