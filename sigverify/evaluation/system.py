"""`System`: what can be evaluated. `SdkSystem`: a model file through the code that the device runs."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from sigverify.arrays import BoolArray, RealArray
from sigverify.matcher import Matcher
from sigverify.matching.comparison import present, without
from sigverify.matching.cue import Cue
from sigverify.matching.embedding import Embedding, References
from sigverify.matching.scoring import Impostor, ScoreRow, Scoring
from sigverify.matching.strangers import NormalFit, Strangers
from sigverify.template import stored

Embedded = TypeVar("Embedded")
Compared = TypeVar("Compared", Embedding, References)


class System(Protocol[Embedded]):
    """Four steps from signatures to scores: every distance is computed once and draws are look-ups."""

    @property
    def name(self) -> str:
        """What the report calls it."""

    @property
    def calibrated(self) -> bool:
        """Whether a score claims to be the probability of genuine at even odds."""

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What was measured, in plain JSON types: model id, precision, runtime."""

    def embed(self, capture: Any) -> Embedded:
        """Do what is done once with each capture."""

    def distances(self, probes: Sequence[Embedded], references: Sequence[Embedded]) -> RealArray:
        """Compare `p` probes with `r` references: `(p, r, k)`, `k` the number of cues."""

    def spread(self, references: Sequence[Embedded]) -> RealArray:
        """Compare `r` references with each other: `(r, r, k)`."""

    def score(self, distances: RealArray, spread: RealArray) -> RealArray:
        """Score probes by distances `(p, r, k)` to references that lie `(r, r, k)` apart: `(p,)` in 0..1."""

    def cohort(self) -> Sequence[Embedded]:
        """Return invented people that whoever is enrolled is compared with; none: it has no cohort."""

    def decided(self, score: RealArray, distances: RealArray, impostor: Impostor) -> RealArray:
        """Move scores `(p,)` of `score` so that one table of thresholds decides about all.

        They reach one of `thresholds` for that impostor just where a device accepts, which may decide by
        other thresholds where somebody's device lacks a sensor.
        """

    def limited(
        self, score: RealArray, distances: RealArray, spread: RealArray, cohort: RealArray
    ) -> RealArray:
        """Lower scores `(p,)` of `score` where the cohort, `(n, r, k)` from the references, comes near.

        They reach a threshold for random impostors just where a device accepts, as those of `decided` do.
        """

    def thresholds(self, references: int) -> Mapping[str, Sequence[tuple[float, float]]]:
        """Return the thresholds the system promises: impostor kind -> ((fmr, threshold), …); may be empty."""


class SdkSystem:
    """A model, embedded and matched exactly as `Verifier.verify` does it."""

    def __init__(self, matcher: Matcher, *, scoring: Scoring | None = None) -> None:
        """Measure what this matcher computes, scored by the model's own scoring or by another one."""
        self._matcher = matcher
        self.scoring = scoring or matcher.scoring
        """How distances become a score."""
        manifest = matcher.model.manifest
        self.name = f"{manifest.name} ({manifest.precision})"
        self.calibrated = True
        self._whole = False  # whether some capture lacked nothing

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Name the file, the network in it and what runs it."""
        manifest = self._matcher.model.manifest
        return {
            "kind": "sdk",
            "model_id": self._matcher.model.id,
            "model_name": manifest.name,
            "encoder": manifest.encoder,
            "precision": str(manifest.precision),
            "runtime": str(self._matcher.runtime),
            "trained_on": list(manifest.provenance.get("trained_on", ())),
            "calibrated_on": list(manifest.provenance.get("conversion", {}).get("calibrated_on", ())),
            "licence_note": str(manifest.provenance.get("licence_note", "")),
            "network_bytes": len(self._matcher.model.network),
        }

    @property
    def cues(self) -> tuple[Cue, ...]:
        """The columns of its distances."""
        return self._matcher.cues

    def scored_by(self, scoring: Scoring) -> "SdkSystem":
        """Return the same system with another scoring; distances measured with one serve the other."""
        other = SdkSystem(self._matcher, scoring=scoring)
        other._whole = self._whole
        return other

    def embed(self, capture: Any) -> Embedding:
        """Embed as the device does.

        Raises:
            InvalidSignature: not a capture of the model's modality.
        """
        embedding = self._matcher.embed(capture)
        self._whole |= bool(present(embedding.series)[self._matcher.optional].all())
        return embedding

    def distances(self, probes: Sequence[Embedding], references: Sequence[Embedding]) -> RealArray:
        """Match each probe against all references, as stored: `(p, r, 2k + 1)`.

        The `k` cues; the same by what is left without optional channels, for draws in which somebody lacks
        one; and whether probe or reference does.
        """
        kept = stored(References.stack(references))
        return np.stack([self._probe(probe, kept) for probe in probes])

    def spread(self, references: Sequence[Embedding]) -> RealArray:
        """Match references, as stored, against each other: `(r, r, 2k)`, as `distances` but for the last."""
        kept = stored(References.stack(references))
        return np.concatenate(
            [self._matcher.spread(kept), self._matcher.spread(self._reduced(kept))], axis=-1
        )

    def score(self, distances: RealArray, spread: RealArray) -> RealArray:
        """Score by the calibrated fusion of all cues, as `Matcher.compare` chooses what is compared."""
        k = len(self.cues)
        whole = self.scoring.score(distances[..., :k], spread[..., :k])
        reduced = self.scoring.score(distances[..., k : 2 * k], spread[..., k:], reduced=True)
        return np.where(self._lacking(distances), reduced, whole)

    def cohort(self) -> Sequence[Embedding]:
        """Return the model's cohort, and the same people without what a device may lack."""
        people = self._matcher.model.people
        if people is None:
            return ()
        both = (people, self._reduced(people))
        return [each[number] for each in both for number in range(len(people))]

    def decided(self, score: RealArray, distances: RealArray, impostor: Impostor) -> RealArray:
        """Move scores of trials in which somebody lacks something, where others lack nothing."""
        return self._moved(score, distances, impostor, None)

    def limited(
        self, score: RealArray, distances: RealArray, spread: RealArray, cohort: RealArray
    ) -> RealArray:
        """Lower scores as thresholds are raised at enrollment, see `matching.strangers`."""
        k, people = len(self.cues), len(cohort) // 2
        odds = self.scoring.odds(cohort[:people, :, :k], spread[..., :k])
        less = self.scoring.odds(cohort[people:, :, k : 2 * k], spread[..., k:], reduced=True)
        strangers = Strangers(whole=NormalFit.of(odds), reduced=NormalFit.of(less))
        return self._moved(score, distances, Impostor.RANDOM, strangers)

    def _moved(
        self, score: RealArray, distances: RealArray, impostor: Impostor, strangers: Strangers | None
    ) -> RealArray:
        """Return what reaches the thresholds of the report where `score` reaches those of the device.

        The device takes the row for what was compared, and with `strangers` that of one person.
        """
        references = distances.shape[-2]
        wanted = self._row(references).thresholds.get(impostor, ())
        whole, reduced = (
            _between(
                score,
                self.scoring.row(references, reduced=less, strangers=strangers).thresholds.get(impostor, ()),
                wanted,
            )
            for less in (False, True)
        )
        return np.where(self._lacking(distances), reduced, whole)

    def _lacking(self, distances: RealArray) -> BoolArray:
        """Tell in which trials `(p,)` probe or references lack something, by the last column."""
        return np.asarray(distances[..., 2 * len(self.cues)].any(axis=-1))

    def _row(self, references: int) -> ScoreRow:
        """Return the row whose thresholds a report shows: where all captures lack something, that for it."""
        return self.scoring.row(references, reduced=not self._whole)

    def _probe(self, probe: Embedding, references: References) -> RealArray:
        """Match one probe against all references, `(r, 2k + 1)`."""
        matcher = self._matcher
        there = present(references.series) & present(probe.series)
        lacking: BoolArray = np.asarray((matcher.optional & ~there).any(axis=-1))
        less = whole = matcher.distances(probe, references)
        one, others = self._reduced(probe), self._reduced(references)
        if lacking.any() and not (one is probe and others is references):
            less = matcher.distances(one, others)
        return np.concatenate([whole, less, lacking[:, np.newaxis]], axis=-1)

    def _reduced(self, embedded: Compared) -> Compared:
        return without(embedded, self._matcher.optional)

    def thresholds(self, references: int) -> Mapping[str, Sequence[tuple[float, float]]]:
        """Return the thresholds in the model file: where all captures lack something, those for that."""
        return {str(kind): table for kind, table in self._row(references).thresholds.items()}


def _between(
    score: RealArray, known: Sequence[tuple[float, float]], wanted: Sequence[tuple[float, float]]
) -> RealArray:
    """Return what reaches the `wanted` threshold of each rate just where `score` reaches the `known` one."""
    if known == wanted:
        return score
    table = dict(wanted)
    pairs = [(0.0, 0.0), *((at, table[rate]) for rate, at in known if rate in table), (1.0, 1.0)]
    return np.asarray(np.interp(score, [one for one, _ in pairs], [other for _, other in pairs]))
