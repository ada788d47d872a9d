import math

import numpy as np
import pytest

from sigverify.errors import ConfigError
from sigverify.training.losses.contrastive import ContrastiveLoss

LABELS = np.array([[0, 1], [0, 1], [0, 0], [1, 1], [1, 1], [1, 1], [1, 0], [2, 1], [2, 0]])


def unit(vectors):
    return [[value / math.hypot(*vector) for value in vector] for vector in vectors]


def mean(values):
    return sum(values) / len(values)


def plain(labels, vectors, margin, skilled_weight):
    """Both formulas pair by pair; forgeries meet the genuine signatures of their writer only."""
    kinds = {"genuine": [], "skilled": [], "random": []}
    rows = list(zip(labels.tolist(), unit(vectors.tolist()), strict=True))
    for one, ((writer, genuine), a) in enumerate(rows):
        for other, ((owner, real), b) in enumerate(rows):
            distance = math.dist(a, b)
            if not genuine or one == other:
                continue
            if writer == owner and real:
                kinds["genuine"].append(distance**2)
            elif writer == owner:
                kinds["skilled"].append(max(0, margin - distance) ** 2)
            elif real:
                kinds["random"].append(max(0, margin - distance) ** 2)
    weights = {"genuine": 1, "skilled": skilled_weight, "random": 1 - skilled_weight}
    present = {kind: costs for kind, costs in kinds.items() if costs}
    total = sum(weights[kind] * mean(costs) for kind, costs in present.items())
    return total / sum(weights[kind] for kind in present)


@pytest.mark.parametrize(("margin", "skilled_weight"), [(1.0, 0.5), (0.7, 0.2), (2.0, 1.0)])
def test_equals_plain_loops(margin, skilled_weight):
    vectors = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32) + 0.5
    loss = ContrastiveLoss(margin=margin, skilled_weight=skilled_weight)
    # float32 against float64, sums of 60 terms of order 1.
    assert float(loss(LABELS, vectors)) == pytest.approx(
        plain(LABELS, vectors, margin, skilled_weight), rel=1e-5
    )


@pytest.mark.parametrize("angle", [0.0, 0.3, 1.0, math.pi])
def test_one_pair(angle):
    pair = np.array([[3, 0], [5 * math.cos(angle), 5 * math.sin(angle)]], np.float32)
    distance = 2 * math.sin(angle / 2)
    genuine = float(ContrastiveLoss()(np.array([[0, 1], [0, 1]]), pair))
    forged = float(ContrastiveLoss(margin=1.5)(np.array([[0, 1], [0, 0]]), pair))
    other = float(ContrastiveLoss(margin=1.5)(np.array([[0, 1], [1, 1]]), pair))
    assert genuine == pytest.approx(distance**2, abs=1e-5)
    assert forged == other == pytest.approx(max(0, 1.5 - distance) ** 2, abs=1e-5)


def test_nothing_to_compare_costs_nothing():
    assert float(ContrastiveLoss()(np.array([[0, 0], [0, 0]]), np.eye(2, dtype=np.float32))) == 0


@pytest.mark.parametrize("options", [{"margin": 0}, {"margin": 3}, {"skilled_weight": 2}])
def test_options_out_of_range(options):
    with pytest.raises(ConfigError):
        ContrastiveLoss(**options)


def test_config_makes_the_same_loss():
    config = ContrastiveLoss(margin=0.4, skilled_weight=0.1).get_config()
    assert ContrastiveLoss.from_config(config).get_config() == config
