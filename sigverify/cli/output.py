"""What every command prints with, and the exit codes.

All text goes through here. `visible` makes a name or a path safe to print: a command puts every text that
people chose through it before it builds a line of it. `report` and `say` interpret nothing (no markup, no
emoji codes), fold and cut nothing, and escape once more what is left.
"""

import json
import os
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from sigverify.errors import SigverifyError, one_line

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from sigverify.evaluation.summary import Estimate

_WIDTH: Final = 100_000
"""Columns: wider than any line, so that nothing is folded or cut; a terminal wraps long lines by itself."""
_LONGEST_NAME: Final = 100
"""Characters of a file's name in a message."""
_ESCAPED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that are not printed as they are: control, format (bidi, zero width), lone surrogate,
and separators of lines and paragraphs."""


class Exit(IntEnum):
    """Exit codes, so that no crash ever reads as a decision."""

    ACCEPT = 0
    CRASH = 1
    USAGE = 2
    REJECT = 3
    ERROR = 4
    REFER = 5
    INTERRUPTED = 130
    """By Ctrl+C: 128 and the number of the signal, as shells have it."""
    UNREAD = 141
    """Who read standard output is gone, as `head` is after its lines: the same of SIGPIPE."""


class Unread(SigverifyError):
    """Nobody reads standard output any more: no fault of the command's, and nothing to be told about."""


def visible(text: object) -> str:
    r"""Return text in one line, with every character that controls a terminal or is invisible escaped.

    >>> print(visible("bob [/admin]\x1b[31m\u202e\n"))
    bob [/admin]\x1b[31m\u202e\n
    """
    plain = str(text)
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(_escaped(c) if unicodedata.category(c) in _ESCAPED else c for c in plain)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


@contextmanager
def whole_output() -> Iterator[None]:
    """Let standard output say when it is closed or full, and print what its encoding lacks as escapes."""
    before = sys.stdout, sys.stderr
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        # Python has None where the descriptor is closed; a stream that takes nothing says so when written to.
        stream = os.fdopen(os.open(os.devnull, os.O_RDONLY)) if stream is None else stream
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, _Checked(stream) if name == "stdout" else stream)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


class _Checked:
    """A stream whose failures are errors of ours: libraries answer a closed pipe by exit code 1."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._failed: OSError | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or raise Unread or SigverifyError."""
        with self._checked():
            return int(self._stream.write(text))

    def flush(self) -> None:
        """Flush, or raise Unread or SigverifyError."""
        with self._checked():
            self._stream.flush()

    @contextmanager
    def _checked(self) -> Iterator[None]:
        try:
            if self._failed is not None:
                raise self._failed
            yield
        except OSError as error:
            self._failed = error
            with suppress(OSError, ValueError):  # what is left in its buffer would fail again at the very end
                descriptor = os.open(os.devnull, os.O_WRONLY)
                os.dup2(descriptor, self._stream.fileno())
                os.close(descriptor)
            if isinstance(error, BrokenPipeError):
                raise Unread("nobody reads standard output") from error
            raise SigverifyError(
                "cannot write to standard output",
                received=error.strerror or "a closed stream",
                hint="What was asked has been done; only the answer could not be printed",
            ) from error


def fail(kind: str, status: int, message: str, code: int = Exit.ERROR) -> int:
    """Print an error, with `--json` as JSON, and return the exit code."""
    content = {"error": kind, "status": status, "message": message}
    if "--json" in sys.argv:
        with suppress(SigverifyError):
            sys.stdout.write(json.dumps(content, indent=2) + "\n")
            sys.stdout.flush()
            return code
    line = message.strip().replace("\n", " ")
    with suppress(OSError, ValueError):  # there is nobody to tell
        say(_failure(visible(line)), stderr=True)
    return code


def _failure(line: str) -> "Text | str":
    """Return the line that says what is wrong; without its colour where rich is what is lacking."""
    try:
        return styled(("error: ", "bold red"), line)
    except ImportError:
        return f"error: {line}"


def os_error(error: OSError) -> str:
    """Return what the operating system says in one line: the file, if it names one, and what is wrong."""
    said = error.strerror or one_line(error) or type(error).__name__
    if error.filename is None:
        return said
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(error.filename)
    return f"{said}: {name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + '…'}"


def console(*, stderr: bool = False) -> "Console":
    """Return a rich console; on stderr for progress, so that stdout stays the result. It reads no markup."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def styled(*parts: tuple[str, str] | str) -> "Text":
    """Return one text of plain parts and (part, style)."""
    from rich.text import Text

    return Text.assemble(*parts)


def report(content: Mapping[str, Any], *, as_json: bool, render: Callable[[], "RenderableType"]) -> None:
    """Print `content` as one JSON object, or what `render` makes of it for people.

    Raises:
        OSError: standard output is closed or full.
    """
    if as_json:
        sys.stdout.write(json.dumps(content, indent=2, allow_nan=False) + "\n")
    else:
        say(render())
    sys.stdout.flush()  # here, and not at the end of the process, where nobody could say what is wrong


def say(what: "RenderableType", *, stderr: bool = False) -> None:
    """Print a text or a table for people, whole: nothing is interpreted, folded or cut."""
    if isinstance(what, str):
        stream = sys.stderr if stderr else sys.stdout
        stream.write("\n".join(map(visible, what.split("\n"))) + "\n")
        return
    screen = console(stderr=stderr)
    screen.width = _WIDTH
    screen.print(_Escaped(what), soft_wrap=True)


class _Escaped:
    """A renderable whose text is escaped after it was laid out; styles stay.

    Grids fill their cells up to the widest: blanks at the end of a line are left out, which a terminal would
    show as empty lines.
    """

    def __init__(self, inner: "RenderableType") -> None:
        self._inner = inner

    def __rich_console__(self, screen: Any, options: Any) -> Iterable[Any]:
        from rich.segment import Segment

        for line in Segment.split_lines(screen.render(self._inner, options)):
            shown = [each if each.control else Segment(visible(each.text), each.style) for each in line]
            while shown and not shown[-1].control:
                text, style, _ = shown.pop()
                if kept := text.rstrip(" "):
                    shown.append(Segment(kept, style))
                    break
            yield from shown
            yield Segment.line()


def paragraph(text: str) -> str:
    """Break prose into lines that fit the terminal; elsewhere it stays one line. Not for names."""
    import textwrap

    screen = console()
    return textwrap.fill(text, screen.width) if screen.is_terminal else text


def percent(estimate: "Estimate") -> str:
    """Show a rate in percent, mean ± standard deviation."""
    return f"{100 * estimate.mean:.2f} ± {100 * estimate.std:.2f}"


def table(rows: Mapping[str, object] | Iterable[tuple[str, object]], *, title: str = "") -> "RenderableType":
    """Return a table of names and values, one a line."""
    from rich.console import Group
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(no_wrap=True)
    for name, value in rows.items() if isinstance(rows, Mapping) else rows:
        if isinstance(value, list | tuple):
            grid.add_row(visible(name), ", ".join(map(visible, value)) or "none")
        else:
            grid.add_row(visible(name), visible(value))
    return Group(styled((visible(title), "italic")), grid) if title else grid


def titled(title: str, grid: "RenderableType") -> "RenderableType":
    """Return a table under its title, which may be wider."""
    from rich.console import Group

    return Group(*(styled((visible(line), "italic")) for line in title.split("\n")), grid)
