"""`Tries`: what a model makes of the people of a device, by the code that decides there."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from converter.people import rows_of
from sigverify.arrays import Float32Array, FloatArray, IndexArray
from sigverify.matcher import Matcher, embedding_of
from sigverify.matching.embedding import Embedding, References
from sigverify.policy.profile import Profile
from sigverify.runtime.embedder import Embedder
from sigverify.training.data.trace_set import TraceSet
from sigverify.training.distortion import Forger, build_forger

PROFILES: Final = tuple(Profile)
"""The columns of margins."""
MOST: Final = 10
"""Signatures of a kind tried of a person; more take longer and say little more of them."""
STRANGERS: Final = 40
"""Others tried on a person, evenly over all."""
REFERENCES: Final = 5
"""Most references: what most devices enroll."""
COPIES: Final = 2
"""Forgeries made of each signature."""

Progress = Callable[[str, int, int], None]


class Probe(StrEnum):
    """Who a probe is of."""

    GENUINE = "genuine"
    """The person."""
    FORGED = "forged"
    """Nobody: a signature of the person's own, distorted as `training.distortion` does."""
    SKILLED = "skilled"
    """A forger, of flesh and blood."""
    STRANGER = "stranger"
    """Somebody else of the people, with their own signature."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Tries:
    """The tries of one person.

    Attributes:
        margins: by kind `(n, p)`: log odds of a try less those of each profile's threshold; at 0 and above it
            is accepted. A kind that there is none of is not there.
    """

    margins: Mapping[Probe, FloatArray]

    def share_accepted(self, kind: Probe, shift: float) -> FloatArray:
        """Share accepted at each profile, `(p,)`, were the log odds higher by `shift`; NaN without a try."""
        if kind not in self.margins:
            return np.full(len(PROFILES), np.nan)
        return np.asarray((self.margins[kind] + shift >= 0).mean(axis=0))


@dataclass(frozen=True, eq=False)
class _Set:
    """A signature left out, and the references it leaves: embedded, and how far they lie apart."""

    left_out: int
    references: References
    spread: Float32Array


class Trier:
    """Embeds people's signatures once, and tries them on each other."""

    def __init__(self, matcher: Matcher, people: TraceSet, *, seed: int = 0) -> None:
        """Choose the number of references that everybody has signatures for."""
        self._matcher, self._people = matcher, people
        self._embedder = Embedder.open(matcher.model)
        self._rng = np.random.default_rng(seed)
        own = [len(rows_of(people, number)[0]) for number in range(len(people.writers))]
        self.references = min(REFERENCES, min(own) - 1)
        """References of each try."""

    def tries(self, progress: Progress, stage: str) -> list[Tries]:
        """Try everybody; `progress` is told after each."""
        forger = build_forger(self._people.modality)
        rows = [
            tuple(each[:MOST] for each in rows_of(self._people, number))
            for number in range(len(self._people.writers))
        ]
        own = [self._embedded(genuine) for genuine, _ in rows]
        found = []
        for number, (genuine, skilled) in enumerate(rows):
            progress(stage, number, len(rows))
            forged = self._forged(forger, genuine)
            others = [each[0] for at, each in enumerate(own) if at != number]
            picked = np.unique(np.linspace(0, len(others) - 1, min(STRANGERS, len(others))).astype(int))
            sets = list(self._sets(own[number]))
            probes = {
                Probe.GENUINE: [(own[number][each.left_out], each) for each in sets],
                # A forgery is not compared with the signature that it was made of.
                Probe.FORGED: [(copy, each) for each in sets for copy in forged[each.left_out]],
                Probe.SKILLED: _round(self._embedded(skilled), sets),
                Probe.STRANGER: _round([others[int(at)] for at in picked], sets),
            }
            found.append(Tries(margins={kind: self._margins(its) for kind, its in probes.items() if its}))
        progress(stage, len(rows), len(rows))
        return found

    def _sets(self, own: Sequence[Embedding]) -> Iterator[_Set]:
        """Leave out one signature after the other; the next ones, in the order signed, are the references."""
        for left_out in range(len(own)):
            chosen = [own[(left_out + 1 + step) % len(own)] for step in range(self.references)]
            references = self._matcher.common(References.stack(chosen))
            yield _Set(left_out, references, self._matcher.spread(references))

    def _forged(self, forger: Forger, rows: IndexArray) -> list[list[Embedding]]:
        """Forge each signature `COPIES` times. Distorted twice: once leaves it close to a genuine one."""
        copies = np.repeat(rows, COPIES)
        traces = forger.apply(forger.apply(self._people.traces[copies], self._rng), self._rng)
        embedded = self._embed(traces, self._people.extent[copies])
        return [embedded[at : at + COPIES] for at in range(0, len(embedded), COPIES)]

    def _embedded(self, rows: IndexArray) -> list[Embedding]:
        """Embed people's signatures as they are."""
        return self._embed(self._people.traces[rows], self._people.extent[rows]) if len(rows) else []

    def _embed(self, traces: Float32Array, extent: FloatArray) -> list[Embedding]:
        modality = self._matcher.modality
        return [
            embedding_of(modality, inputs, self._embedder.run(inputs), float(size))
            for inputs, size in zip(modality.encode(traces), extent, strict=True)
        ]

    def _margins(self, probes: Sequence[tuple[Embedding, _Set]]) -> FloatArray:
        """Compare as a device does, by what both sides have."""
        margins = []
        for probe, each in probes:
            compared = self._matcher.compare(probe, each.references, each.spread)
            limits = [
                self._matcher.threshold(profile.fmr, references=self.references, reduced=compared.reduced)
                for profile in PROFILES
            ]
            odds = log_odds(self._matcher.score_of(compared))
            margins.append([odds - log_odds(limit) for limit in limits])
        return np.array(margins)


def _round(probes: Sequence[Embedding], sets: Sequence[_Set]) -> list[tuple[Embedding, _Set]]:
    """Give each probe the next set of references."""
    return [(probe, sets[at % len(sets)]) for at, probe in enumerate(probes)]


def log_odds(score: float) -> float:
    """Return the log odds of a score, bounded as the scorer bounds them.

    >>> log_odds(0.5)
    0.0
    """
    inside = min(max(score, 1e-15), 1 - 1e-15)
    return math.log(inside / (1 - inside))
