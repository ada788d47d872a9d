"""`MemoryFinder`: everybody's vectors in this process's memory, kept up to date by what changed."""

import logging
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, Float32Array
from sigverify.errors import MalformedTemplate, RuntimeUnavailable, UnknownUser
from sigverify.forking import OwnLock
from sigverify.runtime.native.library import Library
from sigverify.search.exact import ExactIndex
from sigverify.search.groups import KIND, check_group, read_groups
from sigverify.search.index import Index, IndexKind
from sigverify.search.people import People
from sigverify.store import START, Change, Prepared, Store
from sigverify.template import Template

_log = logging.getLogger(__name__)

_GRAPH: Final = "graph"
"""The name under which the graph of the approximate index is kept."""
_FEW_NEW: Final = 50
"""Where at most one in so many is new since, the graph is not kept anew: to put those takes seconds."""
_PAGE: Final = 500
"""People read from the store at once, while others may use it in between."""


class MemoryFinder:
    """Implements `Finder`. Threads may share it.

    What it holds is read once, where there are many people from the gallery beside the store, and then kept
    up to date by what changed.
    """

    def __init__(self, store: Store, modality: str, kind: IndexKind) -> None:
        """Find people of `store` who are enrolled by that modality, by an index of that kind."""
        self._store = store
        self._modality = modality
        self._kind = kind
        self._lock = OwnLock("the index of the store")
        self._begin()

    def prepare(self) -> int:
        """Read what the next search needs; see `Finder.prepare`."""
        with self._lock.hold():
            self._catch_up()
            return len(self._people)

    def find(self, vector: Float32Array, count: int, among: str | None = None) -> tuple[list[Template], int]:
        """Return the templates of the nearest people; see `Finder.find`."""
        user_ids, people = self.nearest(vector, count, among)
        return self._templates(user_ids), people

    def nearest(self, vector: Float32Array, count: int, among: str | None = None) -> tuple[list[str], int]:
        """Return who the nearest people are, best first, and how many were searched."""
        with self._lock.hold():
            self._catch_up()
            members = None if among is None else self._members(among)
            people = len(self._people) if members is None else int(members.sum())
            if self._index is None or not people:
                return [], 0
            slots = self._index.nearest(vector, min(count, people), among=members)
            return [self._people.user_id(slot) for slot in slots.tolist()], people

    def _templates(self, user_ids: Iterable[str]) -> list[Template]:
        """Read the templates of those who are still enrolled: another process may just have forgotten one.

        One person whose template is of another version keeps nobody else from being found.
        """
        templates = []
        for user_id in user_ids:
            try:
                templates.append(self._store.get(user_id, self._modality))
            except UnknownUser:
                continue
            except MalformedTemplate as error:
                _log.warning("somebody cannot be found until they enroll again: %s", error)
        return templates

    def _begin(self) -> None:
        """Know nobody yet."""
        self._people = People()
        self._index: Index | None = None
        self._mark = START
        self._revision: int | None = None
        self._grouped = False
        self._is_whole = True
        """Whether no change was interrupted while it was taken over."""

    def _catch_up(self) -> None:
        """Take over what changed in the store since the last search, by whichever process."""
        if not self._is_whole:
            self._begin()
        revision = self._store.revision()
        if revision == self._revision:
            return
        if self._mark == START:
            self._read_prepared()
        while changes := self._store.changes(self._modality, self._mark, limit=_PAGE):
            self._is_whole = False
            self._take(changes)
            self._mark = changes[-1].mark
            self._is_whole = True
        if len(self._people) != self._store.count(self._modality):
            there = self._store.subjects(self._modality)
            self._is_whole = False
            self._drop(self._people.keep(there))
            self._is_whole = True
        self._revision = revision

    def _read_prepared(self) -> None:
        """Take everybody from what lies beside the store, if anything does."""
        prepared = self._store.prepared(self._modality)
        if prepared is None:
            return
        self._is_whole = False
        if self._kind is IndexKind.EXACT:
            for batch in prepared.batches():
                slots = self._people.add(batch.subjects, batch.names, batch.lengths)
                if self._index is None:
                    self._index = _make_index(self._kind, batch.vectors.shape[1])
                self._index.put(np.repeat(slots, batch.counts), batch.vectors)
        else:
            self._read_graph(prepared)
        self._mark = prepared.mark
        self._is_whole = True

    def _read_graph(self, prepared: Prepared) -> None:
        """Restore the graph that was kept, put whom it does not have, and keep it where those are many."""
        from sigverify.search.approximate import ApproximateIndex
        from sigverify.search.graph import Held

        batches = list(prepared.batches())
        if not batches:
            return
        people = Held(
            np.concatenate([self._people.add(b.subjects, b.names, b.lengths) for b in batches]),
            np.concatenate([batch.seals for batch in batches]),
            np.concatenate([batch.counts for batch in batches]),
            np.concatenate([batch.vectors for batch in batches]),
        )
        self._index = index = ApproximateIndex(people.vectors.shape[1])
        has = index.thaw(prepared.read(_GRAPH) or b"", people)
        missing = np.repeat(~has, people.counts)
        index.put(np.repeat(people.slots, people.counts)[missing], people.vectors[missing])
        if np.count_nonzero(~has) > max(_PAGE, len(has) // _FEW_NEW):
            prepared.keep(_GRAPH, index.freeze(people))

    def _take(self, changes: Sequence[Change]) -> None:
        known = [self._people.knows(change.mark.subject) for change in changes]
        slots = np.array([self._people.slot(c.mark.subject, c.user_id) for c in changes], np.int32)
        self._drop(slots[known].tolist())
        if self._index is None:
            self._index = _make_index(self._kind, changes[0].vectors.shape[1])
        owners = np.repeat(slots, [len(change.vectors) for change in changes])
        self._index.put(owners, np.concatenate([change.vectors for change in changes]))
        if self._grouped:
            for slot, change in zip(slots.tolist(), changes, strict=True):
                groups = read_groups(self._store.read_record(KIND, change.user_id))
                self._people.assign(slot, groups)

    def _drop(self, slots: Iterable[int]) -> None:
        if self._index is not None:
            for slot in slots:
                self._index.remove(slot)

    def _members(self, group: str) -> BoolArray:
        """Return who is in a group; groups are read when first asked for, and followed from then on."""
        group = check_group(group)
        if not self._grouped:
            self._people.assign_all({u: read_groups(c) for u, c in self._store.records(KIND).items()})
            self._grouped = True
        return self._people.members(group)


def _make_index(kind: IndexKind, size: int) -> Index:
    if kind is IndexKind.EXACT:
        try:
            return ExactIndex(size, Library.find())
        except RuntimeUnavailable:  # of a library that was named and does not load, `Matcher.open` warns
            return ExactIndex(size)
    from sigverify.search.approximate import ApproximateIndex

    return ApproximateIndex(size)
