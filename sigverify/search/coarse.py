"""How `ExactIndex` holds the coarse parts of vectors: whole numbers, multiplied with one vector at once.

A vector x of length 1 is coarse as c = rint(x · scale). Products of two coarse vectors are whole numbers,
which both ways of computing them give exactly.
"""

import math
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from sigverify.arrays import Float32Array, IndexArray, Int8Array, Int32Array
from sigverify.errors import ConfigError
from sigverify.runtime.native.library import Library

_PLACE: Final = 4096.0
"""What the second coarse part in a float32 is multiplied by: twice the largest product, a power of two."""
_LARGEST: Final = 2047
"""The largest product of two coarse vectors: 4096 · 2047 + 2047 < 2²⁴."""
_BYTE: Final = 127

Products = npt.NDArray[np.number[Any]]
"""Whole numbers, as float32 or int32."""


class Coarse(Protocol):
    """The coarse parts of one chunk of vectors; all 0 at first."""

    def read(self, rows: IndexArray) -> Float32Array:
        """Return those of some rows, `(n, e)`."""

    def add(self, rows: IndexArray, coarse: Float32Array) -> None:
        """Add to those of some rows, no row twice."""

    def products(self, own: Float32Array, used: int) -> Products:
        """Return the product of each of the first rows with another coarse vector, `(used,)`."""


class CoarseKind(Protocol):
    """A way to hold them."""

    @property
    def scale(self) -> float:
        """What vectors of length 1 are multiplied by."""

    def chunk(self, rows: int) -> Coarse:
        """Make a chunk of so many rows, an even number."""


class Pairs:
    """In numpy, which multiplies nothing shorter than float32 fast: two vectors share one float32.

    c + 4096 · c', and one product with the probe's own coarse part p gives both: c·p + 4096 · c'·p. All of
    these are whole numbers below 2²⁴, which float32 adds without rounding, in any order; the scale is such
    that |c·p| < 2048.
    """

    def __init__(self, size: int) -> None:
        """Hold vectors of `size` dimensions.

        Raises:
            ConfigError: too many dimensions for this layout.
        """
        # |c| <= scale · |x| + √e / 2, of which the last is rounding; the same holds for the probe.
        self.scale = float(math.floor(math.sqrt(_LARGEST) - math.sqrt(size) / 2 - 0.5))
        if self.scale < 8:
            raise ConfigError("vectors too long to be searched", expected="up to 5,000 dimensions")
        self._size = size

    def chunk(self, rows: int) -> "_PairsChunk":
        """Make a chunk; see `CoarseKind`."""
        return _PairsChunk(np.zeros((rows // 2, self._size), np.float32))


class _PairsChunk:
    """The first half of the rows in the first place, the rest in the second."""

    def __init__(self, pairs: Float32Array) -> None:
        self._pairs = pairs

    def read(self, rows: IndexArray) -> Float32Array:
        half = len(self._pairs)
        both = self._pairs[rows % half]
        second = np.rint(both * np.float32(1 / _PLACE))
        return np.asarray(np.where((rows >= half)[:, None], second, both - second * np.float32(_PLACE)))

    def add(self, rows: IndexArray, coarse: Float32Array) -> None:
        half = len(self._pairs)
        upper = rows >= half
        self._pairs[rows[~upper]] += coarse[~upper]
        self._pairs[rows[upper] - half] += coarse[upper] * np.float32(_PLACE)

    def products(self, own: Float32Array, used: int) -> Float32Array:
        half = len(self._pairs)
        both = self._pairs[: min(used, half)] @ own
        second = np.rint(both * np.float32(1 / _PLACE))
        out = np.empty(used, np.float32)
        np.subtract(both, second * np.float32(_PLACE), out=out[: len(both)])
        out[half:] = second[: max(0, used - half)]
        return out


class Bytes:
    """In int8, multiplied by libsigverify: a quarter of the memory, and finer."""

    scale = float(_BYTE)

    def __init__(self, size: int, library: Library) -> None:
        """Hold vectors of `size` dimensions."""
        self._size, self._library = size, library

    def chunk(self, rows: int) -> "_BytesChunk":
        """Make a chunk; see `CoarseKind`."""
        return _BytesChunk(np.zeros((rows, self._size), np.int8), self._library)


class _BytesChunk:
    def __init__(self, rows: Int8Array, library: Library) -> None:
        self._rows, self._library = rows, library

    def read(self, rows: IndexArray) -> Float32Array:
        return self._rows[rows].astype(np.float32)

    def add(self, rows: IndexArray, coarse: Float32Array) -> None:
        self._rows[rows] += coarse.astype(np.int8)

    def products(self, own: Float32Array, used: int) -> Int32Array:
        return self._library.products(self._rows[:used], own.astype(np.int8))
