"""How alike a writer's own signatures are, and which are least like the others: worth a look by a person."""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from sigverify.arrays import FloatArray, IndexArray
from sigverify.corpora.check.distance import distances
from sigverify.corpora.check.spread import Spread
from sigverify.corpora.check.subject import Subject

SHOWN: Final = 6
MOST_EACH: Final = 20
"""Genuine signatures of one writer that are compared with each other, evenly taken: 190 pairs."""
LEAST_EACH: Final = 4
"""With fewer nobody knows what is usual for a writer."""


@dataclass(frozen=True, kw_only=True)
class Odd:
    """A genuine signature unlike its writer's others.

    Attributes:
        name: of its file or sample.
        writer: the claimed writer.
        times: its distance to the writer's other signatures over what is usual among them; medians.
        capture: it.
        usual: of the writer's others the two that are most like the rest.
    """

    name: str
    writer: str
    times: float
    capture: Any = field(repr=False)
    usual: tuple[Any, ...] = field(repr=False)


@dataclass(frozen=True, eq=False, kw_only=True)
class Repetitions:
    """How alike the genuine signatures of one writer are.

    Attributes:
        usual: `(w,)` medians of each writer's elastic distances; of writers with fewer than `LEAST_EACH` the
            median of the others', 0 where nobody has more.
        spread: the same over the writers that have more.
        oddest: the signatures that are least like their writer's others, one a writer.
    """

    usual: FloatArray
    spread: Spread
    oddest: tuple[Odd, ...]


def repetitions(subject: Subject) -> Repetitions:
    """Compare genuine signatures with those of the same writer."""
    found: list[Odd] = []
    writers = subject.corpus.writers
    usual = np.full(len(writers), np.nan)
    for writer in range(len(writers)):
        rows = subject.rows(writer)
        if len(rows) >= LEAST_EACH:
            taken = rows[np.unique(np.linspace(0, len(rows) - 1, MOST_EACH).astype(int))]
            apart = _apart(subject, taken)
            usual[writer] = np.median(apart[np.triu_indices(len(taken), 1)])
            found.append(_oddest(subject, taken, apart, float(usual[writer])))
        subject.progress("repetitions", writer + 1, len(writers))
    spread = Spread.of(usual[np.isfinite(usual)])
    return Repetitions(
        usual=np.where(np.isfinite(usual), usual, spread.median),
        spread=spread,
        oddest=tuple(sorted(found, key=lambda odd: -odd.times)[:SHOWN]),
    )


def _apart(subject: Subject, rows: IndexArray) -> FloatArray:
    """Elastic distances `(r, r)` between signatures."""
    series = subject.series[rows]
    apart = np.zeros((len(rows), len(rows)))
    one, other = np.triu_indices(len(rows), 1)
    apart[one, other] = distances(series[one], series[other])
    return apart + apart.T


def _oddest(subject: Subject, rows: IndexArray, apart: FloatArray, usual: float) -> Odd:
    others = ~np.eye(len(rows), dtype=np.bool_)
    own = np.array([np.median(line[kept]) for line, kept in zip(apart, others, strict=True)])
    order = np.argsort(own)
    samples = [subject.corpus.samples[int(row)] for row in rows[order]]
    return Odd(
        name=subject.name(samples[-1]),
        writer=samples[-1].writer,
        times=float(own[order[-1]] / max(usual, 1e-9)),
        capture=samples[-1].capture,
        usual=tuple(sample.capture for sample in samples[:2]),
    )
