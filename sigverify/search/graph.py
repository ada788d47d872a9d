"""`Graph`: usearch's graph of neighbors without the vectors, so that it may lie beside the store.

What usearch writes begins with all vectors, in an order of its own, and then has who is whose neighbor. Here
the vectors are taken out, and put back from those that the store has. So who was forgotten leaves behind the
seal of a row that is gone, a random number, and which places were near theirs: neither a name nor a vector.
"""

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sigverify.arrays import IndexArray, Int32Array

NONE: Final = -1
_HEAD: Final = struct.Struct("<HIIIQ")
"""Letters of the form, people, other keys, rows, bytes of the graph."""
_MATRIX: Final = struct.Struct("<II")
"""What usearch begins with: rows, and bytes of each."""
_SEAL: Final = 12
_AT_ONCE: Final = 1 << 16


@dataclass(frozen=True, eq=False)
class Held:
    """Everybody who is in an index, as the store has them.

    Attributes:
        slots: `(n,)`, whose number.
        seals: `(n, 12)` uint8, of the row of each one's vectors.
        counts: `(n,)`, vectors of each.
        vectors: `(sum of counts, e)` float16.
    """

    slots: Int32Array
    seals: npt.NDArray[np.uint8]
    counts: IndexArray
    vectors: npt.NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class Graph:
    """A graph, and whose vector belongs in which of its rows.

    Attributes:
        seals: `(h, 12)` uint8, of the rows of those whom it has.
        keys: `(h,)`, by which it knows them.
        counts: `(h,)`, vectors of each.
        others: keys that it has of people of whom it does not have the vectors of now.
        rows: `(rows,)`, which vector of all those of `counts` belongs there, -1: none.
        rest: all that usearch writes behind the vectors.
    """

    seals: npt.NDArray[np.uint8]
    keys: Int32Array
    counts: IndexArray
    others: Int32Array
    rows: Int32Array
    rest: bytes

    @classmethod
    def taken_apart(cls, written: bytearray, people: Held, keys: Int32Array, all_keys: Int32Array) -> "Graph":
        """Take the vectors out of what usearch wrote.

        Args:
            written: by usearch.
            people: whose vectors it has, among others.
            keys: `(n,)`, by which it knows each of them; -1: it does not.
            all_keys: that are in it.
        """
        count, width = _MATRIX.unpack_from(written)
        matrix = np.frombuffer(written, np.uint8, count * width, _MATRIX.size).reshape(count, width)
        vectors = np.ascontiguousarray(people.vectors).view(np.uint8)
        rows = _equal_rows(matrix, vectors)
        # Whom it has: everybody all of whose vectors are there.
        met = np.zeros(len(vectors) + 1, np.bool_)
        met[rows] = True
        owner = np.repeat(np.arange(len(people.counts)), people.counts)
        missing = np.bincount(owner[~met[:-1]], minlength=len(people.counts))
        has = (keys != NONE) & (missing == 0)
        # Number the vectors anew: of those alone.
        of_them = np.append(has[owner], [False])
        renumbered = np.where(of_them, np.cumsum(of_them) - 1, NONE).astype(np.int32)
        return cls(
            people.seals[has],
            keys[has].astype(np.int32),
            people.counts[has],
            np.setdiff1d(all_keys, keys[has]).astype(np.int32),
            renumbered[rows],
            bytes(memoryview(written)[_MATRIX.size + count * width :]),
        )

    def whose(self, people: Held) -> Int32Array:
        """Return which of `people` each of those is whom the graph has, `(h,)`; -1: nobody now."""
        found = _equal_rows(self.seals, people.seals)
        same = np.append(people.counts, [NONE])[found] == self.counts
        return np.where(same, found, NONE).astype(np.int32)

    def put_together(self, people: Held, whose: Int32Array) -> bytearray:
        """Return what usearch reads, with vectors of `people`; of who is nobody now with zeros.

        Args:
            people: of now.
            whose: of `whose`.
        """
        width = 2 * people.vectors.shape[1]
        written = bytearray(_MATRIX.size + len(self.rows) * width + len(self.rest))
        _MATRIX.pack_into(written, 0, len(self.rows), width)
        written[len(written) - len(self.rest) :] = self.rest
        matrix = np.frombuffer(written, np.uint8, len(self.rows) * width, _MATRIX.size)
        # For each vector that the graph has, its place among those of now.
        starts = np.append(np.cumsum(people.counts) - people.counts, [NONE])[whose]
        within = np.arange(int(self.counts.sum())) - np.repeat(
            np.cumsum(self.counts) - self.counts, self.counts
        )
        first = np.repeat(starts, self.counts)
        places = np.append(np.where(first == NONE, NONE, first + within), [NONE])[self.rows]
        there = np.flatnonzero(places != NONE)
        vectors = np.ascontiguousarray(people.vectors).view(np.uint8)
        matrix = matrix.reshape(len(self.rows), width)
        for start in range(0, len(there), _AT_ONCE):
            here = there[start : start + _AT_ONCE]
            matrix[here] = vectors[places[here]]
        return written

    def to_bytes(self, form: str) -> bytes:
        """Write it, to be sealed; `form` says of what usearch it is."""
        name = form.encode()
        return b"".join(
            (
                _HEAD.pack(len(name), len(self.keys), len(self.others), len(self.rows), len(self.rest)),
                name,
                self.seals.tobytes(),
                self.keys.astype("<i4").tobytes(),
                self.counts.astype("<i4").tobytes(),
                self.others.astype("<i4").tobytes(),
                self.rows.astype("<i4").tobytes(),
                self.rest,
            )
        )

    @classmethod
    def from_bytes(cls, content: bytes, form: str) -> "Graph | None":
        """Read what `to_bytes` wrote; None: it is of another form."""
        if len(content) < _HEAD.size:
            return None
        letters, people, others, rows, rest = _HEAD.unpack_from(content)
        sizes = (letters, _SEAL * people, 4 * people, 4 * people, 4 * others, 4 * rows, rest)
        if len(content) != _HEAD.size + sum(sizes):
            return None
        parts, at = [], _HEAD.size
        for size in sizes:
            parts.append(content[at : at + size])
            at += size
        if parts[0] != form.encode():
            return None
        numbers = [np.frombuffer(part, "<i4").astype(np.int32) for part in parts[2:6]]
        seals = np.frombuffer(parts[1], np.uint8).reshape(people, _SEAL)
        return cls(seals, numbers[0], numbers[1].astype(np.int64), numbers[2], numbers[3], parts[6])


def _equal_rows(rows: npt.NDArray[np.uint8], among: npt.NDArray[np.uint8]) -> Int32Array:
    """Return for each row `(n, b)` one of the same bytes among others `(m, b)`; -1: none."""
    if not len(among):
        return np.full(len(rows), NONE, np.int32)
    sums = _sums(among)
    order = np.argsort(sums)
    sought = np.searchsorted(sums[order], _sums(rows))
    found = order[np.minimum(sought, len(among) - 1)].astype(np.int32)
    for start in range(0, len(rows), _AT_ONCE):
        here = slice(start, start + _AT_ONCE)
        found[here][~(rows[here] == among[found[here]]).all(axis=1)] = NONE
    return found


def _sums(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Return a number of 64 bits for each row, by which no two of a million are likely to meet."""
    padding = np.zeros((len(rows), -rows.shape[1] % 8), np.uint8)
    whole = np.concatenate([rows, padding], axis=1) if padding.size else np.ascontiguousarray(rows)
    words = whole.view(np.uint64)
    factors = np.random.default_rng(0).integers(1 << 63, size=words.shape[1], dtype=np.uint64)
    return np.asarray(((words ^ words >> np.uint64(29)) * (factors | np.uint64(1))).sum(axis=1))
