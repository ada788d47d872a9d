"""The default encoder of pictures: a small convolutional network on directions of strokes."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from sigverify.errors import ConfigError
from sigverify.matching.elastic import MOST_DEPTH
from sigverify.modality.image.sheet import HEIGHT, WIDTH
from sigverify.training.backend import keras

Tensor = Any

_DIRECTIONS: Final = 8
_BLOCKS: Final = (4, 2)
"""Rows and columns of a sheet that are averaged into one before anything is learned."""


def build(
    *,
    widths: Sequence[int] = (24, 32, 48, 64),
    vector_size: int = 64,
    sequence_size: int = 0,
    dropout: float = 0.0,
) -> Any:
    """Make the network.

    Fixed filters see strokes of eight directions, whose strengths are averaged over blocks of 4 × 2 pixels.
    Convolutions with a stride of 2 from top to bottom turn the sheet into a row of `WIDTH / 2` columns; a
    residual block sees two columns to either side. "sequence", where there is one, is a (1, 1) convolution
    and tanh of the columns. "vector" is a dense layer on the directions of coarse cells, which is what a
    linear discriminant would see, plus one on what the convolutions found.

    Every operator maps to the Edge TPU.

    Args:
        widths: channels of the four convolutions.
        vector_size: values of the vector.
        sequence_size: learned channels of the sequence; 0: there is none.
        dropout: share of whole channels dropped while training.

    Raises:
        ConfigError: an option out of range.
    """
    if len(widths) != 4 or min(*widths, vector_size) < 1 or not 0 <= sequence_size <= MOST_DEPTH:
        raise ConfigError(
            "cnn sizes out of range",
            expected=f"four widths and a vector of at least 1, a sequence of 0 to {MOST_DEPTH}",
            received=f"{tuple(widths)}, {vector_size}, {sequence_size}",
        )
    if not 0 <= dropout < 1:
        raise ConfigError("cnn dropout out of range", expected="0 to below 1", received=str(dropout))
    sheet = keras.Input((HEIGHT, WIDTH, 1), name="features")
    maps = keras.layers.AveragePooling2D(_BLOCKS, name="cells")(_directions(sheet))
    trunk = _convolve(maps, widths[0], (3, 3), "conv1")
    trunk = _convolve(trunk, widths[1], (3, 3), "conv2", strides=(2, 1))
    trunk = _convolve(trunk, widths[2], (3, 3), "conv3", strides=(2, 1))
    if dropout:
        trunk = keras.layers.SpatialDropout2D(dropout, name="drop")(trunk)
    trunk = _convolve(trunk, widths[3], (trunk.shape[1], 1), "conv4", padding="valid")
    beside = _convolve(
        _convolve(trunk, widths[3], (1, 5), "block_a"), widths[3], (1, 1), "block_b", act=False
    )
    trunk = keras.layers.ReLU(name="block_act")(keras.layers.Add(name="block_add")([trunk, beside]))
    outputs = {"vector": _vector(maps, trunk, vector_size)}
    if sequence_size:
        local = keras.layers.Conv2D(
            sequence_size, (1, 1), activation="tanh", dtype="float32", name="sequence_conv"
        )
        outputs["sequence"] = keras.layers.Reshape(
            (trunk.shape[2], sequence_size), dtype="float32", name="sequence"
        )(local(trunk))
    return keras.Model(sheet, outputs, name="cnn")


def _directions(sheet: Tensor) -> Tensor:
    """Strength of the gradient in eight directions, by one fixed convolution: `(HEIGHT, WIDTH, 8)`."""
    layer = keras.layers.Conv2D(
        _DIRECTIONS,
        (3, 3),
        padding="same",
        use_bias=False,
        trainable=False,
        activation="relu",
        name="directions",
    )
    out = layer(sheet)
    across = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32) / 4
    angles = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    taps = across[..., np.newaxis] * np.cos(angles) + across.T[..., np.newaxis] * np.sin(angles)
    layer.set_weights([taps[:, :, np.newaxis].astype(np.float32)])
    return out


def _convolve(
    inputs: Tensor,
    width: int,
    kernel: tuple[int, int],
    name: str,
    *,
    strides: tuple[int, int] = (1, 1),
    padding: str = "same",
    act: bool = True,
) -> Tensor:
    """Convolution without bias, batch normalization (folded at conversion), activation."""
    out = keras.layers.Conv2D(
        width,
        kernel,
        strides=strides,
        padding=padding,
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(inputs)
    out = keras.layers.BatchNormalization(name=f"{name}_norm", momentum=0.97)(out)
    return keras.layers.ReLU(name=f"{name}_act")(out) if act else out


def _vector(maps: Tensor, trunk: Tensor, size: int) -> Tensor:
    """Sum of a dense layer on coarse cells of the directions and one on what the convolutions found."""
    cells = keras.layers.AveragePooling2D((4, 4), name="coarse")(maps)
    known = keras.layers.Dense(size, dtype="float32", name="vector_known")(
        keras.layers.Flatten(name="coarse_flat")(cells)
    )
    found = keras.layers.AveragePooling2D((1, 4), name="found")(trunk)
    learned = keras.layers.Dense(size, dtype="float32", name="vector_learned")(
        keras.layers.Flatten(name="found_flat")(found)
    )
    return keras.layers.Add(dtype="float32", name="vector")([known, learned])
