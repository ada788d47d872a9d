"""`Index`: what finds the nearest people by their vectors."""

from enum import StrEnum
from typing import Protocol

from sigverify.arrays import BoolArray, Float32Array, Int32Array, RealArray
from sigverify.errors import ConfigError


class IndexKind(StrEnum):
    """How a search finds its shortlist."""

    EXACT = "exact"
    """Every vector is compared: always right, 100,000 people in milliseconds."""
    APPROXIMATE = "approximate"
    """A graph of neighbors: misses one now and then, for millions of vectors; needs `sigverify[search]`."""
    SERVER = "server"
    """A PostgreSQL server with pgvector finds them by vectors that it can read, and nothing is held here: for
    millions of people, where that server may know who resembles whom (docs/security.md)."""


def find_kind(kind: IndexKind | str) -> IndexKind:
    """Return the kind of that name.

    Raises:
        ConfigError: there is none.
    """
    try:
        return IndexKind(kind)
    except ValueError as error:
        names = " or ".join(IndexKind)
        raise ConfigError("unknown kind of index", expected=names, received=str(kind)) from error


class Index(Protocol):
    """Holds unit vectors of people, who are known by a number (slot) here; one thread at a time."""

    def put(self, slots: Int32Array, vectors: RealArray) -> None:
        """Add vectors `(n, e)` of length 1; `slots` `(n,)` says whose. A person may have several."""

    def remove(self, slot: int) -> None:
        """Take all vectors of one person out, if there are any."""

    def nearest(self, vector: Float32Array, count: int, *, among: BoolArray | None = None) -> Int32Array:
        """Return the `count` people with a vector of the highest cosine to `vector` `(e,)`, best first.

        Args:
            vector: of length 1.
            count: how many; fewer come back where there are no more.
            among: `(slots,)`, who may be returned; None: everybody.
        """
