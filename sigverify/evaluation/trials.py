"""`Trials`: every score of an evaluation, with what was tried against whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sigverify.arrays import FloatArray
from sigverify.evaluation.protocol import TrialKind

Rows = npt.NDArray[np.void]

ROW: Final = np.dtype(
    [
        ("references", np.int16),  # how many references the writer had
        ("draw", np.int16),  # seed of the draw
        ("writer", np.int32),  # claimed writer, an index into Trials.writers
        ("kind", np.int8),  # index into KINDS
        ("probe_writer", np.int32),  # of a random trial, who really wrote it; otherwise the claimed writer
        ("probe", np.int32),  # Sample.number of the probe
        ("score", np.float64),  # likeness, 0 to 1
        ("decided", np.float64),  # the same, by which thresholds for skilled forgers decide as a device
        ("limited", np.float64),  # the same for random trials, less where strangers match
    ]
)

KINDS: Final = tuple(TrialKind)


@dataclass(frozen=True, eq=False)
class Trials:
    """A table of trials.

    Attributes:
        writers: sorted names; a row names a writer by its place here.
        rows: `(n,)` of dtype `ROW`, ordered by references, draw, kind, writer.
    """

    writers: tuple[str, ...]
    rows: Rows

    @classmethod
    def of(cls, writers: Iterable[str], rows: Rows) -> "Trials":
        """Put rows in order."""
        order = np.lexsort((rows["writer"], rows["kind"], rows["draw"], rows["references"]))
        return cls(tuple(writers), rows[order])

    def __len__(self) -> int:
        """Count the trials, of all draws."""
        return len(self.rows)

    @property
    def references(self) -> tuple[int, ...]:
        """Numbers of references tried, rising."""
        return tuple(int(count) for count in np.unique(self.rows["references"]))

    @property
    def draws(self) -> tuple[int, ...]:
        """Seeds of the draws, rising."""
        return tuple(int(draw) for draw in np.unique(self.rows["draw"]))

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """Return `(n,)` columns as `pandas.DataFrame` takes them, a row for each trial; people by name."""
        names, kinds = np.array(self.writers, object), np.array([kind.value for kind in KINDS], object)
        return {
            name: names[self.rows[name]] if name in ("writer", "probe_writer") else self.rows[name].copy()
            for name in ROW.names or ()
        } | {"kind": kinds[self.rows["kind"]]}

    def select(self, *, references: int, kind: TrialKind, draw: int | None = None) -> Rows:
        """Return the rows of one number of references and kind, of one draw or of all."""
        low, high = _range(self.rows["references"], references)
        rows = self.rows[low:high]
        if draw is not None:
            low, high = _range(rows["draw"], draw)
            rows = rows[low:high]
        return np.asarray(rows[rows["kind"] == KINDS.index(kind)])

    def scores(
        self, *, references: int, kind: TrialKind, draw: int | None = None, column: str = "score"
    ) -> FloatArray:
        """Return the scores of `select`, or those "decided" or "limited", see `ROW`: `(n,)`."""
        return np.asarray(self.select(references=references, kind=kind, draw=draw)[column])

    def by_writer(self, *, references: int, kind: TrialKind, draw: int) -> list[FloatArray]:
        """Return the scores of each writer in the order of `writers`; some may be empty."""
        rows = self.select(references=references, kind=kind, draw=draw)
        ends = np.searchsorted(rows["writer"], np.arange(1, len(self.writers)))
        return [np.asarray(part) for part in np.split(rows["score"], ends)]


def make_rows(
    *,
    references: int,
    draw: int,
    writer: int,
    kind: TrialKind,
    probe_writer: Any,
    probe: Any,
    score: Any,
    decided: Any,
    limited: Any,
) -> Rows:
    """Fill rows of dtype `ROW`; what is given as one number holds for all."""
    rows = np.zeros(len(score), ROW)
    columns = (references, draw, writer, KINDS.index(kind), probe_writer, probe, score, decided, limited)
    for name, values in zip(ROW.names or (), columns, strict=True):
        rows[name] = values
    return rows


def _range(column: npt.NDArray[Any], value: int) -> tuple[int, int]:
    return int(np.searchsorted(column, value)), int(np.searchsorted(column, value, side="right"))
