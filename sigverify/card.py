"""`card`, `grid`: answers as HTML, which notebooks show in place of a `repr`.

Text keeps the page's own color, so that it is readable on a light page and on a dark one. What a color says
stands there in words and as a mark too. All text is escaped: user ids are other people's.
"""

from collections.abc import Iterable, Sequence
from enum import Enum


class Tone(Enum):
    """A mark and the color of the edge; each has a contrast of 3 and more with white and with near-black."""

    YES = ("✓", "#1f8f4d")
    NO = ("✗", "#d1453b")
    PERSON = ("?", "#b7791f")


def card(tone: Tone, title: str, text: str, lines: Iterable[str] = (), *, language: str = "en") -> str:
    """Return a box: mark, title in bold and text, and below it one line after the other.

    >>> card(Tone.NO, "rejected", "a < b")
    '<div lang="en" style="border-left:4px solid #d1453b;padding:.1em .8em"><b>✗ rejected</b>: a &lt; b</div>'
    """
    from html import escape  # it knows the names of all characters, which only a notebook needs

    mark, color = tone.value
    below = "".join(f"<br>{escape(line)}" for line in lines)
    return (
        f'<div lang="{escape(language)}" style="border-left:4px solid {color};padding:.1em .8em">'
        f"<b>{mark} {escape(title)}</b>: {escape(text)}{below}</div>"
    )


def grid(names: Sequence[str], rows: Iterable[Sequence[str]], *, language: str = "en") -> str:
    """Return a table with a head.

    >>> grid(["user"], [["<b>"]])
    '<table lang="en"><tr><th scope="col">user</th></tr><tr><td>&lt;b&gt;</td></tr></table>'
    """
    from html import escape

    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<table lang="{escape(language)}"><tr>{head}</tr>{body}</table>'
