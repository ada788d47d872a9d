import numpy as np
import pytest

from sigverify.matching.cues import PAIR
from sigverify.matching.scoring import FLOOR, evidence
from sigverify.training.backend import keras
from sigverify.training.pair.network import SmallLoss, TrialLoss, build, in_score
from sigverify.training.pair.trials import TRIALS, between

SHAPE = (128, 22)
COUNT = sum(len(trials.probes) for trials in TRIALS)


@pytest.fixture
def network():
    keras.utils.set_random_seed(1)
    return build(SHAPE, width=8, dilations=(1, 2), dropout=0.0)


def batch(writers=3, seed=0):
    rng = np.random.default_rng(seed)
    pairs = rng.normal(size=(writers, 30, *SHAPE)).astype(np.float32)
    return {"pairs": pairs, "offset": rng.normal(size=(writers, COUNT)).astype(np.float32)}


def plain_evidence(said):
    """Evidence of exp(said) for every trial of every writer, as `scoring` has it: `(writers, n, 3)`."""
    return np.array(
        [
            [
                evidence(table[probe, chosen], table[np.ix_(chosen, chosen)], (PAIR,))
                for trials in TRIALS
                for chosen, probe in zip(trials.sets, trials.probes, strict=True)
            ]
            for table in between(np.exp(said)[..., np.newaxis], np.ones(1, np.float32))
        ]
    )


def test_one_number_a_pair(network):
    assert network.input_shape == (None, *SHAPE)
    said = np.asarray(network(batch()["pairs"][0]))
    assert said.shape == (30, 1)
    assert np.ptp(said) > 0
    assert network.count_params() < 6000


def test_it_maps_to_the_edge_tpu():
    known = {
        "InputLayer", "Reshape", "Conv2D", "ReLU", "SpatialDropout2D", "Add", "AveragePooling2D",
        "MaxPooling2D", "Rescaling", "Concatenate", "Flatten", "Dense",
    }  # fmt: skip
    for layer in build(SHAPE, width=8, dilations=(1, 4), dropout=0.1).layers:
        assert type(layer).__name__ in known
        if type(layer).__name__ == "Conv2D":
            assert layer.kernel_size[0] == 1
            assert layer.dilation_rate[0] == layer.dilation_rate[1]


@pytest.mark.parametrize("scale", [1.0, 20.0])
def test_its_evidence_is_added_as_scoring_has_it(network, scale):
    """Also where distances lie below the floor."""
    network.get_layer("pair").set_weights([scale * each for each in network.get_layer("pair").get_weights()])
    model, rng, inputs = in_score(network), np.random.default_rng(2), batch()
    fusion = model.get_layer("odds")
    column, bias = rng.normal(size=(3, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32)
    fusion.set_weights([column, bias])
    outputs = {name: np.asarray(value) for name, value in model(inputs).items()}
    said = outputs["said"].astype(np.float64)
    np.testing.assert_allclose(
        said, np.asarray(network(inputs["pairs"].reshape(-1, *SHAPE))).reshape(3, 30), rtol=1e-5, atol=1e-6
    )
    said = np.maximum(said, np.log(FLOOR))
    values = plain_evidence(said)
    number = np.repeat(np.arange(3), [len(trials.probes) for trials in TRIALS])
    expected = inputs["offset"] + (values * column[number]).sum(axis=-1) + bias[number]
    np.testing.assert_allclose(outputs["odds"], expected, rtol=1e-3, atol=1e-3)


def test_before_training_a_smaller_distance_is_more_genuine(network):
    model = in_score(network)
    column, bias = model.get_layer("odds").get_weights()
    assert column.tolist() == [[-2, 0, 0], [-1, -1, 0], [-1, -1, 0]]
    assert not bias.any()


def test_the_loss_is_the_weighted_log_loss_of_the_trials():
    odds = np.random.default_rng(0).normal(size=(4, COUNT)).astype(np.float32)
    expected, start = np.zeros(4), 0
    for trials in TRIALS:
        part = odds[:, start : start + len(trials.probes)].astype(np.float64)
        loss = np.where(trials.sign > 0, np.log1p(np.exp(-part)), np.log1p(np.exp(part)))
        expected += (trials.weights * loss).sum(axis=1) / 3
        start += len(trials.probes)
    assert float(TrialLoss()(np.zeros_like(odds), odds)) == pytest.approx(expected.mean(), rel=1e-5)
    assert float(TrialLoss()(np.zeros_like(odds), np.zeros_like(odds))) == pytest.approx(np.log(2), rel=1e-5)


def test_what_is_said_is_kept_small():
    said = np.full((2, 30), 3.0, np.float32)
    assert float(SmallLoss()(np.zeros_like(said), said)) == pytest.approx(9e-3, rel=1e-5)


def test_the_network_is_saved_and_loaded(network, tmp_path):
    network.save(tmp_path / "pair.keras")
    again = keras.saving.load_model(tmp_path / "pair.keras", compile=False)
    pairs = batch()["pairs"][0]
    np.testing.assert_array_equal(np.asarray(network(pairs)), np.asarray(again(pairs)))
