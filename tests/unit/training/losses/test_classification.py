import numpy as np
import pytest

from sigverify.errors import ConfigError
from sigverify.training.losses.classification import ClassificationLoss
from sigverify.training.writer_head import WriterCosines

LABELS = np.array([[0, 1], [2, 1], [1, 1], [1, 0], [2, 1], [3, 1], [7, 1]], np.int32)
"""Four writers are known: the fourth row is a forgery, the last of a held-out writer."""


def plain(labels, cosines, scale, margin):
    costs = []
    for (writer, genuine), row in zip(labels, cosines.astype(np.float64), strict=True):
        if genuine and writer < len(row):
            own = np.exp(scale * (row[writer] - margin))
            others = sum(np.exp(scale * value) for j, value in enumerate(row) if j != writer)
            costs.append(-np.log(own / (own + others)))
    return np.mean(costs) if costs else 0.0


@pytest.mark.parametrize(("scale", "margin"), [(30.0, 0.35), (1.0, 0.0), (10.0, 0.9)])
@pytest.mark.parametrize("seed", range(3))
def test_equals_plain_numpy(scale, margin, seed):
    cosines = np.random.default_rng(seed).uniform(-1, 1, (7, 4)).astype(np.float32)
    found = float(ClassificationLoss(scale=scale, margin=margin)(LABELS, cosines))
    assert found == pytest.approx(plain(LABELS, cosines, scale, margin), rel=1e-5)


def test_forgeries_and_strangers_cost_nothing():
    cosines = np.random.default_rng(0).uniform(-1, 1, (2, 4)).astype(np.float32)
    assert float(ClassificationLoss()(np.array([[1, 0], [4, 1]]), cosines)) == 0


def test_cosines_are_those_of_numpy():
    vectors = np.random.default_rng(1).normal(size=(5, 8)).astype(np.float32)
    layer = WriterCosines(3)
    found = np.asarray(layer(vectors))
    directions = np.asarray(layer.directions)
    expected = [[v @ d / np.linalg.norm(v) / np.linalg.norm(d) for d in directions] for v in vectors]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("options", [{"scale": 0}, {"margin": -0.1}, {"margin": 1}])
def test_options_out_of_range(options):
    with pytest.raises(ConfigError):
        ClassificationLoss(**options)


def test_config_makes_the_same_loss():
    config = ClassificationLoss(scale=16, margin=0.2).get_config()
    assert ClassificationLoss.from_config(config).get_config() == config
