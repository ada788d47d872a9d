"""`sigverify reproduce`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sigverify.cli.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sigverify.evaluation.results import Row


def reproduce(
    data: Annotated[
        Path,
        typer.Option(
            "--data", exists=True, file_okay=False, help="Folder with the public corpora, zipped or not."
        ),
    ],
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for networks, models, reports and the table.")
    ],
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many networks to train.")] = 3,
    config: ConfigOption = None,
    corpus: Annotated[
        str | None,
        typer.Option("--corpus", "-c", help="What the networks are trained on; as for base if not given."),
    ] = None,
    base: Annotated[
        list[Path] | None,
        typer.Option(
            "--base",
            exists=True,
            file_okay=False,
            metavar="RUN",
            help="A network trained already, instead of training; repeat for each seed.",
        ),
    ] = None,
    calibrate_on: Annotated[
        str | None,
        typer.Option(
            "--calibrate-on",
            metavar="SYNTHETIC",
            help="Invented writers for the rows whose calibration sees nothing real; as for base if not "
            'given, and "" for those that each run held out.',
        ),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option("--leave-out", metavar="NAME", help="A corpus to measure on; all three if not given."),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--quick", help="In minutes, on a few writers; the figures mean nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the results table: train, leave one real corpus out, calibrate on the others, measure on it.

    What is there already is not done again, so an interrupted run goes on where it was.
    """
    from sigverify.cli.checks import require
    from sigverify.cli.output import report
    from sigverify.cli.progress import stage_bar
    from sigverify.cli.quiet import quiet
    from sigverify.experiments import reproduction

    require(["keras", "tensorflow", "sklearn", "dtaidistance"], "train")
    left_out = leave_out or ()
    reproduction.check(data, base=base or (), corpus=corpus, calibrate_on=calibrate_on, leave_out=left_out)
    runs = reproduction.train_or_take(
        out, base=base or (), config=config, corpus=corpus, seeds=seeds, quick=fast
    )
    with quiet(), stage_bar("Reading") as show:
        found = reproduction.reproduce(
            data,
            runs,
            out,
            calibrate_on=calibrate_on,
            leave_out=left_out,
            quick=fast,
            progress=show,
            report_done=_show_row(),
        )
    content = {**found.content, "files": found.files}
    report(content, as_json=as_json, render=lambda: _render(found.rows, found.files))


def _show_row() -> Callable[[str, float], None]:
    from sigverify.cli.output import say, styled, visible

    def show(what: str, seconds: float) -> None:
        note = f"{seconds:.0f} s" if seconds else "was there"
        say(styled(("✓", "green"), f" {visible(what)} ", (f"({note})", "dim")), stderr=True)

    return show


def _render(rows: "Sequence[Row]", files: dict[str, str]) -> "RenderableType":
    from itertools import groupby

    from rich.console import Group

    from sigverify.cli.output import table

    grids = [_table(corpus, list(group)) for corpus, group in groupby(rows, lambda row: row.corpus)]
    return Group(*grids, table(files))


def _table(corpus: str, rows: "Sequence[Row]") -> "RenderableType":
    from rich.table import Table

    from sigverify.cli.output import titled, visible
    from sigverify.evaluation.results import calibration_text

    grid = Table()
    for name in ("system", "calibrated on"):
        grid.add_column(name)
    for name in ("R", "skilled", "per writer", "random"):
        grid.add_column(name, justify="right", no_wrap=True)
    before: tuple[str, str] | None = None
    for row in rows:
        named = visible(row.system), visible(calibration_text(row))
        grid.add_row(*(("", "") if named == before else named), str(row.references), *_eers(row))
        before = named
    return titled(f"{visible(corpus)}: EER in %, mean ± deviation over seeds and draws", grid)


def _eers(row: "Row") -> list[str]:
    from sigverify.cli.output import percent

    skilled, random = row.impostors.get("skilled"), row.impostors.get("random")
    estimates = (skilled and skilled.eer, skilled and skilled.eer_per_writer, random and random.eer)
    return [percent(each) if each else "–" for each in estimates]
