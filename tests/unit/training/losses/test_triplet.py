import math

import numpy as np
import pytest

from sigverify.errors import ConfigError
from sigverify.training.losses.triplet import TripletLoss

LABELS = np.array([[0, 1], [0, 1], [0, 0], [1, 1], [1, 1], [1, 1], [1, 0], [2, 1], [2, 0]])


def distances_of(vectors):
    unit = [[value / math.hypot(*vector) for value in vector] for vector in vectors.tolist()]
    return [[math.dist(a, b) for b in unit] for a in unit]


def partners(labels, anchor):
    writer = labels[anchor][0]
    rows = range(len(labels))
    positives = [n for n in rows if n != anchor and labels[n][0] == writer and labels[n][1]]
    negatives = [n for n in rows if (labels[n][0] == writer) != bool(labels[n][1])]
    return positives, negatives


def plain_batch_hard(labels, vectors, margin):
    distance, costs = distances_of(vectors), []
    for anchor in range(len(labels)):
        positives, negatives = partners(labels, anchor)
        if labels[anchor][1] and positives and negatives:
            far = max(distance[anchor][n] for n in positives)
            near = min(distance[anchor][n] for n in negatives)
            costs.append(max(0, far - near + margin))
    return sum(costs) / len(costs)


def plain_semi_hard(labels, vectors, margin):
    distance, costs = distances_of(vectors), []
    for anchor in range(len(labels)):
        positives, negatives = partners(labels, anchor)
        if not labels[anchor][1]:
            continue
        for positive in positives:
            to_positive = distance[anchor][positive]
            farther = [distance[anchor][n] for n in negatives if distance[anchor][n] > to_positive]
            chosen = min(farther) if farther else max(distance[anchor][n] for n in negatives)
            costs.append(max(0, to_positive - chosen + margin))
    return sum(costs) / len(costs)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("margin", [0.1, 0.5])
@pytest.mark.parametrize(
    ("mining", "plain"), [("batch-hard", plain_batch_hard), ("semi-hard", plain_semi_hard)]
)
def test_equals_plain_loops(mining, plain, margin, seed):
    vectors = np.random.default_rng(seed).normal(size=(9, 3)).astype(np.float32)
    found = float(TripletLoss(margin=margin, mining=mining)(LABELS, vectors))
    assert found == pytest.approx(plain(LABELS.tolist(), vectors, margin), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("mining", ["batch-hard", "semi-hard"])
def test_far_impostors_cost_nothing(mining):
    vectors = np.array([[1, 0], [1, 0.01], [-1, 0], [-1, 0.01]], np.float32)
    assert float(TripletLoss(mining=mining)(np.array([[0, 1], [0, 1], [1, 1], [1, 1]]), vectors)) == 0


@pytest.mark.parametrize("mining", ["batch-hard", "semi-hard"])
def test_without_positives_or_negatives_costs_nothing(mining):
    vectors = np.eye(2, dtype=np.float32)
    for labels in ([[0, 1], [1, 1]], [[0, 1], [0, 1]], [[0, 0], [1, 0]]):
        assert float(TripletLoss(mining=mining)(np.array(labels), vectors)) == 0


@pytest.mark.parametrize("options", [{"margin": -1}, {"mining": "hardest"}])
def test_options_out_of_range(options):
    with pytest.raises(ConfigError):
        TripletLoss(**options)


def test_config_makes_the_same_loss():
    config = TripletLoss(margin=0.4, mining="semi-hard").get_config()
    assert TripletLoss.from_config(config).get_config() == config
