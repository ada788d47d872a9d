"""Parts of pages that need nothing beside them: no network, no script, no other file.

How a page looks stands in `templates/`, which Jinja2 fills in: every text is escaped there, so what is
passed to it is text, unless it is `Markup`.
"""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from sigverify.errors import MissingExtra

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True)
class Table:
    """Cells by row, under a header; without names in `header` there is none."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Interval:
    """A cell: a figure, and the interval that it lies in."""

    found: str
    bounds: str


@dataclass(frozen=True)
class Picture:
    """A picture that stands in the page itself, with its caption."""

    source: str
    caption: str

    @classmethod
    def of(cls, figure: Any, caption: str) -> Self:
        """Draw a matplotlib figure."""
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
        return cls(data_address("image/svg+xml", buffer.getvalue()), caption)


def data_address(kind: str, content: bytes) -> str:
    """Return an address (RFC 2397) that holds the content itself."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def fill(template: str, **values: Any) -> str:
    """Return the page that a file of `templates/` makes of these values.

    Raises:
        MissingExtra: Jinja2 is not installed.
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> "Environment":
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise MissingExtra("jinja2 is not installed", hint="pip install 'sigverify[evaluate]'") from error
    environment = Environment(
        loader=PackageLoader("sigverify.evaluation.page"),
        autoescape=True,
        undefined=StrictUndefined,  # a name that is spelled wrong is an error, not an empty place
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["without_repeats"] = without_repeats
    return environment


def without_repeats(rows: Iterable[Iterable[Any]]) -> list[list[Any]]:
    """Leave the leading cells of each row empty that are as in the row above, but for its last.

    >>> without_repeats([("a", "b", "c"), ("a", "b", "c")])
    [['a', 'b', 'c'], ['', '', 'c']]
    """
    shown: list[list[Any]] = []
    before: list[Any] = []
    for row in map(list, rows):
        same = 0
        while same < len(row) - 1 and row[: same + 1] == before[: same + 1]:
            same += 1
        shown.append([*([""] * same), *row[same:]])
        before = row
    return shown
