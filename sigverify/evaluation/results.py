"""`Row`: one line of a results table, pooled over networks that differ by their seed alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.errors import ConfigError
from sigverify.evaluation.protocol import TrialKind
from sigverify.evaluation.report import Report
from sigverify.evaluation.summary import FMRS, REPLICATES, Estimate, ImpostorErrors, replicates
from sigverify.metrics import WriterBootstrap, interval

SHOWN_FMRS: Final = (0.01, 0.001)

HEADER: Final = (
    "system",
    "the network saw",
    "the calibration saw",
    "R",
    "EER skilled, global",
    "EER skilled, per writer",
    "EER random, global",
    *(f"FNMR at FMR {100 * rate:g} %" for rate in SHOWN_FMRS),
)


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Error rates against one kind of impostor, 0 to 1.

    Attributes:
        trials: impostor trials in one draw.
        eer: one global threshold.
        eer_per_writer: thresholds of each writer's own, a posteriori.
        fnmr: false match rate, as "0.01" → what it costs.
    """

    trials: int
    eer: Estimate
    eer_per_writer: Estimate
    fnmr: Mapping[str, Estimate]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one kind of system did on one corpus with one number of references.

    Means and standard deviations are over networks and draws together; intervals are of the mean, by
    bootstrap over writers, the same writers drawn for all networks.

    Attributes:
        corpus: what was measured on; neither network nor calibration saw it.
        system: "int8", "float32", "DTW baseline" …
        trained_on: corpora that the network saw.
        calibrated_on: corpora that scoring and thresholds saw.
        references: how many each writer enrolled.
        networks: how many were pooled.
        draws: of references, for each.
        impostors: kind → rates.
    """

    corpus: str
    system: str
    trained_on: tuple[str, ...]
    calibrated_on: tuple[str, ...]
    references: int
    networks: int
    draws: int
    impostors: Mapping[str, Rates]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            **asdict(self),
            "trained_on": list(self.trained_on),
            "calibrated_on": list(self.calibrated_on),
        }


def pool(reports: Sequence[Report], *, system: str) -> tuple[Row, ...]:
    """Pool reports of networks that differ by their seed alone: one row for each number of references.

    Args:
        reports: on the same trials, with their scores.
        system: what to call what they are of.

    Raises:
        ConfigError: none given, on different trials, or without their scores.
    """
    if not reports or any(_trials_key(report) != _trials_key(reports[0]) for report in reports):
        raise ConfigError("these reports cannot be pooled", expected="one or more, on the same trials")
    if any(report.trials is None for report in reports):
        raise ConfigError(
            "a report has lost its scores", expected="the trials-*.npz files beside report.json"
        )
    first = reports[0]
    return tuple(
        Row(
            corpus=first.corpus,
            system=system,
            trained_on=_named(first, "trained_on"),
            calibrated_on=_named(first, "calibrated_on"),
            references=condition.references,
            networks=len(reports),
            draws=first.draws,
            impostors={
                kind.value: _rates(reports, condition.references, kind) for kind in condition.impostors
            },
        )
        for condition in first.conditions
    )


def to_markdown(rows: Iterable[Row]) -> str:
    """Lay rows out as Markdown, one table for each corpus."""
    by_corpus: dict[str, list[Row]] = {}
    for row in rows:
        by_corpus.setdefault(row.corpus, []).append(row)
    return "\n".join(_section(corpus, group) for corpus, group in by_corpus.items())


def _section(corpus: str, rows: Sequence[Row]) -> str:
    lines = [
        f"## {corpus}",
        "",
        _line(HEADER),
        _line("---" if column < 3 else "---:" for column in range(len(HEADER))),
        *(_line(_cells(row)) for row in rows),
        "",
    ]
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: Row) -> list[str]:
    skilled, random = (row.impostors.get(kind.value) for kind in (TrialKind.SKILLED, TrialKind.RANDOM))
    seeds = f" ({row.networks} seeds)" if row.networks > 1 else ""
    return [
        f"{row.system}{seeds}",
        ", ".join(row.trained_on) or "nothing",
        calibration_text(row),
        str(row.references),
        _percent(skilled.eer if skilled else None),
        _percent(skilled.eer_per_writer if skilled else None),
        _percent(random.eer if random else None),
        *(
            _percent(skilled.fnmr[str(rate)] if skilled else None) + _few(skilled, rate)
            for rate in SHOWN_FMRS
        ),
    ]


def calibration_text(row: Row) -> str:
    """Say what the calibration saw; writers held out of the training count as another corpus of that name."""
    seen = set(row.trained_on)
    names = [f"{name} (other writers)" if name in seen else name for name in row.calibrated_on]
    return ", ".join(names) or "nothing"


def _few(rates: Rates | None, fmr: float) -> str:
    """Mark rates that the trials are too few for: 0 errors in n bound a rate by 3 / n (rule of three)."""
    return "*" if rates and rates.trials < 3 / fmr else ""


def _percent(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    mean, std, low, high = (
        100 * value for value in (estimate.mean, estimate.std, estimate.low, estimate.high)
    )
    return f"{mean:.2f} ± {std:.2f} [{low:.2f}, {high:.2f}]"


def _rates(reports: Sequence[Report], references: int, kind: TrialKind) -> Rates:
    errors = [report.condition(references).impostors[kind] for report in reports]
    writers = _writers(reports[0])
    bootstrap = WriterBootstrap(len(writers), replicates=REPLICATES)
    eers, costs = _replicated(reports, references, kind, bootstrap)
    own = np.mean([[each.writer_eers.get(name, np.nan) for name in writers] for each in errors], axis=0)
    return Rates(
        trials=errors[0].trials,
        eer=_pooled([each.eer for each in errors], eers),
        eer_per_writer=_pooled([each.eer_per_writer for each in errors], bootstrap.mean(own)),
        fnmr={
            str(rate): _pooled([_cost(each, rate) for each in errors], costs[:, FMRS.index(rate)])
            for rate in SHOWN_FMRS
        },
    )


def _replicated(
    reports: Sequence[Report], references: int, kind: TrialKind, bootstrap: WriterBootstrap
) -> tuple[FloatArray, FloatArray]:
    """EER `(b,)` and FNMR at `FMRS` first of all `(b, k)` of each replicate, mean over networks and draws."""
    found = [
        replicates(report.trials, references, kind, bootstrap)
        for report in reports
        if report.trials is not None
    ]
    return np.mean([eers for eers, _ in found], axis=0), np.mean([costs for _, costs in found], axis=0)


def _pooled(estimates: Sequence[Estimate], replicated: FloatArray) -> Estimate:
    """Join means and deviations of equally many draws each; the interval is of the joint mean."""
    means = np.array([each.mean for each in estimates])
    within = np.array([each.std for each in estimates])
    found = interval(replicated[np.isfinite(replicated)])
    return Estimate(
        mean=float(means.mean()),
        std=float(np.sqrt((within**2).mean() + means.var())),
        low=found.low,
        high=found.high,
    )


def _cost(errors: ImpostorErrors, fmr: float) -> Estimate:
    return next(point.fnmr for point in errors.points if point.fmr == fmr)


def _writers(report: Report) -> tuple[str, ...]:
    return () if report.trials is None else report.trials.writers


def _trials_key(report: Report) -> tuple[Any, ...]:
    counts = tuple(condition.references for condition in report.conditions)
    return report.corpus_fingerprint, report.protocol, report.draws, counts, _writers(report)


def _named(report: Report, name: str) -> tuple[str, ...]:
    return tuple(str(each) for each in report.provenance.get(name, ()))
