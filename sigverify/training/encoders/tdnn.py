"""The default encoder: a residual time-delay network with two outputs."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from sigverify.errors import ConfigError
from sigverify.matching.elastic import MOST_DEPTH, can_be_aligned
from sigverify.modality.pen.features import CHANNELS, CLIP, FRAMES
from sigverify.training.backend import keras

Tensor = Any

ACTIVATIONS: Final = ("relu", "relu6")


def build(
    *,
    width: int = 64,
    dilations: Sequence[int] = (1, 2, 4, 8, 16, 1),
    kernel: int = 5,
    stem_kernel: int = 7,
    vector_size: int = 64,
    sequence_size: int = 16,
    carried: int = 0,
    activation: str = "relu",
    dropout: float = 0.0,
) -> Any:
    """Make the time-delay network.

    "vector" is `(vector_size,)`, raw; "sequence" is `(FRAMES / 2, sequence_size)` in [-1, 1].

    A strided convolution halves the rate; residual blocks (dilated (1, kernel) convolution, then (1, 1))
    see ever wider contexts; the sequence is a (1, 1) convolution and tanh of the last block, the vector a
    dense layer on mean and maximum over time. With the defaults 0.17 million parameters and 21 million
    multiply-adds.

    Every operator maps to the Edge TPU: 2-D convolutions on maps of height 1, equal dilation in both
    directions, constant shapes, nothing recurrent.

    Args:
        width: channels of the trunk.
        dilations: one residual block each.
        kernel: frames that a block's first convolution sees, at its dilation.
        stem_kernel: frames that the first layer sees.
        vector_size: values of the vector.
        sequence_size: learned channels of the sequence; 0 together with `carried` 0: there is none.
        carried: input channels, from the first, that are averaged to half rate, divided by CLIP and put
            before the learned part of the sequence, which then holds carried + sequence_size channels: what
            is known by hand stays.
        activation: "relu" or "relu6".
        dropout: share of whole channels dropped in each block while training.

    Raises:
        ConfigError: an option out of range.

    Source: time delays: A. Waibel et al., 1989; the Siamese use: J. Bromley et al., NIPS 1993; residual
    dilated blocks: S. Bai, J. Z. Kolter, V. Koltun, 2018, section 3, here not causal.
    """
    if min(width, kernel, stem_kernel, vector_size, *dilations) < 1 or sequence_size < 0 or not dilations:
        raise ConfigError("tdnn sizes must be at least 1", received=f"width {width}, dilations {dilations}")
    if not can_be_aligned(FRAMES // 2, carried + sequence_size):
        raise ConfigError(
            "the tdnn's sequence cannot be aligned",
            expected=f"carried and sequence_size of together at most {MOST_DEPTH}",
            received=f"{carried} and {sequence_size}",
        )
    if not (0 <= carried <= CHANNELS and 0 <= dropout < 1 and activation in ACTIVATIONS):
        raise ConfigError(
            "tdnn options out of range",
            expected=f"0 <= carried <= {CHANNELS}, 0 <= dropout < 1, activation {' or '.join(ACTIVATIONS)}",
            received=f"{carried}, {dropout}, {activation}",
        )
    features = keras.Input((FRAMES, CHANNELS), name="features")
    row = keras.layers.Reshape((1, FRAMES, CHANNELS), name="row")(features)
    trunk = _convolve(row, width, stem_kernel, "stem", activation, strides=(1, 2))
    for number, dilation in enumerate(dilations, start=1):
        trunk = _block(trunk, width, kernel, dilation, f"block{number}", activation, dropout)
    outputs = {"vector": _vector(trunk, vector_size)}
    if sequence_size + carried:
        outputs["sequence"] = _sequence(trunk, row, sequence_size, carried)
    return keras.Model(features, outputs, name="tdnn")


def _convolve(
    inputs: Tensor,
    width: int,
    kernel: int,
    name: str,
    activation: str | None,
    *,
    strides: tuple[int, int] = (1, 1),
    dilation: int = 1,
) -> Tensor:
    """Convolution without bias, batch normalization (folded at conversion), activation."""
    out = keras.layers.Conv2D(
        width,
        (1, kernel),
        strides=strides,
        padding="same",
        dilation_rate=(dilation, dilation),
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(inputs)
    out = keras.layers.BatchNormalization(name=f"{name}_norm", momentum=0.97)(out)
    return keras.layers.Activation(activation, name=f"{name}_act")(out) if activation else out


def _block(
    inputs: Tensor, width: int, kernel: int, dilation: int, name: str, activation: str, dropout: float
) -> Tensor:
    out = _convolve(inputs, width, kernel, f"{name}a", activation, dilation=dilation)
    if dropout:
        out = keras.layers.SpatialDropout2D(dropout, name=f"{name}_drop")(out)
    out = _convolve(out, width, 1, f"{name}b", None)
    out = keras.layers.Add(name=f"{name}_add")([inputs, out])
    return keras.layers.Activation(activation, name=f"{name}_act")(out)


def _vector(trunk: Tensor, size: int) -> Tensor:
    """Mean and maximum over time, then a dense layer in float32: not normalized, int8 would suffer."""
    frames = trunk.shape[2]
    mean = keras.layers.AveragePooling2D((1, frames), name="mean")(trunk)
    peak = keras.layers.MaxPooling2D((1, frames), name="peak")(trunk)
    pooled = keras.layers.Concatenate(name="pooled")([mean, peak])
    flat = keras.layers.Flatten(name="flat")(pooled)
    return keras.layers.Dense(size, dtype="float32", name="vector")(flat)


def _sequence(trunk: Tensor, row: Tensor, size: int, carried: int) -> Tensor:
    """Bounded by tanh, so that int8 has a known range; float32 under mixed precision."""
    frames = trunk.shape[2]
    learned = keras.layers.Conv2D(size, (1, 1), activation="tanh", dtype="float32", name="sequence_conv")(
        trunk
    )
    if carried:
        known = _carry(row, carried)
        learned = keras.layers.Concatenate(name="sequence_join", dtype="float32")([known, learned])
        size += carried
    return keras.layers.Reshape((frames, size), dtype="float32", name="sequence")(learned)


def _carry(row: Tensor, carried: int) -> Tensor:
    """Average the first channels over two frames and bring them to [-1, 1], in one fixed convolution."""
    layer = keras.layers.Conv2D(
        carried, (1, 2), strides=(1, 2), use_bias=False, trainable=False, dtype="float32", name="carried"
    )
    known = layer(row)
    taps = np.zeros((1, 2, row.shape[-1], carried), np.float32)
    taps[0, :, np.arange(carried), np.arange(carried)] = 0.5 / CLIP
    layer.set_weights([taps])
    return known
