"""`sigverify report`: what `sigverify evaluate` wrote."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigverify.cli.options import JsonOption

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sigverify.evaluation import Comparison

ReportArgument = Annotated[
    Path, typer.Argument(exists=True, metavar="REPORT", help="A folder that `sigverify evaluate` wrote.")
]


report = typer.Typer(name="report", help="Look at reports of evaluations.", no_args_is_help=True)


@report.command()
def compare(first: ReportArgument, second: ReportArgument, *, as_json: JsonOption = False) -> None:
    """Say whether two evaluations on the same trials differ by more than chance."""
    from sigverify.cli.output import report as print_report
    from sigverify.errors import ConfigError
    from sigverify.evaluation import compare as compare_reports
    from sigverify.evaluation import read_reports
    from sigverify.evaluation.compare import unpaired

    for each in (first, second):
        if each.is_file() and each.suffix != ".json":
            raise ConfigError(
                f"{each} is no report of an evaluation",
                expected="a folder that `sigverify evaluate --out` wrote",
                hint="This compares error rates; sigverify compare compares signatures",
            )
    reports = read_reports(first), read_reports(second)
    found = compare_reports(*reports)
    alone = unpaired(*reports)
    content = {"comparisons": [each.to_dict() for each in found], "not_compared": list(alone)}
    print_report(content, as_json=as_json, render=lambda: _render(found, alone))


def _render(found: "Sequence[Comparison]", alone: Sequence[str]) -> "RenderableType":
    from itertools import groupby

    from rich.console import Group

    from sigverify.cli.output import paragraph, styled, visible

    pairs = groupby(found, lambda each: (each.corpus, each.first, each.second))
    notes = [
        styled(("Not compared", "yellow"), f", the other report has no such trials: {visible(each)}")
        for each in alone
    ]
    tables = (_table(*named, list(group)) for named, group in pairs)
    return Group(*tables, paragraph(_explanation(len(found))), *notes)


def _table(corpus: str, first: str, second: str, found: "Sequence[Comparison]") -> "RenderableType":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from sigverify.cli.output import titled, visible

    names = (f"{visible(corpus)}: EER in %, one global threshold", f"first: {visible(first)}")
    title = "\n".join([*names, f"second: {visible(second)}"])
    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("R", "impostor", "first", "second", "second − first [95 %]", "better", "p"):
        grid.add_column(name, justify="left" if name in ("impostor", "better") else "right", no_wrap=True)
    for each in found:
        grid.add_row(
            str(each.references),
            each.impostor.value,
            f"{100 * each.first_eer:.2f}",
            f"{100 * each.second_eer:.2f}",
            f"{100 * each.difference:+.2f} [{100 * each.low:+.2f}, {100 * each.high:+.2f}]",
            verdict(each),
            f"{each.p_value:.2g}",
        )
    return titled(title, grid)


def verdict(comparison: Any) -> str:
    """Say which of two systems a comparison shows to be better.

    >>> from types import SimpleNamespace as Found
    >>> verdict(Found(significant=True, difference=-0.01))
    'second'
    """
    if not comparison.significant:
        return "not shown"
    return "second" if comparison.difference < 0 else "first"


def _explanation(comparisons: int) -> str:
    return (
        "p: about how often chance alone would make a gap at least this large between two equally good "
        "systems. Writers were drawn anew a thousand times, the same for both; a difference counts where the "
        "95 % interval leaves 0 out. One comparison in twenty does so by luck"
        + (f", and here are {comparisons}." if comparisons > 1 else ".")
    )
