"""The genuine signatures with the lowest scores, and the skilled forgeries with the highest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from sigverify.corpora import Corpus, Sample
from sigverify.errors import ConfigError
from sigverify.evaluation.page.plots import KIND_COLORS, most_references
from sigverify.evaluation.protocol import TrialKind, find_protocol
from sigverify.evaluation.report import Report
from sigverify.evaluation.trials import Rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN: Final = ("image", "pen")
"""Modalities whose captures can be drawn; a report on others has no such figure."""
SHOWN: Final = 3
"""Cases of each kind."""
SHOWN_REFERENCES: Final = 2


@dataclass(frozen=True)
class Case:
    """One trial to show, with the references that it was tried with."""

    kind: TrialKind
    writer: str
    score: float
    references: tuple[Sample, ...]
    probe: Sample


def extreme_cases(report: Report, corpus: Corpus) -> tuple[Case, ...]:
    """Return the worst genuine trials, then the best skilled forgeries, `SHOWN` of each, no writer twice."""
    if report.trials is None or corpus.modality.name not in DRAWN:
        return ()
    references = most_references(report).references
    genuine = report.trials.select(references=references, kind=TrialKind.GENUINE)
    forged = report.trials.select(references=references, kind=TrialKind.SKILLED)
    picked = {
        TrialKind.GENUINE: genuine[np.argsort(genuine["score"])],
        TrialKind.SKILLED: forged[np.argsort(-forged["score"])],
    }
    return tuple(_case(report, corpus, kind, row) for kind, rows in picked.items() for row in _distinct(rows))


def extremes_figure(cases: Sequence[Case]) -> "Figure":
    """Draw each case as a row: references, then the probe."""
    from matplotlib.figure import Figure

    from sigverify.plotting.captures import draw_capture

    columns = SHOWN_REFERENCES + 1
    figure = Figure(figsize=(8, 1.35 * len(cases)), layout="constrained")
    grid = np.reshape(figure.subplots(len(cases), columns), (len(cases), columns))
    for case, row in zip(cases, grid, strict=True):
        samples = [*case.references[:SHOWN_REFERENCES], case.probe]
        for axes in row:
            axes.set_axis_off()
        for axes, sample in zip([*row[: len(samples) - 1], row[-1]], samples, strict=True):
            draw_capture(axes, sample.capture)
            axes.set_title(f"writer {case.writer}, reference {sample.number}", fontsize=7, color="0.4")
        name = "genuine" if case.kind is TrialKind.GENUINE else "forgery"
        row[-1].set_title(
            f"{name} {case.probe.number}: score {case.score:.3g}",
            fontsize=8, fontweight="bold", color=KIND_COLORS[case.kind],
        )  # fmt: skip
    return figure


def _distinct(rows: Rows) -> list[Rows]:
    """Return the first `SHOWN` rows of different writers."""
    _, first = np.unique(rows["writer"], return_index=True)
    return [rows[index] for index in np.sort(first)[:SHOWN]]


def _case(report: Report, corpus: Corpus, kind: TrialKind, row: Rows) -> Case:
    if report.trials is None:
        raise ConfigError("a report without its trials", hint="Evaluate with the trials kept")
    writer = report.trials.writers[int(row["writer"])]
    genuine = corpus.genuine(writer)
    drawn = find_protocol(report.protocol).draw(
        writer, len(genuine), int(row["references"]), int(row["draw"])
    )
    tried = genuine if kind is TrialKind.GENUINE else corpus.skilled(writer)
    return Case(
        kind=kind,
        writer=writer,
        score=float(row["score"]),
        references=() if drawn is None else tuple(genuine[index] for index in drawn[0]),
        probe=next(sample for sample in tried if sample.number == int(row["probe"])),
    )
