import math
from itertools import permutations

import numpy as np
import pytest
from plain_dtw import soft_distance

from sigverify.errors import ConfigError
from sigverify.training.backend import keras
from sigverify.training.losses.alignment import AlignmentLoss

GENUINE, SKILLED, WRITERS = 3, 2, 4
LABELS = np.array(
    [[writer, slot < GENUINE] for writer in range(WRITERS) for slot in range(GENUINE + SKILLED)], int
)


def sequences(count, frames=10, width=3, seed=0):
    return np.tanh(np.random.default_rng(seed).normal(size=(count, frames, width))).astype(np.float32)


def plain_loss(loss, batch):
    frames = batch.shape[1] // loss.stride
    pooled = batch[:, : frames * loss.stride].reshape(len(batch), frames, loss.stride, -1).mean(axis=2)
    band = max(1, round(loss.band * frames))

    def distance(one, other):
        return soft_distance(pooled[one], pooled[other], band, loss.gamma)

    def penalty(excess):
        return max(0, excess) if loss.form == "margin" else loss.tau * math.log1p(math.exp(excess / loss.tau))

    slots = loss.genuine + loss.skilled
    skilled, random, pulls = [], [], []
    for writer in range(len(batch) // slots):
        rows = [writer * slots + slot for slot in range(slots)]
        for anchor, positive in permutations(rows[: loss.genuine], 2):
            near = distance(anchor, positive)
            pulls.append(near)
            slot = anchor - writer * slots
            skilled += [penalty(near - distance(anchor, row) + loss.margin) for row in rows[loss.genuine :]]
            for shift in range(1, loss.randoms + 1):
                other = (writer + shift) % (len(batch) // slots) * slots + slot
                random.append(penalty(near - distance(anchor, other) + loss.margin))
    groups = [(loss.skilled_weight, skilled), (1 - loss.skilled_weight, random)]
    present = [(weight, sum(costs) / len(costs)) for weight, costs in groups if costs and weight]
    total = sum(weight * cost for weight, cost in present) / max(sum(weight for weight, _ in present), 1e-6)
    return total + loss.pull * sum(pulls) / len(pulls)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"form": "margin", "margin": 0.2, "gamma": 0.0},
        {"randoms": 2, "skilled_weight": 0.4, "stride": 1},
        {"randoms": 0, "pull": 0.0},
        {"skilled_weight": 0.0, "stride": 3},
    ],
)
def test_loss_equals_plain_loops(options):
    loss = AlignmentLoss(genuine=GENUINE, skilled=SKILLED, **options)
    batch = sequences(len(LABELS), frames=14)
    assert float(loss(LABELS, batch)) == pytest.approx(plain_loss(loss, batch), rel=1e-4, abs=1e-6)


def test_labels_mask_what_does_not_fit():
    """One writer's forgery slots hold genuine labels of another: only the rest counts."""
    loss = AlignmentLoss(genuine=GENUINE, skilled=SKILLED, randoms=0, stride=1)
    batch = sequences(len(LABELS), frames=6)
    labels = LABELS.copy()
    labels[3:5] = [9, 1]
    full = plain_loss(loss, batch)
    partial = float(loss(labels, batch))
    batch[3:5] = 0.77
    assert float(loss(labels, batch)) == pytest.approx(partial, rel=1e-5)
    assert partial != pytest.approx(full, rel=1e-3)


def test_without_skilled_slots():
    loss = AlignmentLoss(genuine=2, skilled=0, stride=1)
    labels = np.array([[0, 1], [0, 1], [1, 1], [1, 1]])
    batch = sequences(4, frames=6)
    assert float(loss(labels, batch)) == pytest.approx(plain_loss(loss, batch), rel=1e-4)


def test_steps_down_the_gradient_lower_it():
    loss = AlignmentLoss(genuine=GENUINE, skilled=SKILLED, stride=1)
    keras.utils.set_random_seed(1)
    layer = keras.layers.Dense(4, activation="tanh")
    model = keras.Sequential([keras.Input((12, 3)), layer])
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss=loss, jit_compile=False)
    batch = sequences(len(LABELS), frames=12)
    losses = [model.train_on_batch(batch, LABELS) for _ in range(8)]
    assert losses[-1] < losses[0]
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize(
    "options",
    [
        {"genuine": 1},
        {"stride": 0},
        {"form": "hinge"},
        {"band": 0.0},
        {"gamma": -1.0},
        {"tau": 0.0},
        {"pull": -1.0},
    ],
)
def test_options_out_of_range(options):
    with pytest.raises(ConfigError):
        AlignmentLoss(**{"genuine": 2, "skilled": 1} | options)


def test_config_makes_the_same_loss():
    config = AlignmentLoss(genuine=2, skilled=1, tau=0.1).get_config()
    assert AlignmentLoss.from_config(config).get_config() == config
