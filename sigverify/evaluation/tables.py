"""`WriterTables`: all distances of one writer, computed once; every draw of references is a look-up.

Evaluation reads its trials off these tables, and so does the fit of a model's scores: one drawing for both.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from sigverify.arrays import IndexArray, RealArray
from sigverify.evaluation.protocol import TrialKind

Embedded = TypeVar("Embedded")
Compared_contra = TypeVar("Compared_contra", contravariant=True)


class Comparer(Protocol[Compared_contra]):
    """What computes distances; every `System` does."""

    def distances(
        self, probes: Sequence[Compared_contra], references: Sequence[Compared_contra]
    ) -> RealArray:
        """Compare `p` probes with `r` references: `(p, r, k)`, `k` the number of cues."""

    def spread(self, references: Sequence[Compared_contra]) -> RealArray:
        """Compare `r` references with each other: `(r, r, k)`."""


@dataclass(frozen=True, eq=False)
class Probes:
    """Signatures of one kind, compared with all genuine signatures of a writer.

    Attributes:
        rows: `(p,)` positions of the probes among all signatures.
        distances: `(p, g, k)`.
    """

    rows: IndexArray
    distances: RealArray


@dataclass(frozen=True, eq=False)
class WriterTables:
    """All distances that the draws of one writer look up; `g` genuine signatures, `k` cues.

    Attributes:
        writer: the writer's name.
        spread: `(g, g, k)` between the genuine signatures as references.
        probes: by kind; a kind of which there are none is left out.
        cohort: `(n, g, k)` of the people that a model brings along; None: it brings none.
    """

    writer: str
    spread: RealArray
    probes: Mapping[TrialKind, Probes]
    cohort: RealArray | None = None

    @property
    def genuine(self) -> int:
        """Number of genuine signatures."""
        return len(self.spread)

    def trials(
        self, references: IndexArray, genuine: IndexArray
    ) -> Iterator[tuple[TrialKind, IndexArray, RealArray, RealArray]]:
        """Yield the trials of one draw.

        Args:
            references: numbers of the genuine signatures that are the references.
            genuine: numbers of those that are genuine trials; all impostors are tried.

        Yields:
            kind, rows `(p,)` of the probes, distances `(p, r, k)`, and the references' spread `(r, r, k)`.
        """
        spread = self.spread[np.ix_(references, references)]
        for kind, probes in self.probes.items():
            tried = genuine if kind is TrialKind.GENUINE else np.arange(len(probes.rows))
            yield kind, probes.rows[tried], probes.distances[np.ix_(tried, references)], spread

    def met(self, references: IndexArray) -> RealArray | None:
        """Return the distances `(n, r, k)` of the cohort to the references of a draw; None: there is none."""
        return None if self.cohort is None else self.cohort[:, references]

    def with_columns(self, columns: Sequence[int], other: "WriterTables") -> "WriterTables":
        """Return the same with those columns as `other` has them, of the same signatures."""

        def put(mine: RealArray, its: RealArray) -> RealArray:
            out = mine.copy()
            out[..., list(columns)] = its
            return out

        return WriterTables(
            self.writer,
            put(self.spread, other.spread),
            {
                kind: Probes(each.rows, put(each.distances, other.probes[kind].distances))
                for kind, each in self.probes.items()
            },
            self.cohort,
        )

    def with_cues(self, kept: Sequence[bool]) -> "WriterTables":
        """Return the same with all distances of the cues that are not `kept` at 0."""
        mask = np.asarray(kept, self.spread.dtype)
        return WriterTables(
            self.writer,
            self.spread * mask,
            {kind: Probes(each.rows, each.distances * mask) for kind, each in self.probes.items()},
            None if self.cohort is None else self.cohort * mask,
        )


def tabulate(
    comparer: Comparer[Embedded],
    embedded: Sequence[Embedded],
    writers: Sequence[str],
    genuine: Sequence[bool],
    *,
    least_genuine: int = 1,
    most_random: int | None = None,
    as_stored: bool = True,
    cohort: Sequence[Embedded] = (),
) -> Iterator[WriterTables]:
    """Compute the tables of one writer after the other, in the order of their names.

    Args:
        comparer: computes the distances.
        embedded: the `n` signatures.
        writers: `n` claimed writers; of a forgery the one forged.
        genuine: of each signature; the rest are skilled forgeries.
        least_genuine: writers with fewer genuine signatures are left out.
        most_random: random forgeries tried on one writer, taken evenly from the other writers, of each the
            first genuine signature; None takes all.
        as_stored: whether references are rounded by storing them, so that a signature as a probe differs from
            the same as a reference; where they do not, genuine trials are read off the spread.
        cohort: people that a model brings along.
    """
    owner, real = np.asarray(writers), np.asarray(genuine, np.bool_)
    own = {str(name): np.flatnonzero((owner == name) & real) for name in np.unique(owner[real])}
    own = {name: rows for name, rows in own.items() if len(rows) >= least_genuine}
    firsts = {name: rows[0] for name, rows in own.items()}
    for name, rows in own.items():
        references = [embedded[int(row)] for row in rows]
        others = np.array([first for other, first in firsts.items() if other != name], np.intp)
        if most_random is not None and len(others):
            others = others[np.unique(np.linspace(0, len(others) - 1, most_random).astype(int))]
        impostors = {
            TrialKind.SKILLED: np.flatnonzero((owner == name) & ~real),
            TrialKind.RANDOM: others,
        }
        spread = comparer.spread(references)
        own_distances = comparer.distances(references, references) if as_stored else spread
        probes = {TrialKind.GENUINE: Probes(rows, own_distances)}
        for kind, tried in impostors.items():
            if len(tried):
                distances = comparer.distances([embedded[int(row)] for row in tried], references)
                probes[kind] = Probes(tried, distances)
        met = comparer.distances(cohort, references) if len(cohort) else None
        yield WriterTables(name, spread, probes, met)
