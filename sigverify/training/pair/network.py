"""The pair network, and the score that it is trained in."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from sigverify.matching.scoring import FLOOR
from sigverify.training.backend import keras, ops
from sigverify.training.pair.trials import PROBES, SIGN, TRIALS, WEIGHTS, pair_numbers

Tensor = Any

_PEAK: Final = 0.3
"""What the maximum over time is multiplied by, beside the mean: it would drown that."""
_SMALL: Final = 1e-3
"""Weight of the square of what the network says: it should say 0 where it knows nothing."""


def build(
    shape: tuple[int, int], *, width: int, dilations: Sequence[int], dropout: float, stride: int = 4
) -> Any:
    """Make the network: pairs `(steps, depth)` to the logarithm of a distance, `(1,)`.

    A convolution over `2 * stride` steps lowers the rate to one in `stride`; residual blocks (a dilated
    convolution over three, then one over one) see wider contexts; mean and maximum over time go through a
    dense layer of 32. Every operator maps to the Edge TPU, and there is no normalization layer.
    """
    steps, depth = shape
    inputs = keras.Input(shape, name="pairs")
    row = keras.layers.Reshape((1, steps, depth), name="row")(inputs)
    trunk = keras.layers.ReLU(name="stem_act")(_convolve(row, width, 2 * stride, "stem", strides=stride))
    for number, dilation in enumerate(dilations, start=1):
        name = f"block{number}"
        out = keras.layers.ReLU(name=f"{name}a_act")(
            _convolve(trunk, width, 3, f"{name}a", dilation=dilation)
        )
        if dropout:
            out = keras.layers.SpatialDropout2D(dropout, name=f"{name}_drop")(out)
        out = keras.layers.Add(name=f"{name}_add")([trunk, _convolve(out, width, 1, f"{name}b")])
        trunk = keras.layers.ReLU(name=f"{name}_act")(out)
    frames = trunk.shape[2]
    mean = keras.layers.AveragePooling2D((1, frames), name="mean")(trunk)
    peak = keras.layers.MaxPooling2D((1, frames), name="peak")(trunk)
    pooled = keras.layers.Concatenate(name="pooled")([mean, keras.layers.Rescaling(_PEAK, name="less")(peak)])
    hidden = keras.layers.Dense(32, activation="relu", name="hidden")(
        keras.layers.Flatten(name="flat")(pooled)
    )
    small = keras.initializers.RandomNormal(stddev=0.05)
    said = keras.layers.Dense(1, kernel_initializer=small, name="pair")(hidden)
    return keras.Model(inputs, said, name="pair")


def _convolve(
    inputs: Tensor, width: int, kernel: int, name: str, *, strides: int = 1, dilation: int = 1
) -> Tensor:
    return keras.layers.Conv2D(
        width,
        (1, kernel),
        strides=(1, strides),
        padding="same",
        dilation_rate=(dilation, dilation),
        kernel_initializer="he_normal",
        name=name,
    )(inputs)


def in_score(network: Any) -> Any:
    """Put the network where it will stand: its evidence added to the log odds of the measured cues.

    Inputs are "pairs" `(m, steps, depth)` and "offset" `(n,)` of a writer; outputs "odds" `(n,)` of all
    trials, and "said" `(m,)`, what the network says of each pair.
    """
    shape = network.input_shape[1:]
    pairs = keras.Input((len(PROBES), *shape), name="pairs")
    offset = keras.Input(SIGN.shape, name="offset")
    each = network(ops.reshape(pairs, (-1, *shape)))
    said = keras.layers.Reshape((len(PROBES),), name="said")(ops.reshape(each, (-1, len(PROBES))))
    odds = Fusion(name="odds")([said, offset])
    return keras.Model({"pairs": pairs, "offset": offset}, {"odds": odds, "said": said}, name="pair_in_score")


@keras.saving.register_keras_serializable("sigverify")
class Fusion(keras.layers.Layer):
    """Adds the evidence of the network's distances exp(s), as `scoring.evidence` has it, to log odds."""

    def build(self, input_shape: Any) -> None:
        """Weights of the three columns of evidence, and a bias, for each number of references."""
        del input_shape
        start = np.array([[-1.0, -1.0, 0.0]] * len(TRIALS), np.float32)
        start[0] = (-2.0, 0.0, 0.0)  # of one reference least and mean are the same
        self.column = self.add_weight(
            shape=start.shape, initializer=lambda *_, **__: ops.convert_to_tensor(start), name="column"
        )
        self.bias = self.add_weight(shape=(len(TRIALS),), initializer="zeros", name="bias")

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """From what is said of pairs `(b, m)` and log odds `(b, n)` to log odds `(b, n)`."""
        said, offset = inputs
        floor = float(np.log(FLOOR))
        said = ops.maximum(said, floor)
        numbers, parts = pair_numbers(), []
        for row, trials in enumerate(TRIALS):
            ratio = _take(said, numbers[trials.probes[:, np.newaxis], trials.sets])
            level = ops.zeros_like(ratio)
            if trials.references > 1:
                # Of each reference the other ones: of the mean of their distances the logarithm.
                others = np.array(
                    [[np.delete(chosen, k) for k in range(len(chosen))] for chosen in trials.sets]
                )
                near = _take(said, numbers[trials.sets[:, :, np.newaxis], others])
                level = ops.logsumexp(near, axis=-1) - float(np.log(trials.references - 1))
            ratio = ratio - level
            parts.append(
                self.column[row, 0] * ops.min(ratio, axis=-1)
                + self.column[row, 1] * ops.mean(ratio, axis=-1)
                + self.column[row, 2] * ops.mean(level, axis=-1)
                + self.bias[row]
            )
        return offset + ops.concatenate(parts, axis=-1)


def _take(said: Tensor, numbers: Any) -> Tensor:
    """Values of pairs `(b, m)` at numbers of any shape: `(b, *numbers.shape)`."""
    return ops.reshape(ops.take(said, numbers.ravel(), axis=1), (-1, *numbers.shape))


class TrialLoss(keras.losses.Loss):
    """Weighted log loss of all trials, the mean over the numbers of references."""

    def __init__(self) -> None:
        """Prepare the signs and weights of the trials."""
        super().__init__(name="trials")
        self.sign, self.weights = SIGN, WEIGHTS.astype(np.float32)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return it for each writer, `(b,)`; nothing is asked of `y_true`."""
        del y_true
        return ops.sum(self.weights * ops.softplus(-self.sign * y_pred), axis=-1)


class SmallLoss(keras.losses.Loss):
    """Keeps what the network says small."""

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return it for each writer, `(b,)`; nothing is asked of `y_true`."""
        del y_true
        return _SMALL * ops.mean(ops.square(y_pred), axis=-1)
