"""`Try`: one signature shown in somebody's name; `tries` lists all of a protocol, for a `Verifier`.

`evaluate` makes trials of tables of distances, and a device decides about one signature after the other.
Both are asked here about the same signatures, so that their answers can be laid side by side.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sigverify.corpora import Corpus, Sample
from sigverify.evaluation.protocol import PROTOCOLS, TrialKind

if TYPE_CHECKING:
    from sigverify.evaluation.trials import Trials

REFERENCES: Final = 5
PROTOCOL: Final = PROTOCOLS["enrolled"]
"""The first signatures are enrolled, all later ones tried: the first genuine one of everybody else, too."""

Key = tuple[str, str, TrialKind, int]
"""What names a try in every table: whose name, who wrote it, what it is, its number."""


class TryKind(StrEnum):
    """What is shown; genuine ones by when they were written."""

    SAME_SITTING = "same_sitting"
    """Genuine, of the sitting of the references."""
    OTHER_DAY = "other_day"
    """Genuine, of another day."""
    SKILLED = "skilled"
    RANDOM = "random"


@dataclass(frozen=True, kw_only=True)
class Try:
    """One signature shown in the name of `writer`."""

    writer: str
    kind: TryKind
    sample: Sample

    @property
    def key(self) -> Key:
        """The same of the same try, whoever lists it."""
        genuine = self.kind in (TryKind.SAME_SITTING, TryKind.OTHER_DAY)
        kind = TrialKind.GENUINE if genuine else TrialKind(self.kind.value)
        return self.writer, self.sample.writer, kind, self.sample.number


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many of one kind were tried, and how many of them accepted.

    Attributes:
        accepted: by the name of the model that decided.
    """

    kind: TryKind
    tried: int
    accepted: Mapping[str, int]


def enrolled(corpus: Corpus, writer: str) -> tuple[Sample, ...]:
    """Return the references of a writer."""
    return corpus.genuine(writer)[:REFERENCES]


def tries(corpus: Corpus, sitting: int) -> Iterator[Try]:
    """Yield all tries of `PROTOCOL`, writer by writer.

    Args:
        corpus: each with more than `REFERENCES` genuine signatures.
        sitting: how many of them, from the first on, are of one sitting.
    """
    for writer in corpus.writers:
        for number, sample in enumerate(corpus.genuine(writer)[REFERENCES:], REFERENCES):
            kind = TryKind.SAME_SITTING if number < sitting else TryKind.OTHER_DAY
            yield Try(writer=writer, kind=kind, sample=sample)
        for sample in corpus.skilled(writer):
            yield Try(writer=writer, kind=TryKind.SKILLED, sample=sample)
        for other in corpus.writers:
            if other != writer:
                yield Try(writer=writer, kind=TryKind.RANDOM, sample=corpus.genuine(other)[0])


def reported(trials: "Trials", threshold: float) -> dict[Key, bool]:
    """Return what a report counts as accepted at a threshold, of `REFERENCES` references."""
    from sigverify.evaluation.trials import KINDS

    names, found = trials.writers, dict[Key, bool]()
    for row in trials.rows[trials.rows["references"] == REFERENCES]:
        key = names[row["writer"]], names[row["probe_writer"]], KINDS[row["kind"]], int(row["probe"])
        found[key] = bool(row["score"] >= threshold)
    return found


def count(shown: Iterable[Try], accepted: Mapping[str, Mapping[Key, bool]]) -> tuple[Count, ...]:
    """Count by kind, in the order of `TryKind`; `accepted` by model."""
    listed = list(shown)
    return tuple(
        Count(
            kind=kind,
            tried=len(its),
            accepted={name: sum(known[each.key] for each in its) for name, known in accepted.items()},
        )
        for kind in TryKind
        if (its := [each for each in listed if each.kind is kind])
    )
