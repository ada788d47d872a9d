"""`sigverify formats`."""

from typing import TYPE_CHECKING, Any

from sigverify.cli.options import JsonOption

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sigverify.formats.format import Format


def formats(*, as_json: JsonOption = False) -> None:
    """List the formats of signature files: what is read, what is written, and what each of them keeps."""
    from sigverify.cli.output import report
    from sigverify.formats.registry import FORMATS

    content = {"formats": list(map(_described, FORMATS.values()))}
    report(content, as_json=as_json, render=lambda: _table(content["formats"]))


def _described(each: "Format") -> dict[str, Any]:
    from sigverify.formats.channel import Quantity

    return {
        "name": each.name,
        "title": each.title,
        "suffixes": list(each.suffixes),
        "read": True,
        "written": each.encode is not None,
        "keeps": [quantity.value for quantity in Quantity if quantity in each.keeps] if each.encode else [],
        "loses": [loss.words for loss in each.loses] if each.encode else [],
        "specification": each.specification,
    }


def _table(rows: list[dict[str, Any]]) -> "RenderableType":
    from rich.table import Table

    grid = Table(box=None, padding=(0, 1))
    for name in ("format", "ends", "written", "keeps", "specification"):
        grid.add_column(name, no_wrap=True)
    for row in rows:
        grid.add_row(
            row["name"],
            " ".join(row["suffixes"]),
            "yes" if row["written"] else "no",
            " ".join(row["keeps"]) or "–",
            row["specification"],
        )
    return grid
