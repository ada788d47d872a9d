"""`sigverify calibrate`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigverify.cli.options import JsonOption

if TYPE_CHECKING:
    from rich.console import RenderableType

_KINDS = {"skilled": "skilled forgeries accepted", "stranger": "strangers accepted"}
"""Headings of the columns; of made forgeries, which are nobody's tries, only the JSON tells."""


def calibrate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A .sigmodel file, or the name of a model that ships.")
    ],
    *,
    on: Annotated[
        list[str],
        typer.Option(
            "--on",
            metavar="CORPUS",
            help="People of the device, such as folder=PATH: at least 20 with 5 genuine signatures each; no "
            "forgeries are needed. Repeat for several.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The .sigmodel file to write.")],
    name: Annotated[
        str, typer.Option("--name", help="The model's name; that of the source if not given.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Fit a model to a device and its people: twenty are enough, without forgeries and without training."""
    from sigverify.cli.checks import check_output
    from sigverify.cli.output import report
    from sigverify.cli.progress import stage_bar
    from sigverify.cli.quiet import quiet
    from sigverify.model_file import MAGIC, Model

    check_output(out, "a model file", [MAGIC], inputs=[model])
    source = Model.read(model)
    with quiet(), stage_bar("Reading") as show:
        import converter
        from sigverify.corpora import open_corpus

        made = converter.adjust(source, [open_corpus(spec) for spec in on], name=name, progress=show)
    made.model.write(out)
    content = {
        "model": str(out),
        "id": made.model.id,
        "name": made.model.manifest.name,
        **made.to_dict(),
        "notes": list(made.notes),
    }
    report(content, as_json=as_json, render=lambda: _render(content))


def _render(content: Mapping[str, Any]) -> "RenderableType":
    from rich.console import Group

    from sigverify.cli.output import paragraph, table

    forgeries = "by forgers" if content["forgeries"] == "skilled" else "made of their own signatures"
    shift = f"{content['shift']:+.2f}, 95 % interval {content['low']:+.2f} to {content['high']:+.2f}"
    rows = {
        "id": content["id"],
        "people": f"{content['people']}, with {content['signatures']} genuine signatures",
        "forgeries": forgeries,
        "log odds of every try": shift,
    }
    notes = "\n".join(paragraph(note) for note in content["notes"])
    return Group(
        table(rows, title=f"Wrote {content['model']}"), "", _scores(content), "", _rates(content), "", notes
    )


def _scores(content: Mapping[str, Any]) -> "RenderableType":
    """What a try had to score by the model before."""
    from rich.table import Table

    from sigverify.cli.output import titled

    grid = Table("profile", "score to reach before", "now", "95 % interval")
    for each in content["profiles"]:
        bounds = f"{each['score_low']:.3f} to {each['score_high']:.3f}"
        grid.add_row(each["profile"], f"{each['score_before']:.3f}", f"{each['score']:.3f}", bounds)
    title = f"Thresholds with {content['references']} references, in scores of the model before"
    return titled(title, grid)


def _rates(content: Mapping[str, Any]) -> "RenderableType":
    """What each profile does to these people."""
    from rich.table import Table

    from sigverify.cli.output import titled

    kinds = [kind for kind in _KINDS if kind in content["profiles"][0]["accepted"]]
    grid = Table("profile", "genuine refused", *(_KINDS[kind] for kind in kinds))
    for each in content["profiles"]:
        before = each["before"]
        rates = [(before["refused"], each["refused"])]
        rates += [(before[kind], each["accepted"][kind]) for kind in kinds]
        grid.add_row(each["profile"], *_cells(rates))
    title = (
        "These people, each decided without being fitted to, in %: before → now [95 % interval over people]"
    )
    return titled(title, grid)


def _cells(rates: list[tuple[float, Mapping[str, Any]]]) -> Iterator[str]:
    for before, rate in rates:
        shown = f"[{100 * rate['low']:.1f}, {100 * rate['high']:.1f}]"
        if rate["bound"] is not None:
            shown = f"(none of {rate['tries']}: below {100 * rate['bound']:.2g})"
        yield f"{100 * before:.1f} → {100 * rate['found']:.1f} {shown}"
