"""`Table`: the rows of numbers that most signature files consist of."""

import contextlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sigverify.arrays import BoolArray, FloatArray
from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats.notes import Notes
from sigverify.formats.text_encoding import to_utf8
from sigverify.modality.pen.signature import MAX_SAMPLES

MAX_SHOWN = 40
"""Characters of a foul line that an error message shows."""
MAX_HEADER_LINE = 4096
"""Bytes; real headers have under 50."""
MAX_HEADER = 2**20
"""Bytes within which the first line has to begin, comments before it included."""
COMMENT = re.compile(rb"(?m)^[ \t]*(?:#|%|//|(?i:\"?sep=.\"?[ \t]*$)).*$")
FILLED = re.compile(rb"\S[^\r\n]*")
"""A line from its first character that is no white space."""
ROW_TEXT = b"0123456789+-.eE \t\n"
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True, eq=False)
class Table:
    """Numbers below a header of a few lines; blank lines between rows count as nothing.

    Attributes:
        values: `(n, k)` float64, all finite.
        body: the text the rows were read from.
        first_line: the number of its first line in the file.
    """

    values: FloatArray
    body: bytes
    first_line: int

    @classmethod
    def parse(
        cls, body: bytes, *, first_line: int, widths: Sequence[int], delimiter: str | None = None
    ) -> Self:
        """Read rows of equal width, one of `widths`, separated by `delimiter` or by white space.

        Raises:
            FormatError: text that is no number, NaN, infinity, or a row of another width; names the line.
            InvalidSignature: more rows than `MAX_SAMPLES`; refused before they are read.
        """
        body = body.rstrip()
        check_row_count(body.count(b"\n") + 1)
        if not body:
            return cls(np.empty((0, widths[0])), body, first_line)
        if delimiter is not None:
            body = re.sub(rb"(?m)^[ \t]+$", b"", body)
        try:
            if body.translate(None, ROW_TEXT + (delimiter or "").encode()):
                raise ValueError("not the text of numbers")
            values = _numbers(body, delimiter)
            if values.shape[1] not in widths or not np.isfinite(values).all():
                raise ValueError("not the numbers wanted")
        except (ValueError, OverflowError):
            # Without its cause, which quotes the row.
            raise _diagnosis(body, first_line, widths, delimiter) from None
        return cls(values, body, first_line)

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.values)

    def check_count(self, promised: int) -> None:
        """Compare the rows with the count that the header promised.

        Raises:
            FormatError: fewer rows (a truncated file) or more (something behind its end).
        """
        if len(self) < promised:
            raise FormatError(
                "the file is truncated",
                expected=f"{promised} samples as its header promises",
                received=f"{len(self)}",
                hint="Copy the file again",
            )
        if len(self) > promised:
            raise FormatError(
                f"line {self.line_of(promised)}: lines behind the end of the signature",
                expected=f"{promised} samples as its header promises",
                received=f"{len(self)}",
            )

    def check_column(self, good: BoolArray, name: str, expected: str, column: int) -> None:
        """Refuse the table at the first row where `good` `(n,)` is False.

        Raises:
            FormatError: names the line.
        """
        if not good.all():
            row = int(np.flatnonzero(~good)[0])
            raise FormatError(
                f"line {self.line_of(row)}: {name} out of range",
                expected=expected,
                received=f"{self.values[row, column]:g}",
            )

    def line_of(self, row: int) -> int:
        """Return the number, from 1, of the line in the file that holds `row`."""
        for index, (line, _) in enumerate(_filled_lines(self.body, self.first_line)):
            if index == row:
                return line
        raise IndexError(row)


def uniform_lines(data: bytes, notes: Notes | None = None) -> bytes:
    r"""Return text in UTF-8 whose lines end in "\n".

    Raises:
        FormatError: damaged text.
        InvalidSignature: so many lines that there are too many samples, even if half of the lines are blank.
    """
    data = to_utf8(data, notes).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    check_row_count(data.count(b"\n") // 2)
    return data


def without_comments(text: bytes) -> bytes:
    r"""Leave comments and Excel's `sep=;` blank, so that all lines keep their numbers.

    >>> without_comments(b"# Tablet 3\nx,y")
    b'\nx,y'
    """
    # Hardly a file has any, and to look for a mark takes a hundredth of what the expression does.
    if not any(mark in text for mark in (b"#", b"%", b"//")) and b"sep=" not in text.lower():
        return text
    return COMMENT.sub(b"", text)


def first_line(text: bytes) -> bytes:
    """Return the start of the first line that is not blank; empty where there is none."""
    found = FILLED.search(text)
    return b"" if found is None else found[0][:MAX_HEADER_LINE]


def first_row(text: bytes) -> bytes:
    r"""Return the start of the first line that is neither blank nor a comment, whatever its end.

    >>> first_row(b"# Tablet 3\r\rx,y\r1,2")
    b'x,y'
    """
    end = 0
    for line in FILLED.finditer(text, 0, MAX_HEADER):
        indent = text[end : line.start()].replace(b"\r", b"\n").rpartition(b"\n")[2]
        if not COMMENT.match(indent + line[0]):
            return line[0][:MAX_HEADER_LINE]
        end = line.end()
    return b""


def split_header(data: bytes, count: int, notes: Notes | None = None) -> tuple[list[str], bytes, int]:
    """Return the first `count` filled lines, the rest, and the number of its first line.

    Raises:
        FormatError: fewer lines, or a header that is not text.
    """
    text = without_comments(uniform_lines(data, notes))
    start, number, header = 0, 0, list[str]()
    while len(header) < count:
        end = text.find(b"\n", start)
        line, number = text[start : end if end >= 0 else None], number + 1
        if end < 0:
            raise FormatError(
                "the file ends within its header",
                expected=f"{count} header lines and samples below them",
                received=f"{number} lines",
            )
        if len(line) > MAX_HEADER_LINE:
            raise FormatError("a header line is too long", expected=f"at most {MAX_HEADER_LINE} bytes")
        if line.strip():
            header.append(header_text(line, number))
        start = end + 1
    return header, text[start:], number + 1


def check_row_count(count: int) -> None:
    """Refuse more rows than a signature may have.

    Raises:
        InvalidSignature: more than `MAX_SAMPLES`.
    """
    if count > MAX_SAMPLES:
        raise InvalidSignature(
            "too many samples", expected=f"at most {MAX_SAMPLES}", received=f"about {count}"
        )


def shown(text: str | bytes) -> str:
    """Quote the start of foul text for an error message; numbers in it may be samples and are masked.

    >>> shown(b"12.5 2 x")
    "'#.# # x'"
    """
    if isinstance(text, bytes):
        text = text[: 4 * MAX_SHOWN].decode("ascii", "backslashreplace")
    text = re.sub(r"[0-9]+", "#", text[: 4 * MAX_SHOWN])
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…")


def header_text(line: bytes, number: int) -> str:
    """Return a header line as text.

    Raises:
        FormatError: it is not UTF-8.
    """
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError(f"line {number} is not text", received=shown(line)) from None


def _numbers(body: bytes, delimiter: str | None) -> FloatArray:
    """Read rows of numbers; whole ones, which most tablets write, as such: it takes a quarter of the time.

    Raises:
        ValueError: no numbers, or rows of several widths.
    """
    if not any(mark in body for mark in b".eE"):
        with contextlib.suppress(ValueError, OverflowError):  # beyond 64 bits, or wrong: the way of the rest
            return _rows(body, delimiter, np.int64).astype(np.float64)
    return _rows(body, delimiter, np.float64)


def _rows(body: bytes, delimiter: str | None, kind: type[np.generic]) -> npt.NDArray[Any]:
    return np.loadtxt(io.BytesIO(body), kind, comments=None, delimiter=delimiter, ndmin=2)


def _filled_lines(body: bytes, first_line: int) -> Iterator[tuple[int, bytes]]:
    return (pair for pair in enumerate(body.split(b"\n"), first_line) if pair[1].strip())


def _diagnosis(body: bytes, first_line: int, widths: Sequence[int], delimiter: str | None) -> FormatError:
    """Find the line that made reading fail; only now at Python's pace."""
    width = 0
    separator = None if delimiter is None else delimiter.encode()
    for line, text in _filled_lines(body, first_line):
        cells = text.split(separator)
        if len(cells) not in ((width,) if width else widths):
            return FormatError(
                f"line {line}: a row of {len(cells)} columns",
                expected=" or ".join(map(str, [width] if width else widths)),
                received=shown(text),
            )
        width = len(cells)
        for cell in cells:
            if not is_number(cell):
                return FormatError(
                    f"line {line}: not a number",
                    expected="finite decimal numbers with a point",
                    received=shown(cell.strip()),
                )
    return FormatError("the rows are not plain numbers", expected="finite decimal numbers with a point")


def is_number(cell: bytes) -> bool:
    """Tell a finite decimal number with a point."""
    # Stripped as bytes: as text, latin-1 has white space of its own (0x85, 0xa0), which float refuses.
    if not NUMBER.fullmatch(cell.strip().decode("latin-1")):
        return False
    return bool(np.isfinite(float(cell)))
