"""`ServerFinder`: the nearest people as a PostgreSQL server finds them; nothing is held here but groups.

The server is asked for vectors, and its answer is worth no more than a list of names to look up: each leads
to a sealed template, which opens for that person alone and is compared in full. So a server that lies can
leave people out or be slow. It can let nobody in, and lower no threshold: how many people are searched says
the sealed head, and who is in a group say sealed records.
"""

import logging
from itertools import chain
from typing import Final

from sigverify.arrays import Float32Array
from sigverify.errors import ConfigError
from sigverify.forking import OwnLock
from sigverify.matching.scoring import MAX_REFERENCES
from sigverify.search.memberships import Memberships
from sigverify.store import START, Store
from sigverify.store.clear_vectors import ClearVectors, Near
from sigverify.store.postgres import PostgresStore
from sigverify.template import Template

_log = logging.getLogger(__name__)

_PAGE: Final = 50
"""People whose vectors are put there at once. Whoever changes one of these waits meanwhile, and all writers
behind them: a second, as each vector takes some milliseconds to be placed in a graph."""
_MOST: Final = 100_000
"""Vectors after which a server that names nobody who is enrolled is asked no further."""
_WORTH: Final = 250
"""A group is compared whole where its people, squared, are at most so many times those of the store: so many
steps along the graph as it takes to meet enough of them cost more. benchmarks/server_search.py shows both."""
_MANY: Final = 10_000
"""People without a graph, from whom on that is said: the server compares with each of them."""


class ServerFinder:
    """Implements `Finder`. Threads may share it."""

    def __init__(self, store: Store, modality: str) -> None:
        """Find people of a store on a server, opened without a copy.

        Raises:
            ConfigError: another store, or its server cannot search; the hint says what to do.
        """
        if not isinstance(store, PostgresStore):
            raise ConfigError(
                "this store has no server that could search",
                expected="a store on a PostgreSQL server, opened without a copy",
                received=type(store).__name__,
                hint="Verifier.open('postgresql://…', index='server'); elsewhere 'exact' or 'approximate'",
            )
        self._store = store
        self._modality = modality
        self._vectors = ClearVectors(store)
        self._vectors.require()
        self._memberships = Memberships(store)
        self._lock = OwnLock("the search by the server")
        self._mark = START
        self._revision: int | None = None

    def prepare(self) -> int:
        """Put vectors there of whom the server has none yet; see `Finder.prepare`."""
        with self._lock.hold():
            self._catch_up()
            people = self._store.count(self._modality)
            if people >= _MANY and not self._vectors.has_graph(self._modality):
                _log.warning(
                    "the server compares with everybody: sigverify fleet init --vectors makes a graph"
                )
            return people

    def find(self, vector: Float32Array, count: int, among: str | None = None) -> tuple[list[Template], int]:
        """Return the templates of the nearest people, and how many were searched; see `Finder.find`.

        The number is that of all templates of the store, or of the group's members, by whichever modality.
        """
        with self._lock.hold():
            self._catch_up()
            members = None if among is None else self._memberships.members(among)
            with self._store.reading():
                everybody = self._store.people()
                people = everybody if members is None else len(members)
                if not people:
                    return [], 0
                if members is None:
                    return self._walked(vector, count, everybody), people
                if people**2 > _WORTH * everybody:
                    limit = MAX_REFERENCES * count * -(-everybody // people)
                    found = self._opened(self._nearest(vector, limit), count, members)
                    if len(found) >= count:
                        return found, people
                return self._whole(vector, count, members), people

    def _catch_up(self) -> None:
        """Put vectors there of whoever is new, or was replaced, where this role may.

        What was interrupted is taken up again: only what a page ended with is noted.
        """
        revision = self._store.revision()
        if revision == self._revision:
            return
        is_whole = not self._vectors.may_fill()
        while not is_whole:
            self._mark, is_whole = self._vectors.fill(self._modality, self._mark, limit=_PAGE)
        self._revision = revision

    def _nearest(self, vector: Float32Array, limit: int) -> list[Near]:
        return self._vectors.nearest(self._modality, vector, limit)

    def _walked(self, vector: Float32Array, count: int, everybody: int) -> list[Template]:
        """Walk the graph until enough people are met."""
        limit = MAX_REFERENCES * count
        while True:
            near = self._nearest(vector, limit)
            found = self._opened(near, count)
            if len(found) >= min(count, everybody) or len(near) < limit or limit > _MOST:
                return found
            limit *= 4

    def _whole(self, vector: Float32Array, count: int, members: frozenset[bytes]) -> list[Template]:
        """Compare with everybody of a group."""
        near = self._vectors.nearest(self._modality, vector, MAX_REFERENCES * count, among=members)
        return self._opened(near, count, members)

    def _opened(
        self, near: list[Near], count: int, members: frozenset[bytes] | None = None
    ) -> list[Template]:
        """Open the templates of the first people among those that are asked for."""
        of_each: dict[bytes, list[Near]] = {}
        for each in near:
            if members is None or each.subject in members:
                of_each.setdefault(each.subject, []).append(each)
        people, found = list(of_each.values()), list[Template]()
        # Somebody may just have gone: then others are opened in their place.
        while people and len(found) < count:
            some, people = people[: count - len(found)], people[count - len(found) :]
            found += self._vectors.templates(self._modality, list(chain.from_iterable(some)))
        return found


def make_vectors(store: PostgresStore) -> dict[str, int]:
    """Let a store's server search by itself: the table, everybody's vectors, and a graph of each modality.

    Returns:
        of each modality by which somebody is enrolled, the dimensions of its graph.

    Raises:
        ConfigError: the server has no pgvector, or one that is too old.
        StoreError: this role does not own the tables.
    """
    vectors = ClearVectors(store)
    vectors.make()
    # Vectors first: a graph is made of all at once many times faster than of one after the other.
    return {modality: _made(vectors, modality) for modality in sorted(store.models())}


def _made(vectors: ClearVectors, modality: str) -> int:
    vectors.tidy(modality)  # a graph of other dimensions would let no vector in
    mark, is_whole = START, False
    while not is_whole:
        mark, is_whole = vectors.fill(modality, mark, limit=_PAGE)
    return vectors.index(modality)


def drop_vectors(store: PostgresStore) -> dict[str, int]:
    """Take all of it away again; return no graphs.

    Raises:
        StoreError: this role does not own the tables.
    """
    ClearVectors(store).drop()
    return {}
