"""Figures of a report: DET curves, scores, spread over writers, reliability."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sigverify.evaluation.protocol import TrialKind
from sigverify.evaluation.report import Report, told_apart
from sigverify.evaluation.summary import IMPOSTORS, Condition, DetCurve
from sigverify.metrics import normal_deviate
from sigverify.plotting.figure import lay_out
from sigverify.plotting.learning_curves import History, learning_curves
from sigverify.plotting.style import COLORS, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KIND_COLORS: Final = {
    TrialKind.GENUINE: COLORS[0],
    TrialKind.SKILLED: COLORS[1],
    TrialKind.RANDOM: "#707070",
}
KIND_LINES: Final = {TrialKind.SKILLED: "-", TrialKind.RANDOM: (0, (4, 2))}
KIND_NAMES: Final = {
    TrialKind.GENUINE: "genuine",
    TrialKind.SKILLED: "skilled forgeries",
    TrialKind.RANDOM: "random forgeries",
}
DET_TICKS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
DET_LIMITS: Final = (0.0005, 0.5)
BINS: Final = 40
ODDS_LIMIT: Final = 14.0
"""Scores beyond odds of 10¹⁴ are drawn there: about where float64 ends towards 1."""
SHOWN_SHARE: Final = 0.002
"""Bins of the reliability diagram with a smaller share of the trials say nothing, and are left out."""
SHOWN_FMR: Final = 0.01
LEARNING: Final = "learning-curves"
"""Name of the picture of a training run."""


def draw_plots(reports: Sequence[Report], *, history: History | None = None) -> dict[str, "Figure"]:
    """Draw every picture, by file name without suffix; save them within `styled()`.

    Each is laid out here, once, whatever it is saved as: that takes longer than anything else about it.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    with styled():
        figures = {name: build() for name, build in plots(reports, history=history).items()}
        for figure in figures.values():
            lay_out(figure)
    return figures


def write_plots(figures: Mapping[str, "Figure"], folder: Path) -> list[Path]:
    """Write every picture as PNG into `folder`."""
    written = [folder / f"{name}.png" for name in figures]
    with styled():
        for path, figure in zip(written, figures.values(), strict=True):
            figure.savefig(path, dpi=150)
    return written


def plots(
    reports: Sequence[Report], *, history: History | None = None
) -> Mapping[str, Callable[[], "Figure"]]:
    """Return what builds each picture, by file name without suffix; call it within `styled()`."""
    out: dict[str, Callable[[], Figure]] = {}
    for corpus, group in by_corpus(reports).items():
        out[f"{slug(corpus)}-det"] = partial(det_figure, group)
        out[f"{slug(corpus)}-references"] = partial(references_figure, group)
        for stem, report in zip(stems(group), group, strict=True):
            out[f"{stem}-scores"] = partial(scores_figure, report)
            out[f"{stem}-writers"] = partial(writers_figure, report)
            if is_calibrated(report):
                out[f"{stem}-reliability"] = partial(reliability_figure, report)
    if history is not None:
        out[LEARNING] = partial(learning_curves, history)
    return out


def by_corpus(reports: Sequence[Report]) -> dict[str, list[Report]]:
    """Group reports that can be drawn into one picture, by corpus, those of one name `told_apart`."""
    groups: dict[str, list[Report]] = {}
    for report in told_apart(reports):
        groups.setdefault(report.corpus, []).append(report)
    return groups


def most_references(report: Report) -> Condition:
    """Return the condition that detailed pictures show."""
    return report.conditions[-1]


def is_calibrated(report: Report) -> bool:
    """Whether the report has calibration figures."""
    return any(errors.calibration is not None for errors in most_references(report).impostors.values())


def det_figure(reports: Sequence[Report]) -> "Figure":
    """Draw DET curves of several systems on one corpus, with 95 % bands, on normal-deviate scales."""
    figure, axes = _figure(6.2, 5.6)
    for report, color in zip(reports, _colors(reports), strict=False):
        condition = most_references(report)
        for kind, errors in condition.impostors.items():
            label = f"{report.system}, {KIND_NAMES[kind]}: EER {100 * errors.eer.mean:.2f} %"
            _draw_det(axes, errors.det, color, KIND_LINES[kind], label)
    diagonal = normal_deviate(DET_LIMITS)
    axes.plot(diagonal, diagonal, color="0.6", linewidth=0.7)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(normal_deviate(DET_TICKS), [f"{100 * rate:g}" for rate in DET_TICKS])
    axes.set(xlim=diagonal, ylim=diagonal, aspect="equal")
    axes.set_xlabel("false match rate (%)")
    axes.set_ylabel("false non-match rate (%)")
    axes.set_title(f"DET, {reports[0].corpus}, {_references(most_references(reports[0]))}")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), fontsize=8)
    return figure


def scores_figure(report: Report) -> "Figure":
    """Draw how scores are distributed, one histogram for each kind of trial, all draws together.

    Probabilities crowd at 0 and 1, so that of calibrated systems the logarithm of the odds is drawn.
    """
    condition = most_references(report)
    scale = _log_odds if is_calibrated(report) else np.asarray
    low, high = _odds_range(report, condition) if is_calibrated(report) else (0.0, 1.0)
    figure, axes = _figure(6.2, 3.4)
    if report.trials is not None:
        for kind in (TrialKind.GENUINE, *condition.impostors):
            scores = report.trials.scores(references=condition.references, kind=kind)
            shown = np.clip(scale(scores), low, high)
            _draw_histogram(axes, shown, kind, np.linspace(low, high, BINS + 1).tolist())
    for kind, errors in condition.impostors.items():
        threshold = next(point.threshold for point in errors.points if point.fmr == SHOWN_FMR)
        place = float(scale(threshold))
        axes.axvline(place, color=KIND_COLORS[kind], linestyle=KIND_LINES[kind], linewidth=1)
        axes.annotate(
            f" FMR {100 * SHOWN_FMR:g} %", (place, 1), xycoords=("data", "axes fraction"),
            fontsize=7, color=KIND_COLORS[kind], rotation=90, va="top", ha="right",
        )  # fmt: skip
    axes.set_xlim(low, high)
    axes.set_xlabel("log10 of the odds of the score, s / (1 − s)" if is_calibrated(report) else "score")
    axes.set_ylabel("share of trials per bin")
    axes.set_title(f"Scores of {report.system}, {report.corpus}, {_references(condition)}")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, fontsize=8)
    return figure


def writers_figure(report: Report) -> "Figure":
    """Draw each writer's own EER, one column for each number of references; a bar marks the mean."""
    kinds = [kind for kind in IMPOSTORS if kind in most_references(report).impostors]
    figure, all_axes = _figure(6.2, 3.2, columns=len(kinds))
    for kind, axes in zip(kinds, np.ravel(all_axes), strict=True):
        for place, condition in enumerate(report.conditions):
            if kind not in condition.impostors:
                continue
            values = 100 * np.array(sorted(condition.impostors[kind].writer_eers.values()))
            aside = place + 0.6 * _swarm(values)
            axes.scatter(aside, values, s=9, color=KIND_COLORS[kind], alpha=0.6, linewidth=0)
            axes.hlines(values.mean(), place - 0.32, place + 0.32, color="black", linewidth=1.5)
        axes.set_xticks(
            range(len(report.conditions)), [str(condition.references) for condition in report.conditions]
        )
        axes.set_xlim(-0.6, len(report.conditions) - 0.4)
        axes.set_ylim(-0.02 * max(5.0, axes.get_ylim()[1]), max(5.0, axes.get_ylim()[1]))
        axes.set_xlabel("references")
        axes.set_title(KIND_NAMES[kind])
    np.ravel(all_axes)[0].set_ylabel("EER of each writer (%)")
    figure.suptitle(f"{report.system}, {report.corpus}: one dot a writer, bar: mean", fontsize=10)
    return figure


def references_figure(reports: Sequence[Report]) -> "Figure":
    """Draw EER against number of references, with 95 % intervals over writers."""
    figure, axes = _figure(6.2, 3.6)
    series = [
        (report, color, kind)
        for report, color in zip(reports, _colors(reports), strict=False)
        for kind in IMPOSTORS
        if any(kind in condition.impostors for condition in report.conditions)
    ]
    for index, (report, color, kind) in enumerate(series):
        conditions = [condition for condition in report.conditions if kind in condition.impostors]
        eers = [condition.impostors[kind].eer for condition in conditions]
        aside = 0.06 * (index - (len(series) - 1) / 2)
        axes.errorbar(
            [condition.references + aside for condition in conditions],
            [100 * each.mean for each in eers],
            yerr=np.abs([[100 * (each.mean - each.low), 100 * (each.high - each.mean)] for each in eers]).T,
            color=color, linestyle=KIND_LINES[kind], marker="o", markersize=4, capsize=2, linewidth=1.3,
            label=f"{report.system}, {KIND_NAMES[kind]}",
        )  # fmt: skip
    axes.set_xticks(sorted({condition.references for report in reports for condition in report.conditions}))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("references")
    axes.set_ylabel("EER, global threshold (%)")
    axes.set_title(f"Error against number of references, {reports[0].corpus}")
    axes.legend(fontsize=8)
    return figure


def reliability_figure(report: Report) -> "Figure":
    """Draw what scores claim against what is so; the area of a dot is its share of the trials."""
    condition = most_references(report)
    figure, axes = _figure(4.6, 4.4)
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.7)
    for kind, errors in condition.impostors.items():
        found = errors.calibration
        if found is None:
            continue
        claimed, true = (np.array(side, float) for side in (found.mean_score, found.genuine_share))
        weight = np.array(found.weight)
        there = np.isfinite(claimed) & (weight >= SHOWN_SHARE)
        axes.plot(
            claimed[there], true[there], color=KIND_COLORS[kind], linestyle=KIND_LINES[kind], linewidth=1
        )
        axes.scatter(
            claimed[there], true[there], s=8 + 250 * weight[there], color=KIND_COLORS[kind], alpha=0.7, lw=0,
            label=f"{KIND_NAMES[kind]}: Cllr {found.cllr:.3f} bit, ECE {100 * found.ece:.1f} %",
        )  # fmt: skip
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.set_xlabel("score (claimed probability of genuine at even odds)")
    axes.set_ylabel("share of genuine (kinds weighted alike)")
    axes.set_title(f"Reliability, {report.corpus}, {_references(condition)}")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), fontsize=8, markerscale=0.5)
    return figure


def stems(reports: Sequence[Report]) -> list[str]:
    """Return how the names of each report's own pictures begin: a number tells systems of one name apart."""
    names = [f"{slug(report.corpus)}-{slug(report.system)}" for report in reports]
    before = [names[:place].count(name) for place, name in enumerate(names)]
    return [f"{name}-{count + 1}" if count else name for name, count in zip(names, before, strict=True)]


def slug(name: str) -> str:
    """Turn a name into part of a file name.

    >>> slug("base (int8)")
    'base-int8'
    """
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "unnamed"


def _figure(width: float, height: float, *, columns: int = 1) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, columns)


def _colors(reports: Sequence[Report]) -> list[str]:
    return [COLORS[index % len(COLORS)] for index in range(len(reports))]


def _references(condition: Condition) -> str:
    return f"{condition.references} reference{'s' if condition.references > 1 else ''}"


def _draw_det(axes: "Axes", det: DetCurve, color: str, line: Any, label: str) -> None:
    rates = normal_deviate(det.fmr)
    axes.fill_between(
        rates, normal_deviate(det.low), normal_deviate(det.high), color=color, alpha=0.15, linewidth=0
    )
    axes.plot(rates, normal_deviate(det.fnmr), color=color, linestyle=line, linewidth=1.5, label=label)


def _draw_histogram(axes: "Axes", values: Any, kind: TrialKind, edges: list[float]) -> None:
    shape: dict[str, Any] = {
        "weights": np.full(len(values), 1 / max(len(values), 1)),
        "color": KIND_COLORS[kind],
    }
    axes.hist(values, edges, alpha=0.25, **shape)
    axes.hist(values, edges, histtype="step", linewidth=1.3, label=KIND_NAMES[kind], **shape)


def _log_odds(scores: Any) -> Any:
    """Return log10 of s / (1 − s), held within what is drawn."""
    edge = 1 / (1 + 10**ODDS_LIMIT)
    held = np.clip(scores, edge, 1 - edge)
    return np.log10(held / (1 - held))


def _odds_range(report: Report, condition: Condition) -> tuple[float, float]:
    """Return whole powers of ten that hold all but the farthest scores, which are drawn at the edge."""
    ends = [-1.0, 1.0]
    if report.trials is not None:
        for kind in (TrialKind.GENUINE, *condition.impostors):
            scores = report.trials.scores(references=condition.references, kind=kind)
            ends += np.quantile(_log_odds(scores), [0.01, 0.99]).tolist()
    return float(np.floor(min(ends))), float(np.ceil(max(ends)))


def _swarm(values: Any) -> Any:
    """Spread equal values sideways, within ±0.5, so that no dot hides another."""
    out = np.zeros(len(values))
    rounded = np.round(values, 1)
    for value in np.unique(rounded):
        same = np.flatnonzero(rounded == value)
        reach = min(0.5, 0.03 * (len(same) - 1))
        out[same] = np.linspace(-reach, reach, len(same)) if len(same) > 1 else 0
    return out
