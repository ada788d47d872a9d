import math

import numpy as np
import pytest

from sigverify.errors import ConfigError
from sigverify.training.losses.supervised import SupervisedContrastiveLoss

LABELS = np.array([[0, 1], [0, 1], [0, 0], [1, 1], [1, 1], [1, 1], [1, 0], [2, 1], [2, 0]])


def plain(labels, vectors, tau):
    """The formula, anchor by anchor."""
    rows = [
        (w, g, v / np.linalg.norm(v))
        for (w, g), v in zip(labels.tolist(), vectors.astype(float), strict=True)
    ]
    costs = []
    for one, (writer, genuine, z) in enumerate(rows):
        others = [
            (w == writer and bool(g), math.exp(float(z @ v) / tau))
            for other, (w, g, v) in enumerate(rows)
            if other != one and (g or w == writer)
        ]
        mates = [value for is_mate, value in others if is_mate]
        if genuine and mates:
            whole = sum(value for _, value in others)
            costs.append(sum(-math.log(value / whole) for value in mates) / len(mates))
    return sum(costs) / len(costs)


@pytest.mark.parametrize("tau", [0.05, 0.1, 1.0])
def test_equals_plain_loops(tau):
    vectors = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32) + 0.5
    found = float(SupervisedContrastiveLoss(tau=tau)(LABELS, vectors))
    # float32 against float64; exponents up to 1 / tau = 20.
    assert found == pytest.approx(plain(LABELS, vectors, tau), rel=1e-4)


def test_nobody_has_a_mate():
    labels = np.array([[0, 1], [1, 1], [1, 0]])
    vectors = np.eye(3, dtype=np.float32)
    assert float(SupervisedContrastiveLoss()(labels, vectors)) == 0.0


def test_vectors_without_length_stay_finite():
    assert np.isfinite(float(SupervisedContrastiveLoss()(LABELS, np.zeros((9, 5), np.float32))))


@pytest.mark.parametrize("tau", [0.0, -1.0, math.nan])
def test_refuses_a_temperature(tau):
    with pytest.raises(ConfigError, match="tau"):
        SupervisedContrastiveLoss(tau=tau)
