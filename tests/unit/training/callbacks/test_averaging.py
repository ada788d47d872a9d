import numpy as np
import pytest

from sigverify.training.backend import keras
from sigverify.training.callbacks import Averaging
from sigverify.training.callbacks.averaging import averaged

X = np.eye(3, dtype=np.float32)
Y = np.arange(3, dtype=np.float32)[:, None]


def make_network(ema):
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, use_bias=False)])
    optimizer = keras.optimizers.SGD(0.1, use_ema=ema > 0, ema_momentum=ema)
    network.compile(optimizer=optimizer, loss="mse")
    optimizer.build(network.trainable_variables)
    return network


class Watch(keras.callbacks.Callback):
    """The weights after every step, and those in place while keras evaluates."""

    def __init__(self):
        super().__init__()
        self.steps, self.tested, self.ended, self.kept = [], [], [], []

    def on_train_batch_end(self, *_, **__):
        self.steps.append(self.model.get_weights()[0].copy())

    def on_test_batch_end(self, *_, **__):
        self.tested.append(self.model.get_weights()[0].copy())

    def on_epoch_end(self, *_, **__):
        self.ended.append(self.model.get_weights()[0].copy())
        with averaged(self.model):
            self.kept.append(self.model.get_weights()[0].copy())


@pytest.mark.parametrize("ema", [0.0, 0.7])
def test_averages_stand_in_for_the_last_weights(ema):
    watch = Watch()
    network = make_network(ema)
    callbacks = [Averaging(), watch]
    network.fit(
        X, Y, batch_size=1, epochs=2, validation_data=(X, Y), validation_batch_size=3, callbacks=callbacks,
        verbose=0,
    )  # fmt: skip
    average = watch.steps[0]
    for number, step in enumerate(watch.steps[1:], start=2):
        average = ema * average + (1 - ema) * step
        if number in {3, 6}:
            epoch = number // 3 - 1
            np.testing.assert_allclose(watch.tested[epoch], average, atol=1e-6)
            np.testing.assert_allclose(watch.kept[epoch], average, atol=1e-6)
            np.testing.assert_allclose(watch.ended[epoch], step, atol=1e-6)
