"""`sigverify evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigverify.cli.options import CorpusOption, JsonOption, RuntimeOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from sigverify.evaluation import Report
    from sigverify.evaluation.summary import Share


def evaluate(
    corpus: CorpusOption,
    model: Annotated[
        str | None,
        typer.Argument(metavar="[MODEL]", help="A .sigmodel file, or the name of a model that ships."),
    ] = None,
    *,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The report's folder.")] = None,
    references: Annotated[
        str, typer.Option("--references", "-r", metavar="R[,R...]", help="How many references to enroll.")
    ] = "1,4,5",
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
    runtime: RuntimeOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Measure error rates by the protocol: a table, and with --out plots, figures and every score."""
    from sigverify.cli.output import report
    from sigverify.cli.progress import stage_bar
    from sigverify.cli.quiet import quiet
    from sigverify.evaluation import run_evaluation

    with quiet(), stage_bar("Reading") as show:
        evaluated = run_evaluation(
            model,
            corpus,
            references=_counts(references),
            out=out,
            baseline=baseline,
            draws=draws,
            protocol=protocol,
            runtime=runtime,
            history=history,
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

    parts: list[RenderableType] = [Text("Error rates in %, mean ± standard deviation over the draws")]
    parts += [grid for each in reports for grid in (_grid(each), *_profiles(each))]
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
    return titled(f"{visible(report.corpus)}, {visible(report.system)}", grid)


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
    from sigverify.cli.output import percent

    skilled, random = impostors.get("skilled"), impostors.get("random")
    cells = ["–"] * 4
    if skilled:
        costs = {point.fmr: point.fnmr for point in skilled.points}
        cells = [percent(each) for each in (skilled.eer, skilled.eer_per_writer, costs[0.01], costs[0.001])]
    return [*cells, percent(random.eer) if random else "–"]
