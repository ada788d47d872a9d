"""What is written of networks, and how it is read."""

from pathlib import Path

import numpy as np
import pytest

from sigverify.errors import TrainingError
from sigverify.training import weights
from sigverify.training.backend import keras
from sigverify.training.weights import load_network, load_weights, save_weights, save_whole


def small(units=3, *, seed=1):
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(units)(inputs))
    model.compile(keras.optimizers.Adam(), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def values(model):
    return [keras.ops.convert_to_numpy(each) for each in (*model.weights, *model.optimizer.variables)]


def test_weights_and_optimizer_come_back(tmp_path):
    one, other = small(seed=1), small(seed=2)
    one.optimizer.learning_rate = 0.25
    save_weights(one, tmp_path / "a.weights.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["a.weights.h5"]
    load_weights(other, tmp_path / "a.weights.h5")
    for mine, its in zip(values(one), values(other), strict=True):
        np.testing.assert_array_equal(mine, its)
    one.save_weights(tmp_path / "keras.weights.h5")  # what it writes by itself
    load_weights(small(seed=3), tmp_path / "keras.weights.h5")


def test_a_network_comes_back(tmp_path):
    model = small()
    save_whole(model, tmp_path / "a.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["a.keras"]
    for mine, its in zip(model.get_weights(), load_network(tmp_path / "a.keras").get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_a_keras_that_takes_names_alone(tmp_path):
    path = tmp_path / "a.weights.h5"
    weights._write(path, lambda target: Path(str(target)).write_bytes(b"content"))
    assert path.read_bytes() == b"content"
    assert list(tmp_path.iterdir()) == [path]


# Keras says of a file of another network that it skips some of it, before it refuses it.
@pytest.mark.filterwarnings("ignore:Skipping nested container:UserWarning")
def test_others_and_damaged_ones_are_errors(tmp_path):
    path = tmp_path / "a.weights.h5"
    save_weights(small(units=5), path)
    whole = path.read_bytes()
    for content in (whole, whole[: len(whole) // 2], b"", bytes(len(whole))):
        path.write_bytes(content)
        with pytest.raises(TrainingError, match=r"a.weights.h5 cannot be loaded; expected weights of this"):
            load_weights(small(), path)
    with pytest.raises(TrainingError, match="cannot be loaded"):
        load_weights(small(), tmp_path / "none.weights.h5")
