"""`Searcher`: finds who wrote a signature among everybody enrolled."""

import logging
from collections.abc import Iterable
from typing import Final

from sigverify.errors import ConfigError, UntrustedTemplate
from sigverify.matcher import Matcher
from sigverify.matching.comparison import Comparison
from sigverify.matching.embedding import Embedding
from sigverify.protection.stations import Stations
from sigverify.search.finder import Finder
from sigverify.search.index import IndexKind, find_kind
from sigverify.search.match import Match, Matches
from sigverify.search.memory_finder import MemoryFinder
from sigverify.search.open_set import open_set_threshold
from sigverify.store import Store
from sigverify.template import Template

_log = logging.getLogger(__name__)

SHORTLIST: Final = 12
"""People whom a search compares in full, at least; the rest are ruled out by their vectors alone.
benchmarks/shortlist.py shows what other numbers miss; each person costs half a millisecond."""


class Searcher:
    """Searches one store, and follows its changes by any process. Threads may share it."""

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
            ConfigError: no such kind of index, or the store, or its server, has none of that kind.
        """
        self._store = store
        self._stations = stations
        self._matcher = matcher
        self._finder = _make_finder(store, matcher.modality.name, find_kind(kind))

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
        found, people = self._finder.find(turned, max(SHORTLIST, top_k), among)
        templates = self._trusted(found)
        renewal = self._store.renewal
        compared = self._matcher.compare_each(
            probe, [(renewal.restore(each.references), each.spread) for each in templates]
        )
        matches = []
        for template, comparison in zip(templates, compared, strict=True):
            score = self._matcher.score_of(comparison)
            if fpir is None or score >= self._threshold(template, comparison, fpir, people):
                matches.append(Match(template.user_id, score))
        matches.sort(key=lambda match: (-(match.score or 0.0), match.user_id))
        return Matches(matches[:top_k], fpir=fpir)

    def prepare(self) -> int:
        """Read what the next search needs, so that it need not wait; return how many people there are."""
        return self._finder.prepare()

    def _trusted(self, templates: Iterable[Template]) -> list[Template]:
        """Leave out those that no trusted station signed."""
        trusted = []
        for template in templates:
            try:
                if self._stations is not None:
                    self._stations.check(template)
                trusted.append(template)
            except UntrustedTemplate as error:
                _log.warning("somebody cannot be found: %s", error)
        return trusted

    def _threshold(self, template: Template, compared: Comparison, fpir: float, people: int) -> float:
        scoring = self._matcher.scoring
        row = scoring.row(len(template), reduced=compared.reduced, strangers=template.strangers)
        return open_set_threshold(row, fpir=fpir, people=people)


def _make_finder(store: Store, modality: str, kind: IndexKind) -> Finder:
    if kind is not IndexKind.SERVER:
        return MemoryFinder(store, modality, kind)
    from sigverify.search.server_finder import ServerFinder  # brings the driver of PostgreSQL

    return ServerFinder(store, modality)
