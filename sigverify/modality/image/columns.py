"""Sheets of ink to the columns that are compared by hand.

A column says how much ink runs in each of eight directions, in each of six zones from top to bottom; two
signatures are aligned column by column, as strokes are moment by moment. All but the last roots and ratios
are sums of whole numbers: the same on every platform.

Source: directional features: J. Tsukumo, "Handprinted Kanji character recognition based on flexible template
matching", 1992; decomposition of a gradient into two neighbouring directions: G. Srikantan et al.,
"Gradient-based contour encoding for character recognition", 1996.
"""

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from sigverify.arrays import Float32Array, FloatArray
from sigverify.modality.image.sheet import HEIGHT, WIDTH

FEATURES_VERSION: Final = 1
"""Raised with every change that alters a number."""
DIRECTIONS: Final = 8
COLUMNS: Final = WIDTH // 2
ZONES: Final = 6
SERIES_CHANNELS: Final = ZONES * DIRECTIONS
ROWS: Final = 16
"""Finer zones, of which only flat and steep strokes are told apart."""
DETAIL_CHANNELS: Final = 2 * ROWS

_DIAGONAL: Final = 181
_AXIS: Final = 128
"""181 / 128 is √2 within 1e-4: a gradient (a, b), 0 ≤ b ≤ a, is (a - b) along the axis and √2 b along the
diagonal."""
_ALIKE: Final = 0.6
"""Of the mean norm of all columns, added to a column's own: an all but empty column is not blown up."""
_STEPS: Final = 4096
"""Norms are rounded to whole numbers in this unit, so that their mean is exact."""
_GAIN: Final = 5.0
"""Brings the values, at most 1 / 1.6, to the range of ±4 that is stored."""


def encode(sheets: npt.ArrayLike) -> Float32Array:
    """Turn sheets `(n, HEIGHT, WIDTH)` into what a network sees, `(n, HEIGHT, WIDTH, 1)`: 0 paper, 1 ink."""
    return np.asarray(sheets, np.float32)[..., np.newaxis]


def series(inputs: Float32Array) -> Float32Array:
    """Return columns `(n, COLUMNS, SERIES_CHANNELS)` of encoded sheets; zones from top to bottom."""
    return _columns(_zones(_directions(inputs), ZONES))


def detail(inputs: Float32Array) -> Float32Array:
    """Return finer rows of two columns in one, flat strokes apart from steep: `(n, COLUMNS / 2, c)`."""
    strengths = _directions(inputs)
    # The gradient stands across the stroke: where it points up or down, more or less, the stroke is flat.
    flat, steep = strengths[:, [1, 2, 3, 5, 6, 7]].sum(axis=1), strengths[:, [0, 1, 3, 4, 5, 7]].sum(axis=1)
    rows = _zones(np.stack([flat, steep], axis=1), ROWS)
    return _columns(rows[..., 0::2] + rows[..., 1::2])


def _directions(inputs: Float32Array) -> Float32Array:
    """Return the gradient's strength in each direction, `(n, DIRECTIONS, HEIGHT, COLUMNS)`, whole numbers.

    Directions from right, by 45 degrees each, over down, left and up. float32 holds them exactly: at most
    8 · 181 · 4080 < 2²⁴.
    """
    grey = np.pad(np.rint(255 * inputs[..., 0]), ((0, 0), (2, 2), (2, 2)))
    grey = grey[:, :-2] + 2 * grey[:, 1:-1] + grey[:, 2:]
    grey = grey[:, :, :-2] + 2 * grey[:, :, 1:-1] + grey[:, :, 2:]
    x = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]
    y = grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
    wide, high = np.abs(x), np.abs(y)
    out = np.empty((len(inputs), DIRECTIONS, HEIGHT, WIDTH), np.float32)
    for axis, along in enumerate((x - high, y - wide, -x - high, -y - wide)):
        out[:, 2 * axis] = _AXIS * np.maximum(along, 0)
    for corner, slanted in enumerate(((x, y), (-x, y), (-x, -y), (x, -y))):
        out[:, 2 * corner + 1] = _DIAGONAL * np.maximum(np.minimum(*slanted), 0)
    # Two columns in one, and a share of those beside them: triangles.
    even, odd = out[..., 0::2], out[..., 1::2]
    pooled = 3 * (even + odd)
    pooled[..., 1:] += odd[..., :-1]
    pooled[..., :-1] += even[..., 1:]
    return np.asarray(pooled, np.float32)


def _zones(strengths: Float32Array, zones: int) -> FloatArray:
    """Sum whole numbers `(n, c, HEIGHT, COLUMNS)` over overlapping zones: `(n, c, zones, COLUMNS)`."""
    return np.asarray(_triangles(zones) @ strengths.astype(np.float64))


@lru_cache
def _triangles(zones: int) -> FloatArray:
    """Weights `(zones, HEIGHT)`, whole numbers: a triangle about the middle of each zone, two zones high."""
    middle = (2 * np.arange(zones) + 1) * HEIGHT
    place = (2 * np.arange(HEIGHT) + 1) * zones
    weights = 2 * HEIGHT - np.abs(place - middle[:, np.newaxis])
    return np.asarray(np.maximum(weights, 0), np.float64)


def _columns(sums: FloatArray) -> Float32Array:
    """Turn whole numbers `(n, c, zones, columns)` into columns `(n, columns, zones · c)`.

    A value is a root, divided by the norm of its column and a share of that of all columns.
    """
    count, channels, zones, columns = sums.shape
    values = sums.transpose(0, 3, 2, 1).reshape(count, columns, zones * channels)
    # The squared norm of roots is a sum of whole numbers.
    norm = np.rint(_STEPS * np.sqrt(values.sum(axis=2, keepdims=True)))
    usual = norm.sum(axis=1, keepdims=True) / columns
    scale = np.maximum(norm + _ALIKE * usual, 1.0) / _STEPS
    return np.asarray(_GAIN * np.sqrt(values) / scale, np.float32)
