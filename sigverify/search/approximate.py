"""`ApproximateIndex`: the nearest people among millions of vectors by a graph of neighbors; needs usearch.

A walk through the graph meets nearly always, not always, the nearest: benchmarks/large_gallery.py counts. To
build it takes two minutes on two cores for a million vectors, so it can be kept (`graph`).

Source: Y. A. Malkov, D. A. Yashunin, "Efficient and robust approximate nearest neighbor search using
hierarchical navigable small world graphs", 2018.
"""

import sys
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, Float32Array, Int32Array, RealArray
from sigverify.errors import MissingExtra
from sigverify.search.graph import NONE, Graph, Held

CONNECTIVITY: Final = 16
"""Neighbors of each vector in the graph."""
EXPANSION_ADD: Final = 64
"""How many vectors are looked at to place a new one."""
EXPANSION_SEARCH: Final = 256
"""How many vectors a search looks at, at least."""

_AT_ONCE: Final = 1 << 16
"""Vectors that are added at once: usearch takes float32, and all of them would be twice what it keeps."""
_GONE: Final = 4
"""Where more than one in so many is gone, the graph is built anew: it leads through them still."""
_MANY: Final = 256
"""Vectors added at once that are worth more than one thread: a page of people, not one who enrolls."""


class ApproximateIndex:
    """Walks a graph from neighbor to neighbor; implements `Index`."""

    def __init__(self, size: int) -> None:
        """Hold vectors of `size` dimensions.

        Raises:
            MissingExtra: usearch is not installed.
        """
        try:
            import usearch
            from usearch.index import Index as Hnsw
        except ImportError as error:
            raise MissingExtra("usearch is not installed", hint="pip install 'sigverify[search]'") from error
        self._form = f"usearch {usearch.__version__} {sys.byteorder}, {size} of f16, {CONNECTIVITY} neighbors"
        self._graph = Hnsw(
            ndim=size,
            metric="cos",
            dtype="f16",  # int8 would be a third smaller, and confuse who are nearly as near
            connectivity=CONNECTIVITY,
            expansion_add=EXPANSION_ADD,
            expansion_search=EXPANSION_SEARCH,
            multi=True,
        )
        # The graph knows people by keys, which no two ever share: a slot is used again.
        self._key_of: Int32Array = np.zeros(0, np.int32)
        self._slot_of: Int32Array = np.zeros(0, np.int32)
        self._keys = 0

    def __len__(self) -> int:
        """Count the vectors."""
        return len(self._graph)

    def put(self, slots: Int32Array, vectors: RealArray) -> None:
        """Add vectors `(n, e)`, on all cores where there are many; see `Index.put`."""
        if not len(slots):
            return
        self._key_of = _longer(self._key_of, 1 + int(slots.max()))
        new = np.unique(slots[self._key_of[slots] == NONE])
        self._name(new, np.arange(self._keys, self._keys + len(new), dtype=np.int32))
        for start in range(0, len(slots), _AT_ONCE):
            here = slice(start, start + _AT_ONCE)
            keys = self._key_of[slots[here]].astype(np.uint64)
            threads = 0 if len(keys) >= _MANY else 1
            self._graph.add(keys, np.asarray(vectors[here], np.float32), threads=threads)

    def remove(self, slot: int) -> None:
        """Take all vectors of one person out; see `Index.remove`."""
        key = int(self._key_of[slot]) if slot < len(self._key_of) else NONE
        if key != NONE:
            self._graph.remove(key)
            self._key_of[slot] = self._slot_of[key] = NONE

    def nearest(self, vector: Float32Array, count: int, *, among: BoolArray | None = None) -> Int32Array:
        """Return the `count` nearest people, best first, of those met; see `Index.nearest`.

        The graph knows nothing of groups: more and more are asked for until enough are in it.
        """
        if not len(self._graph):
            return np.zeros(0, np.int32)
        wanted = EXPANSION_SEARCH
        while True:
            found = self._graph.search(vector, min(wanted, len(self._graph)), threads=1).keys
            slots = _first_of_each(self._slot_of[found.astype(np.int64)])
            if among is not None:
                slots = slots[among[slots]]
            if len(slots) >= count or len(found) < wanted:
                return slots[:count]
            wanted *= 4

    def freeze(self, people: Held) -> bytes:
        """Return the graph without its vectors, which `people`, everybody of the store, have too."""
        live = self._slot_of[self._slot_of != NONE]
        self._key_of = _longer(self._key_of, 1 + int(people.slots.max(initial=NONE)))
        keys = self._key_of[people.slots]
        graph = Graph.taken_apart(self._graph.save(), people, keys, self._key_of[live])
        return graph.to_bytes(self._form)

    def thaw(self, content: bytes, people: Held) -> BoolArray:
        """Restore what `freeze` returned into an empty index; return whom of `people` it has, `(n,)`.

        The others are to be put. Nobody, where most would have to be, or the graph is of another form.
        """
        graph = Graph.from_bytes(content, self._form)
        if graph is None:
            return np.zeros(len(people.slots), np.bool_)
        whose = graph.whose(people)
        if np.count_nonzero(whose == NONE) > len(whose) // _GONE:
            return np.zeros(len(people.slots), np.bool_)
        self._graph.load(graph.put_together(people, whose))
        there = whose != NONE
        for key in (*graph.keys[~there].tolist(), *graph.others.tolist()):
            self._graph.remove(key)
        self._name(people.slots[whose[there]], graph.keys[there])
        self._keys = 1 + int(max(graph.keys.max(initial=NONE), graph.others.max(initial=NONE)))
        has = np.zeros(len(people.slots), np.bool_)
        has[whose[there]] = True
        return has

    def _name(self, slots: Int32Array, keys: Int32Array) -> None:
        """Have people known to the graph by these keys from now on."""
        self._key_of = _longer(self._key_of, 1 + int(slots.max(initial=NONE)))
        self._slot_of = _longer(self._slot_of, 1 + int(keys.max(initial=NONE)))
        self._key_of[slots], self._slot_of[keys] = keys, slots
        self._keys = max(self._keys, 1 + int(keys.max(initial=NONE)))


def _longer(numbers: Int32Array, count: int) -> Int32Array:
    """Return an array with room for so many, at least."""
    if count <= len(numbers):
        return numbers
    more = max(count - len(numbers), 256, len(numbers) // 8)
    return np.concatenate([numbers, np.full(more, NONE, np.int32)])


def _first_of_each(slots: Int32Array) -> Int32Array:
    """Leave out repetitions, keeping the order."""
    return slots[np.sort(np.unique(slots, return_index=True)[1])]
