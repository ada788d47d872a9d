"""`Searcher`: finds who wrote a signature among everybody enrolled."""

import logging
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, Float32Array
from sigverify.errors import (
    ConfigError,
    MalformedTemplate,
    RuntimeUnavailable,
    UnknownUser,
    UntrustedTemplate,
)
from sigverify.forking import OwnLock
from sigverify.matcher import Matcher
from sigverify.matching.comparison import Comparison
from sigverify.matching.embedding import Embedding
from sigverify.protection.stations import Stations
from sigverify.runtime.native.library import Library
from sigverify.search.exact import ExactIndex
from sigverify.search.groups import KIND, check_group, read_groups
from sigverify.search.index import Index, IndexKind
from sigverify.search.match import Match, Matches
from sigverify.search.open_set import open_set_threshold
from sigverify.search.people import People
from sigverify.store import START, Change, Prepared, Store
from sigverify.template import Template

_log = logging.getLogger(__name__)

SHORTLIST: Final = 12
"""People whom a search compares in full, at least; the rest are ruled out by their vectors alone.
benchmarks/shortlist.py shows what other numbers miss; each person costs half a millisecond."""

_GRAPH: Final = "graph"
"""The name under which the graph of the approximate index is kept."""
_FEW_NEW: Final = 50
"""Where at most one in so many is new since, the graph is not kept anew: to put those takes seconds."""
_PAGE: Final = 500
"""People read from the store at once, while others may use it in between."""


class Searcher:
    """Searches one store, and follows its changes by any process. Threads may share it.

    What it holds in memory is read once, where there are many people from the gallery beside the store, and
    then kept up to date by what changed.
    """

    def __init__(
        self,
        store: Store,
        matcher: Matcher,
        *,
        kind: IndexKind | str = IndexKind.EXACT,
        stations: Stations | None = None,
    ) -> None:
        """Search `store` for people whose templates are of the matcher's model.

        `stations` say whose templates are used, None: anybody's.

        Raises:
            ConfigError: no such kind of index.
        """
        try:
            self._kind = IndexKind(kind)
        except ValueError as error:
            names = " or ".join(IndexKind)
            raise ConfigError("unknown kind of index", expected=names, received=str(kind)) from error
        self._store = store
        self._stations = stations
        self._matcher = matcher
        self._modality = matcher.modality.name
        self._lock = OwnLock("the index of the store")
        self._begin()

    def search(
        self, probe: Embedding, *, top_k: int = 5, fpir: float | None = None, among: str | None = None
    ) -> Matches:
        """Find the people whose references are most like the probe, best first.

        Vectors rule out all but a shortlist, and those are compared in full.

        Args:
            probe: in the model's own coordinates.
            top_k: how many to return at most.
            fpir: leave out whom a stranger would be taken for more often than at this rate; None: nobody.
            among: search this group only.

        Raises:
            ConfigError: `top_k` is less than 1, `fpir` is out of range, or that cannot name a group.
        """
        if top_k < 1:
            raise ConfigError("top_k out of range", expected="at least 1", received=str(top_k))
        turned = self._store.renewal.turn(probe).vector
        user_ids, people = self._nearest(turned, max(SHORTLIST, top_k), among)
        templates = self._templates(user_ids)
        compared = self._matcher.compare_each(
            probe,
            [(self._store.renewal.restore(each.references), each.spread) for each in templates],
        )
        found = []
        for template, comparison in zip(templates, compared, strict=True):
            score = self._matcher.score_of(comparison)
            if fpir is None or score >= self._threshold(template, comparison, fpir, people):
                found.append(Match(template.user_id, score))
        found.sort(key=lambda match: (-(match.score or 0.0), match.user_id))
        return Matches(found[:top_k], fpir=fpir)

    def prepare(self) -> int:
        """Read what the next search needs, so that it need not wait; return how many people there are."""
        with self._lock.hold():
            self._catch_up()
            return len(self._people)

    def _nearest(self, vector: Float32Array, count: int, among: str | None) -> tuple[list[str], int]:
        """Return the nearest people and how many were searched."""
        with self._lock.hold():
            self._catch_up()
            members = None if among is None else self._members(among)
            people = len(self._people) if members is None else int(members.sum())
            if self._index is None or not people:
                return [], 0
            slots = self._index.nearest(vector, min(count, people), among=members)
            return [self._people.user_id(slot) for slot in slots.tolist()], people

    def _threshold(self, template: Template, compared: Comparison, fpir: float, people: int) -> float:
        scoring = self._matcher.scoring
        row = scoring.row(len(template), reduced=compared.reduced, strangers=template.strangers)
        return open_set_threshold(row, fpir=fpir, people=people)

    def _templates(self, user_ids: Iterable[str]) -> list[Template]:
        """Read the templates of those who are still enrolled: another process may just have forgotten one.

        One person whose template is of another version keeps nobody else from being found.
        """
        templates = []
        for user_id in user_ids:
            try:
                template = self._store.get(user_id, self._modality)
                if self._stations is not None:
                    self._stations.check(template)
                templates.append(template)
            except UnknownUser:
                continue
            except UntrustedTemplate as error:
                _log.warning("somebody cannot be found: %s", error)
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
