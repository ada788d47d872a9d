"""What every command prints with, and the exit codes."""

import json
import sys
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from sigverify.evaluation.summary import Estimate


class Exit(IntEnum):
    """Exit codes, so that no crash ever reads as a decision."""

    ACCEPT = 0
    CRASH = 1
    USAGE = 2
    REJECT = 3
    ERROR = 4
    REFER = 5


def console(*, stderr: bool = False) -> "Console":
    """Return a rich console; on stderr for progress, so that stdout stays the result."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False)


def report(content: Mapping[str, Any], *, as_json: bool, render: Callable[[], "RenderableType"]) -> None:
    """Print `content` as one JSON object, or what `render` makes of it for people."""
    if as_json:
        sys.stdout.write(json.dumps(content, indent=2, allow_nan=False) + "\n")
    else:
        console().print(render())


def percent(estimate: "Estimate") -> str:
    """Show a rate in percent, mean ± standard deviation."""
    return f"{100 * estimate.mean:.2f} ± {100 * estimate.std:.2f}"


def table(rows: Mapping[str, object], *, title: str = "") -> "RenderableType":
    """Return a table of names and values."""
    from rich.markup import escape
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.title = title or None
    grid.title_justify = "left"
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows.items():
        words = ", ".join(map(str, value)) or "none" if isinstance(value, list | tuple) else str(value)
        grid.add_row(name, escape(words))
    return grid
