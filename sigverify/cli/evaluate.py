"""`sigverify evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigverify.cli.options import CorpusOption, JsonOption, RuntimeOption, StyleOption, WritersOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from sigverify.evaluation import Report
    from sigverify.evaluation.summary import Estimate, Share


def evaluate(
    corpus: CorpusOption,
    model: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help="A .sigmodel file, or the name of a model that ships."),
    ] = None,
    *,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The report's folder.")] = None,
    references: Annotated[
        str | None,
        typer.Option(
            "--references",
            "-r",
            metavar="R[,R...]",
            help="How many references to enroll; if not given 1, 3, 4, 5 and 10, as far as they go.",
        ),
    ] = None,
    draws: Annotated[int, typer.Option("--draws", min=1, help="How often references are drawn anew.")] = 10,
    protocol: Annotated[
        str, typer.Option("--protocol", help="standard, enrolled, sitting, svc2004 or susig.")
    ] = "standard",
    baseline: Annotated[
        str | None, typer.Option("--baseline", help="dtw: measure plain elastic matching as well, or alone.")
    ] = None,
    history: Annotated[
        Path | None, typer.Option("--history", help="The run's folder, for its learning curves.")
    ] = None,
    writers: WritersOption = None,
    all_writers: Annotated[
        bool, typer.Option("--all-writers", help="Measure those whom the model has seen, too.")
    ] = False,
    style: StyleOption = None,
    runtime: RuntimeOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Measure error rates by the protocol: a table, and with --out plots, figures and every score.

    Of a corpus that the model was trained on, only the writers held out then are measured.
    """
    from sigverify.cli.checks import check_style, require
    from sigverify.cli.output import report
    from sigverify.cli.progress import stage_bar
    from sigverify.cli.quiet import quiet

    check_style(style, out)
    drawn, compared = ["matplotlib", "jinja2"] * (out is not None), ["dtaidistance"] * (baseline is not None)
    require(["sklearn", *drawn, *compared], "evaluate")
    from sigverify.evaluation import run_evaluation

    with quiet(), stage_bar("Reading") as show:
        evaluated = run_evaluation(
            model,
            corpus,
            references=None if references is None else _counts(references),
            out=out,
            baseline=baseline,
            draws=draws,
            protocol=protocol,
            runtime=runtime,
            history=history,
            writers=writers,
            all_writers=all_writers,
            style=style,
            progress=show,
        )
    content = {
        "reports": [each.to_dict() for each in evaluated.reports],
        "page": evaluated.page and str(evaluated.page),
    }
    report(content, as_json=as_json, render=lambda: _render(evaluated.reports, evaluated.page))


def _counts(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no list of numbers such as 1,5") from error


def _render(reports: "tuple[Report, ...]", page: Path | None) -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    from sigverify.cli.output import visible
    from sigverify.evaluation.report import told_apart

    parts: list[RenderableType] = [
        Text(
            "Error rates in %: mean ± standard deviation over the draws, and below it the 95 % confidence "
            "interval by bootstrap over writers"
        )
    ]
    parts += [grid for each in told_apart(reports) for grid in (_grid(each), *_profiles(each))]
    if any(
        "*" in cell
        for each in reports
        for condition in each.conditions
        for cell in _cells(condition.impostors)
    ):
        parts.append(
            Text("*: fewer forgeries than 3 / FMR: the figure rests on a handful of them or on none")
        )
    return Group(*parts, f"The report: {visible(page)}") if page else Group(*parts)


def _grid(report: "Report") -> "RenderableType":
    """One table a system and corpus: names of both in its title, where no column cuts them short."""
    from rich.table import Table

    from sigverify.cli.output import titled, visible

    grid = Table()
    for name in ("R", "EER skilled", "per writer", "FNMR at FMR 1 %", "at 0.1 %", "EER random"):
        grid.add_column(name, justify="right")
    for condition in report.conditions:
        grid.add_row(str(condition.references), *_cells(condition.impostors))
    title = f"{visible(report.corpus)}, {visible(report.system)}"
    if report.selection is not None:
        title += f"\nMeasured: {report.selection.words()}"
    return titled(title, grid)


def _profiles(report: "Report") -> "Iterator[RenderableType]":
    """What the model's own thresholds give, for a model that has some."""
    from rich.table import Table

    from sigverify.cli.output import titled
    from sigverify.evaluation.summary import IMPOSTORS

    rows = [(condition, point) for condition in report.conditions for point in condition.profiles]
    if not rows:
        return
    grid = Table()
    for name in ("R", "profile", "genuine refused", "forgeries accepted", "strangers accepted"):
        grid.add_column(name, justify="left" if name == "profile" else "right")
    for condition, point in rows:
        shares = [point.genuine_refused, *(point.accepted.get(kind) for kind in IMPOSTORS)]
        grid.add_row(str(condition.references), str(point.profile), *map(_bounded, shares))
    yield titled("Thresholds of the model file, in %, and 95 % intervals by bootstrap over writers", grid)


def _bounded(share: "Share | None") -> str:
    if share is None:
        return "–"
    return f"{100 * share.found:.2f} [{100 * share.low:.1f}, {100 * share.high:.1f}]"


def _cells(impostors: Any) -> list[str]:
    """Four rates against skilled forgers and one against random ones; – where there were none."""
    skilled, random = impostors.get("skilled"), impostors.get("random")
    cells = ["–"] * 4
    if skilled:
        costs = {point.fmr: point.fnmr for point in skilled.points}
        cells = [
            _percent(skilled.eer),
            _percent(skilled.eer_per_writer),
            *(_percent(costs[fmr], mark="*" * skilled.is_few(fmr)) for fmr in (0.01, 0.001)),
        ]
    return [*cells, _percent(random.eer) if random else "–"]


def _percent(estimate: "Estimate", *, mark: str = "") -> str:
    """Show a rate, marked perhaps, and its interval in a line below."""
    from sigverify.cli.output import percent

    return f"{percent(estimate)}{mark}\n[{100 * estimate.low:.2f}, {100 * estimate.high:.2f}]"
