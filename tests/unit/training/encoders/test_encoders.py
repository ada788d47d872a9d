import numpy as np
import pytest

from sigverify.errors import ConfigError
from sigverify.modality.image.sheet import HEIGHT, WIDTH
from sigverify.modality.pen.features import CHANNELS, CLIP, FRAMES
from sigverify.training.backend import keras
from sigverify.training.encoders import build_encoder, encoder_names

SMALL = {"width": 8, "dilations": [1, 2]}
FEATURES = np.clip(np.random.default_rng(0).normal(size=(3, FRAMES, CHANNELS)), -CLIP, CLIP).astype(
    np.float32
)
SHEETS = np.random.default_rng(0).random((2, HEIGHT, WIDTH, 1), np.float32)


def run(network, inputs=FEATURES):
    return {name: np.asarray(value) for name, value in network(inputs).items()}


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
    ("name", "options"),
    [
        ("cnn", {"sequence_size": 8}),
        ("koch2015", {"vector_size": 32}),
        ("signet", {"width": 0.1}),
        ("backbone", {"application": "MobileNet", "trained_layers": 3}),
    ],
)
def test_encoders_of_pictures_keep_the_contract(name, options):
    network = build_encoder(name, options, modality="image")
    assert network.input.name == "features"
    assert network.input.shape == (None, HEIGHT, WIDTH, 1)
    outputs = run(network, SHEETS)
    assert set(outputs) <= {"vector", "sequence"}
    assert outputs["vector"].shape[0] == 2
    assert all(value.dtype == np.float32 for value in outputs.values())
    # Two pictures are two vectors: nothing on the way is constant.
    assert not np.array_equal(*outputs["vector"])


def test_cnn_shapes_and_size():
    network = build_encoder("cnn", {"sequence_size": 16}, modality="image")
    outputs = run(network, SHEETS)
    assert outputs["vector"].shape == (2, 64)
    assert outputs["sequence"].shape == (2, WIDTH // 2, 16)
    assert np.abs(outputs["sequence"]).max() <= 1
    assert 100_000 <= network.count_params() <= 250_000


def test_cnn_begins_with_the_directions_of_strokes():
    network = build_encoder("cnn", modality="image")
    layer = network.get_layer("directions")
    assert not layer.trainable
    rising = np.zeros((1, HEIGHT, WIDTH, 1), np.float32)
    rising[:, HEIGHT // 2 :] = 1
    strengths = np.asarray(layer(rising))[0, HEIGHT // 2, WIDTH // 2]
    # Paper above, ink below: the gradient points down, the third of eight directions from the right.
    assert strengths.argmax() == 2
    np.testing.assert_allclose(strengths[[0, 4, 5, 6, 7]], 0, atol=1e-5)
    np.testing.assert_allclose(strengths[[1, 3]], strengths[2] / np.sqrt(2), rtol=1e-5)


def test_cnn_maps_to_the_edge_tpu():
    known = {
        "InputLayer", "Conv2D", "BatchNormalization", "ReLU", "Add", "AveragePooling2D", "Flatten", "Dense",
    }  # fmt: skip
    assert {type(layer).__name__ for layer in build_encoder("cnn", modality="image").layers} <= known


def test_koch_has_the_layers_of_2015():
    network = build_encoder("koch2015", {"vector_size": 16}, modality="image")
    sizes = [network.get_layer(f"layer{number}").output.shape[1:] for number in (1, 2, 3, 4)]
    assert sizes == [(96, 96, 64), (42, 42, 128), (18, 18, 128), (6, 6, 256)]


def test_a_backbone_trains_its_last_layers_and_starts_from_a_file(tmp_path):
    options = {"application": "MobileNet", "trained_layers": 3}
    first = build_encoder("backbone", options, modality="image")
    first.save(tmp_path / "known.keras")
    known = next(layer for layer in first.layers if layer.name.startswith("mobilenet"))
    trained = [layer.name for layer in known.layers if layer.trainable]
    assert len(trained) == 3
    known.save(tmp_path / "photographs.keras")
    weights = {"weights": str(tmp_path / "photographs.keras")}
    again = build_encoder("backbone", options | weights, modality="image")
    copied = next(layer for layer in again.layers if layer.name.startswith("mobilenet"))
    np.testing.assert_array_equal(known.get_weights()[0], copied.get_weights()[0])


def test_a_backbone_of_fewer_layers_trains_all():
    options = {"application": "MobileNet", "trained_layers": 90}
    network = build_encoder("backbone", options, modality="image")
    known = next(layer for layer in network.layers if layer.name.startswith("mobilenet"))
    assert len(known.layers) < 90
    assert all(layer.trainable for layer in known.layers)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("cnn", {"widths": [8, 8]}, "four widths"),
        ("cnn", {"sequence_size": 500}, "129"),
        ("cnn", {"dropout": 1}, "below 1"),
        ("signet", {"width": 2}, "out of range"),
        ("backbone", {"application": "VGG16"}, "unknown backbone"),
        ("backbone", {"vector_size": 0}, "out of range"),
        ("backbone", {"weights": "no-such-file.weights.h5"}, "do not fit"),
        ("tdnn", {}, "for another modality"),
    ],
)
def test_what_does_not_fit_an_encoder_of_pictures_is_refused(name, options, says):
    with pytest.raises(ConfigError, match=says):
        build_encoder(name, options, modality="image")


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
