"""`ApproximateIndex`: the nearest people among millions of vectors by a graph of neighbors; needs usearch.

A walk through the graph meets nearly always, not always, the nearest: benchmarks/large_gallery.py counts. The
graph is built anew by every process, which takes two minutes on two cores for a million vectors.

Source: Y. A. Malkov, D. A. Yashunin, "Efficient and robust approximate nearest neighbor search using
hierarchical navigable small world graphs", 2018.
"""

from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, Float32Array, Int32Array, RealArray
from sigverify.errors import MissingExtra

CONNECTIVITY: Final = 16
"""Neighbors of each vector in the graph."""
EXPANSION_ADD: Final = 64
"""How many vectors are looked at to place a new one."""
EXPANSION_SEARCH: Final = 256
"""How many vectors a search looks at, at least."""

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
            from usearch.index import Index as Graph
        except ImportError as error:
            raise MissingExtra("usearch is not installed", hint="pip install 'sigverify[search]'") from error
        self._graph = Graph(
            ndim=size,
            metric="cos",
            dtype="f16",  # int8 would be a third smaller, and confuse who are nearly as near
            connectivity=CONNECTIVITY,
            expansion_add=EXPANSION_ADD,
            expansion_search=EXPANSION_SEARCH,
            multi=True,
        )

    def __len__(self) -> int:
        """Count the vectors."""
        return len(self._graph)

    def put(self, slots: Int32Array, vectors: RealArray) -> None:
        """Add vectors `(n, e)`, on all cores where there are many; see `Index.put`."""
        threads = 0 if len(vectors) >= _MANY else 1
        self._graph.add(slots.astype(np.uint64), np.asarray(vectors, np.float32), threads=threads)

    def remove(self, slot: int) -> None:
        """Take all vectors of one person out; see `Index.remove`."""
        if slot in self._graph:
            self._graph.remove(slot)

    def nearest(self, vector: Float32Array, count: int, *, among: BoolArray | None = None) -> Int32Array:
        """Return the `count` nearest people, best first, of those met; see `Index.nearest`.

        The graph knows nothing of groups: more and more are asked for until enough are in it.
        """
        if not len(self._graph):
            return np.zeros(0, np.int32)
        wanted = EXPANSION_SEARCH
        while True:
            found = self._graph.search(vector, min(wanted, len(self._graph)), threads=1).keys
            slots = _first_of_each(found.astype(np.int32))
            if among is not None:
                slots = slots[among[slots]]
            if len(slots) >= count or len(found) < wanted:
                return slots[:count]
            wanted *= 4


def _first_of_each(slots: Int32Array) -> Int32Array:
    """Leave out repetitions, keeping the order."""
    return slots[np.sort(np.unique(slots, return_index=True)[1])]
