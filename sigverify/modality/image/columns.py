"""Sheets of ink to maps of stroke directions, and to columns that are compared by hand.

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

FEATURES_VERSION: Final = 1
"""Raised with every change that alters a number."""
DIRECTIONS: Final = 8
ROWS: Final = 16
"""Rows of the maps that a network sees."""
COLUMNS: Final = 64
ZONES: Final = 6
SERIES_CHANNELS: Final = ZONES * DIRECTIONS
SLOPES: Final = 2
DETAIL_CHANNELS: Final = ROWS * SLOPES

_DIAGONAL: Final = 181
_AXIS: Final = 128
"""181 / 128 is √2 within 1e-4: a gradient (a, b), 0 ≤ b ≤ a, is (a - b) along the axis and √2 b along the
diagonal."""
CLIP: Final = 4.0
_STEPS: Final = 4096
"""Squares and norms are rounded to a 4096th, and are whole numbers then."""
_ALIKE: Final = 0.6
"""Of the mean norm of all columns, added to a column's own: an all but empty column is not blown up."""
_GAIN: Final = 5.0
"""Brings the values, at most 1 / 1.6, to the range of ±4 that is stored."""


def encode(sheets: npt.ArrayLike) -> Float32Array:
    """Turn sheets `(n, HEIGHT, WIDTH)` in 0..1 into direction maps `(n, ROWS, COLUMNS, DIRECTIONS)`, 0..4.

    A value is the root of how much ink runs there in that direction, over the root mean square of its map.
    """
    sums = _pool(_directions(np.asarray(sheets, np.float32)), 2, ROWS)
    sums = _pool(sums, 3, COLUMNS)
    level = sums.sum(axis=(1, 2, 3), keepdims=True) / sums[0].size
    maps = np.sqrt(sums / np.maximum(level, 1.0))
    return np.asarray(np.minimum(maps, CLIP).transpose(0, 2, 3, 1), np.float32)


def series(maps: Float32Array) -> Float32Array:
    """Return the columns of direction maps that are compared by hand, `(n, COLUMNS, SERIES_CHANNELS)`."""
    return _columns(_pool(_whole(maps), 1, ZONES))


def detail(maps: Float32Array) -> Float32Array:
    """Return all rows, flat strokes apart from steep ones, two columns in one: `(n, COLUMNS / 2, c)`."""
    sums = _whole(maps)
    # The gradient stands across the stroke: where it points up or down, more or less, the stroke is flat.
    flat, steep = sums[..., [1, 2, 3, 5, 6, 7]].sum(axis=-1), sums[..., [0, 1, 3, 4, 5, 7]].sum(axis=-1)
    slopes = np.stack([flat, steep], axis=-1)
    return _columns(slopes[:, :, 0::2] + slopes[:, :, 1::2])


def _whole(maps: Float32Array) -> FloatArray:
    """Return the squares of direction maps as whole numbers, so that sums of them are exact."""
    return np.asarray(np.rint(_STEPS * np.square(maps.astype(np.float64))))


def _columns(sums: FloatArray) -> Float32Array:
    """Turn zones `(n, zones, columns, c)` of whole numbers into columns `(n, columns, zones · c)`.

    A value is a root, divided by the norm of its column and a share of that of all columns.
    """
    count, zones, columns, channels = sums.shape
    values = sums.transpose(0, 2, 1, 3).reshape(count, columns, zones * channels)
    norm = np.rint(_STEPS * np.sqrt(values.sum(axis=2, keepdims=True)))
    usual = norm.sum(axis=1, keepdims=True) / columns
    scale = np.maximum(norm + _ALIKE * usual, 1.0) / _STEPS
    return np.asarray(_GAIN * np.sqrt(values) / scale, np.float32)


def _pool(values: FloatArray, axis: int, cells: int) -> FloatArray:
    """Sum whole numbers along an axis into overlapping cells, weighted by triangles."""
    moved = np.moveaxis(values, axis, -1)
    return np.moveaxis(moved @ _triangles(values.shape[axis], cells), -1, axis)


@lru_cache
def _triangles(size: int, cells: int) -> FloatArray:
    """Weights `(size, cells)`, whole numbers: a triangle about the middle of each cell, two cells wide."""
    middle = (2 * np.arange(cells) + 1) * size
    place = (2 * np.arange(size) + 1) * cells
    weights = 2 * size - np.abs(place[:, np.newaxis] - middle[np.newaxis])
    return np.asarray(np.maximum(weights, 0), np.float64)


def _directions(sheets: npt.NDArray[np.floating]) -> FloatArray:
    """Return the gradient's strength in each direction, `(n, DIRECTIONS, HEIGHT, WIDTH)`, whole numbers."""
    grey = np.pad(np.rint(255 * sheets.astype(np.float64)), ((0, 0), (2, 2), (2, 2)))
    grey = grey[:, :-2] + 2 * grey[:, 1:-1] + grey[:, 2:]
    grey = grey[:, :, :-2] + 2 * grey[:, :, 1:-1] + grey[:, :, 2:]
    x = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2]
    y = grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
    wide, high = np.abs(x), np.abs(y)
    along, slanted = _AXIS * np.abs(wide - high), _DIAGONAL * np.minimum(wide, high)
    out = np.zeros((len(sheets), DIRECTIONS, *x.shape[1:]))
    # Axes: right, down, left, up stand at 0, 2, 4, 6; the diagonals between them.
    flat = wide >= high
    axis = np.where(flat, np.where(x >= 0, 0, 4), np.where(y >= 0, 2, 6))
    diagonal = np.where(x >= 0, np.where(y >= 0, 1, 7), np.where(y >= 0, 3, 5))
    np.put_along_axis(out, axis[:, np.newaxis], along[:, np.newaxis], axis=1)
    np.put_along_axis(out, diagonal[:, np.newaxis], slanted[:, np.newaxis], axis=1)
    return out
