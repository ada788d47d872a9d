"""`ExactIndex`: the nearest people among half a million vectors in milliseconds, and 100 MB or less.

What takes time is to read memory. So a vector x of length 1 is held in two parts, x · s = c + f / 254: whole
numbers c (the coarse part, see `coarse`) and a rest f (int8); together they are as fine as float16, or finer.

Coarse cosines rule out nearly everybody: with x = c/s + r and the probe y = p/s + u, the true one differs
from c·p / s² by no more than |u| · |x| + |p/s| · |r| (Cauchy and Schwarz). Who stays above what the best have
for certain is compared with the fine part too, so the result is that of comparing everybody in full.
"""

import math
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, Float32Array, IndexArray, Int8Array, Int32Array, RealArray
from sigverify.runtime.native.library import Library
from sigverify.search.coarse import Bytes, Coarse, CoarseKind, Pairs, Products

CHUNK: Final = 1 << 16
"""Vectors that are allocated together; an even number."""

_AT_ONCE: Final = 1 << 11
"""Vectors that are taken in at once."""
_FINE: Final = 254
"""Steps of the fine part in one of the coarse part: ±127 in int8."""
_FREE: Final = -1
_FEW: Final = 16
"""When one vector in so many is searched, it is faster to compare those in full at once."""
_STRETCHES: Final = 32
"""Stretches of rows for each person wanted, of whose best ones a first shortlist is made."""
_ROUNDING: Final = 1e-5
"""What float32 may lose in a sum of products of two unit vectors, generously."""
_LEFT_OUT: Final = -(2**31)
"""In place of a product: less than any, and both an int32 and a float32."""


class ExactIndex:
    """Compares with every vector; implements `Index`."""

    def __init__(self, size: int, library: Library | None = None) -> None:
        """Hold vectors of `size` dimensions; `library` multiplies them, numpy without one.

        Raises:
            ConfigError: too many dimensions to be searched.
        """
        self._kind: CoarseKind = Pairs(size) if library is None else Bytes(size, library)
        self._scale = self._kind.scale
        self._size = size
        self._coarse: list[Coarse] = []
        self._fine: list[Int8Array] = []
        self._owner = np.zeros(0, np.int32)
        self._end = 0
        self._free: list[int] = []
        self._coarse_error = 0.0

    def __len__(self) -> int:
        """Count the vectors."""
        return self._end - len(self._free)

    def put(self, slots: Int32Array, vectors: RealArray) -> None:
        """Add vectors `(n, e)`; see `Index.put`."""
        # Not all at once: what is computed in between would stay the process's, as its largest memory.
        for start in range(0, len(vectors), _AT_ONCE):
            self._put(slots[start : start + _AT_ONCE], vectors[start : start + _AT_ONCE])

    def _put(self, slots: Int32Array, vectors: RealArray) -> None:
        values = np.asarray(vectors, np.float32)
        values = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1)
        scaled = values * np.float32(self._scale)
        coarse = np.rint(scaled)
        fine = np.rint((scaled - coarse) * _FINE).astype(np.int8)
        error = float(np.linalg.norm(scaled - coarse, axis=1).max(initial=0)) / self._scale
        self._coarse_error = max(self._coarse_error, error)
        rows = self._take(len(values))
        self._owner[rows] = slots
        for number, here in _by_chunk(rows):
            local = rows[here] - number * CHUNK
            self._fine[number][local] = fine[here]
            self._coarse[number].add(local, coarse[here])

    def remove(self, slot: int) -> None:
        """Take all vectors of one person out; see `Index.remove`."""
        rows = np.flatnonzero(self._owner[: self._end] == slot)
        for number, here in _by_chunk(rows):
            local = rows[here] - number * CHUNK
            self._coarse[number].add(local, -self._coarse[number].read(local))
            self._fine[number][local] = 0
        self._owner[rows] = _FREE
        self._free.extend(rows.tolist())

    def nearest(self, vector: Float32Array, count: int, *, among: BoolArray | None = None) -> Int32Array:
        """Return the `count` nearest people, best first; see `Index.nearest`."""
        if not self._end:
            return np.zeros(0, np.int32)
        probe = np.asarray(vector, np.float32)
        rows = self._candidates(probe, count, among)
        slots, best = self._best(rows, probe)
        # Equal ones in the order of their slots, so that the answer is the same every time.
        order = np.lexsort((slots, -best))[:count]
        return np.asarray(slots[order])

    def _candidates(self, probe: Float32Array, count: int, among: BoolArray | None) -> IndexArray:
        """Return rows among which are all of the `count` nearest people."""
        owner = self._owner[: self._end]
        member = None if among is None else np.append(among, [False])[owner]  # -1, a free row, is nobody
        if member is not None and np.count_nonzero(member) * _FEW <= len(member):
            return np.flatnonzero(member)  # few enough to compare all of them in full
        own = np.rint(probe * np.float32(self._scale))
        products = self._products(own)
        if member is not None:
            products[~member] = _LEFT_OUT
        limit = self._certain(products, probe, count) - self._most_wrong(probe, own)
        # Products are whole numbers: so int32 are not turned into floats to be compared.
        rows = np.flatnonzero(products >= math.ceil(max(limit * self._scale**2, _LEFT_OUT)))
        return np.asarray(rows[owner[rows] != _FREE if member is None else member[rows]])

    def _certain(self, products: Products, probe: Float32Array, count: int) -> float:
        """Return a cosine that `count` people reach for certain: those best in some stretch of rows."""
        width = max(1, len(products) // (_STRETCHES * count))
        stretches = products[: len(products) // width * width].reshape(-1, width)
        highest = stretches.max(axis=1)
        best = np.argpartition(highest, -min(4 * count, len(highest)))[-4 * count :]
        rows = np.sort(best * width + stretches[best].argmax(axis=1))
        # Neither free rows nor those left out of the search.
        rows = rows[(self._owner[rows] != _FREE) & (products[rows] > _LEFT_OUT)]
        _, cosines = self._best(rows, probe)
        return float(np.sort(cosines)[-count]) if len(cosines) >= count else -np.inf

    def _most_wrong(self, probe: Float32Array, own: Float32Array) -> float:
        """Bound how far a coarse cosine is from the true one."""
        coarse = own / self._scale
        of_probe, of_vectors = np.linalg.norm(probe - coarse), np.linalg.norm(coarse) * self._coarse_error
        return float(of_probe + of_vectors) + _ROUNDING

    def _products(self, own: Float32Array) -> Products:
        """Multiply the probe's coarse part with all others: `(rows,)`, whole numbers; 0 of a free row."""
        parts = [
            chunk.products(own, min(CHUNK, self._end - number * CHUNK))
            for number, chunk in enumerate(self._coarse)
        ]
        return np.concatenate(parts)

    def _best(self, rows: IndexArray, probe: Float32Array) -> tuple[Int32Array, Float32Array]:
        """Compare rows in full: the people they belong to, rising, and each one's best cosine."""
        slots, place = np.unique(self._owner[rows], return_inverse=True)
        best: Float32Array = np.full(len(slots), -np.inf, np.float32)
        unit = probe / np.float32(self._scale)
        for number, here in _by_chunk(rows):
            local = rows[here] - number * CHUNK
            whole = self._coarse[number].read(local) + self._fine[number][local] * np.float32(1 / _FINE)
            np.maximum.at(best, place[here], whole @ unit)
        return np.asarray(slots), best

    def _take(self, count: int) -> IndexArray:
        """Return rows that nobody has, freed ones first."""
        again = [self._free.pop() for _ in range(min(count, len(self._free)))]
        fresh = np.arange(self._end, self._end + count - len(again))
        self._end += len(fresh)
        while self._end > len(self._owner):
            self._coarse.append(self._kind.chunk(CHUNK))
            self._fine.append(np.zeros((CHUNK, self._size), np.int8))
            self._owner = np.concatenate([self._owner, np.full(CHUNK, _FREE, np.int32)])
        return np.sort(np.concatenate([np.array(again, np.intp), fresh]))


def _by_chunk(rows: IndexArray) -> list[tuple[int, slice]]:
    """Split rising rows: the number of each chunk met, and the part of `rows` within it."""
    if not len(rows):
        return []
    numbers = rows // CHUNK
    met = np.unique(numbers)
    starts = np.searchsorted(numbers, met)
    ends = np.append(starts[1:], len(rows))
    return [(int(number), slice(start, end)) for number, start, end in zip(met, starts, ends, strict=True)]
