import numpy as np
import pytest

from sigverify.errors import ConfigError
from sigverify.modality.pen.features import CHANNELS, CLIP, FRAMES
from sigverify.training.backend import keras
from sigverify.training.encoders import build_encoder, encoder_names

SMALL = {"width": 8, "dilations": [1, 2]}
FEATURES = np.clip(np.random.default_rng(0).normal(size=(3, FRAMES, CHANNELS)), -CLIP, CLIP).astype(
    np.float32
)


def run(network):
    return {name: np.asarray(value) for name, value in network(FEATURES).items()}


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(1)


@pytest.mark.parametrize("name", encoder_names("pen"))
def test_input_and_outputs_keep_the_contract(name):
    network = build_encoder(name)
    assert network.input.name == "features"
    assert network.input.shape == (None, FRAMES, CHANNELS)
    outputs = run(network)
    assert set(outputs) <= {"vector", "sequence"}
    assert outputs["vector"].ndim == 2
    assert all(value.dtype == np.float32 for value in outputs.values())


def test_tdnn_shapes_and_size():
    network = build_encoder("tdnn")
    outputs = run(network)
    assert outputs["vector"].shape == (3, 64)
    assert outputs["sequence"].shape == (3, FRAMES // 2, 16)
    assert np.abs(outputs["sequence"]).max() <= 1
    assert 150_000 <= network.count_params() <= 250_000


def test_tdnn_maps_to_the_edge_tpu():
    """Constant shapes, nothing recurrent, dilations equal in both directions, kernels of height 1."""
    known = {
        "InputLayer", "Reshape", "Conv2D", "BatchNormalization", "Activation", "Add", "AveragePooling2D",
        "MaxPooling2D", "Concatenate", "Flatten", "Dense",
    }  # fmt: skip
    for layer in build_encoder("tdnn", {"carried": 7}).layers:
        assert type(layer).__name__ in known
        if type(layer).__name__ == "Conv2D":
            assert layer.kernel_size[0] == 1
            assert layer.dilation_rate[0] == layer.dilation_rate[1]


def test_carried_channels_are_the_averaged_input():
    network = build_encoder("tdnn", SMALL | {"carried": 3, "sequence_size": 5})
    sequence = run(network)["sequence"]
    assert sequence.shape == (3, FRAMES // 2, 8)
    expected = FEATURES[:, :, :3].reshape(3, FRAMES // 2, 2, 3).mean(axis=2) / CLIP
    np.testing.assert_allclose(sequence[..., :3], expected, atol=1e-6)
    assert not any("carried" in weight.path for weight in network.trainable_weights)


def test_tdnn_without_a_sequence():
    network = build_encoder("tdnn", SMALL | {"sequence_size": 0})
    assert set(run(network)) == {"vector"}


def test_dropout_acts_in_training_only():
    network = build_encoder("tdnn", SMALL | {"dropout": 0.5})
    first, again = (np.asarray(network(FEATURES, training=True)["vector"]) for _ in range(2))
    assert not np.allclose(first, again)
    np.testing.assert_array_equal(run(network)["vector"], run(network)["vector"])


def test_bromley_has_the_layers_of_1993():
    network = build_encoder("bromley1993")
    assert [network.get_layer(f"average{n}").output.shape[2:] for n in (1, 2)] == [(82, 12), (24, 16)]
    assert set(run(network)) == {"vector"}


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("lstm", {}, "unknown encoder"),
        ("tdnn", {"height": 3}, "no such option"),
        ("tdnn", {"width": 0}, "at least 1"),
        ("tdnn", {"dilations": []}, "tdnn"),
        ("tdnn", {"sequence_size": -1}, "at least 1"),
        ("tdnn", {"sequence_size": 0, "carried": 3}, "does not fit"),
        ("tdnn", {"width": "wide"}, "does not fit"),
        ("tdnn", {"activation": "gelu"}, "out of range"),
        ("tdnn", {"carried": 99}, "out of range"),
        ("tdnn", {"carried": 2, "sequence_size": 128}, "at most 129.*2 and 128"),
        ("bromley1993", {"maps": [4]}, "do not fit"),
        ("bromley1993", {"kernels": [200, 200]}, "do not fit"),
    ],
)
def test_what_does_not_fit_is_refused(name, options, says):
    with pytest.raises(ConfigError, match=says):
        build_encoder(name, options)
