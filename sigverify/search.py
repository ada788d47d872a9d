"""`Searcher`: one signature against everybody enrolled (1:N)."""

import contextlib
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sigverify.errors import ConfigError, UnknownUser
from sigverify.matching import Embedding, References, distances
from sigverify.scoring import Scoring
from sigverify.store import Gallery, Store
from sigverify.template import Template

SHORTLIST: Final = 20
"""People whom a search compares in full, at least; the rest are ruled out by their vectors alone."""


@dataclass(frozen=True)
class Match:
    """One person found by a search, with the score that `Verifier.score` would give."""

    user_id: str
    score: float


class Searcher:
    """Searches one store; keeps its vectors in memory until the store changes. Threads may share it."""

    def __init__(self, store: Store, scoring: Scoring) -> None:
        """Search `store`, scoring by `scoring`."""
        self._store = store
        self._scoring = scoring
        self._lock = threading.Lock()
        self._gallery: tuple[int, Gallery] | None = None

    def search(self, probe: Embedding, *, top_k: int = 5) -> list[Match]:
        """Find the people whose references are most like the probe, best first.

        Vectors rule out all but a shortlist, and those are compared in full.

        Raises:
            ConfigError: `top_k` is less than 1.
        """
        if top_k < 1:
            raise ConfigError("top_k out of range", expected="at least 1", received=str(top_k))
        shortlist = _nearest(self._current_gallery(), probe.vector, max(SHORTLIST, 2 * top_k))
        matches = self._rank(probe, self._templates(shortlist))
        return sorted(matches, key=lambda match: (-match.score, match.user_id))[:top_k]

    def _templates(self, user_ids: Iterable[str]) -> list[Template]:
        """Read the templates of those who are still enrolled: another process may just have forgotten one."""
        templates = []
        for user_id in user_ids:
            with contextlib.suppress(UnknownUser):
                templates.append(self._store.get(user_id))
        return templates

    def _rank(self, probe: Embedding, templates: Sequence[Template]) -> list[Match]:
        """Score each template, with all their references matched in one go."""
        if not templates:
            return []
        apart = distances(probe, References.join([template.references for template in templates]))
        ends = np.cumsum([len(template) for template in templates])
        return [
            Match(template.user_id, float(self._scoring.score(own, template.spread)))
            for template, own in zip(templates, np.split(apart, ends[:-1]), strict=True)
        ]

    def _current_gallery(self) -> Gallery:
        """Return the store's gallery, read again only after a change by any process."""
        with self._lock:
            revision = self._store.revision()
            if self._gallery is None or self._gallery[0] != revision:
                self._gallery = (revision, self._store.gallery())
            return self._gallery[1]


def _nearest(gallery: Gallery, vector: npt.NDArray[np.float32], count: int) -> list[str]:
    """Return the `count` users with a reference of the highest cosine to `vector`, in any order."""
    if not gallery.user_ids:
        return []
    best = np.maximum.reduceat(gallery.vectors @ vector, gallery.starts)
    count = min(count, len(best))
    return [gallery.user_ids[index] for index in np.argpartition(-best, count - 1)[:count]]
