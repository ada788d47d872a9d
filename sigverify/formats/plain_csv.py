"""Tables with a header: `x,y,time_ms` and, where known, `pressure` and `pen_down`, as many tools write them.

Columns stand in any order and case, parted by comma, semicolon, tab, bar or spaces, with or without quotes;
what they may be called is in `columns`. Columns of no known name are left out. `pen_down` is 0/1 or
false/true, False on hover and on the first sample after a lift. Without that column, samples without pressure
are hover; without either, all is ink. Blank lines and comments count as nothing, and decimal commas are read
where they cannot be anything else: between semicolons, tabs, bars or spaces.
"""

import contextlib
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.errors import FormatError
from sigverify.formats.channel import Quantity
from sigverify.formats.columns import (
    REQUIRED,
    Layout,
    Role,
    compose,
    flag_bits,
    is_stamp,
    milliseconds_of,
    role_of,
)
from sigverify.formats.format import Format
from sigverify.formats.losses import DEVICE_AND_FACTS, units_and_ranges
from sigverify.formats.notes import NoteKind, Notes
from sigverify.formats.recording import Recording
from sigverify.formats.table import (
    MAX_HEADER,
    MAX_HEADER_LINE,
    check_row_count,
    first_line,
    is_number,
    shown,
    split_header,
    uniform_lines,
    without_comments,
)
from sigverify.modality.pen.signature import MIN_SAMPLES, Signature

NAME: Final = "csv"
DELIMITERS: Final = (",", ";", "\t", "|")
SPACES: Final = " "
MAX_LINE: Final = 16_384
"""Bytes of one row; those of 300 columns take as many."""
_MISSING: Final = frozenset({"", "na", "n/a", "nan", "null", "none", "-"})
"""How tools write that a value is not there."""
_WORDS: Final = {"true": "1", "false": "0", "yes": "1", "no": "0", "down": "1", "up": "0"}
_NUMERIC: Final = frozenset("0123456789+-.eE \t\n")
_BARE: Final = frozenset("0123456789+-.eE\n,;|")
"""Of what most tables consist: numbers that nothing stands around."""


@dataclass(frozen=True)
class _Rows:
    """The cells below the header.

    Attributes:
        cells: rows of equal width.
        lines: the number of each row's line in the file.
        comma: whether decimals have a comma.
    """

    cells: Sequence[Sequence[str]]
    lines: Sequence[int]
    comma: bool = False

    def column(self, index: int) -> list[str]:
        return [row[index] for row in self.cells]


def recognizes(data: bytes) -> bool:
    """Tell content of this format by its first line, which names the columns.

    >>> recognizes(b"x,y,time_ms"), recognizes(b'"";"Y";"X";"t"'), recognizes(b"name,age")
    (True, True, False)
    """
    return _is_header(first_line(readable(data[:MAX_HEADER])))


def _is_header(line: bytes) -> bool:
    try:
        names, _ = _header_names(line[:MAX_HEADER_LINE].decode("latin-1"))
    except FormatError:
        return False
    return len({role_of(name) for name in names}.intersection(REQUIRED)) >= 2


def decode(data: bytes, notes: Notes | None = None) -> Recording:
    """Read one signature.

    Raises:
        FormatError: a missing or doubled column, or a row that does not fit the header.
        InvalidSignature: more samples than a signature may have.
    """
    notes = notes or Notes()
    (header,), body, number = split_header(readable(data, notes), 1)
    check_row_count(body.rstrip().count(b"\n"))
    if found := re.search(rb"[^\n]{%d}" % (MAX_LINE + 1), body):
        line = number + body.count(b"\n", 0, found.start())
        raise FormatError(f"line {line}: too long for a row of numbers", expected=f"at most {MAX_LINE} bytes")
    names, delimiter = _header_names(header)
    Layout.of(names, f"line {number - 1}: ").require()
    names, rows = _fitted(names, list(_split(body.decode("utf-8", "backslashreplace"), delimiter, number)))
    layout = Layout.of(names)
    rows = _with_decimals(layout, rows, delimiter, notes)
    return compose(NAME, layout, _columns(layout, rows, notes), None, notes, _more(layout, rows))


def readable(data: bytes, notes: Notes | None = None) -> bytes:
    r"""Return a table as `split_header` takes it; numpy.savetxt writes the header as a comment.

    Raises:
        FormatError: damaged text.

    >>> readable(b"# x,y,time_ms\n1,2,3")
    b'x,y,time_ms\n1,2,3'
    """
    text = uniform_lines(data, notes)
    plain = without_comments(text)
    if _is_header(first_line(plain)) and not _is_utf8(plain):
        # Excel's "CSV" is in the system's encoding; what is used here of it is ASCII.
        if notes is not None:
            notes.add(NoteKind.ENCODING, "Windows-1252")
        plain = plain.decode("cp1252", "replace").encode()
    if _is_header(first_line(plain)):
        return plain
    for comment in re.finditer(rb"(?m)^[ \t]*[#%][ \t]*(.*)$", text[:MAX_HEADER_LINE]):
        if _is_header(comment[1]):
            return without_comments(text[: comment.start()] + comment[1] + text[comment.end() :])
    return plain


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def encode(recorded: Recording | Signature) -> bytes:
    r"""Write one signature so that `decode` gives back exactly the same; stamps in milliseconds.

    Raises:
        InvalidSignature: it has no time, which a table has to have.

    >>> signature = Signature(range(9), range(9), range(0, 90, 10))
    >>> encode(signature).split(b"\n")[:2]
    [b'x,y,time_ms,pen_down', b'0.0,0.0,0.0,1']
    """
    recording = Recording.of(recorded)
    columns = {
        "x": recording[Quantity.X],
        "y": recording[Quantity.Y],
        "time_ms": recording.time_ms(),
        **{quantity.value: recording[quantity] for quantity in _WRITTEN if quantity in recording.channels},
    }
    values = [*(column.tolist() for column in columns.values()), recording.ink.astype(int).tolist()]
    rows = (",".join(map(repr, row)) for row in zip(*values, strict=True))
    return "\n".join([",".join([*columns, "pen_down"]), *rows, ""]).encode("ascii")


def _header_names(header: str) -> tuple[list[str], str]:
    """Return the column names and the delimiter."""
    delimiter = max(DELIMITERS, key=header.count)
    if delimiter not in header:
        delimiter = SPACES
    _, names = next(_split(header, delimiter, 1), (1, []))
    return names, delimiter


def _split(text: str, delimiter: str, number: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the cells of each row that is not empty.

    Raises:
        FormatError: quotes that do not match.
    """
    if delimiter == SPACES:
        for place, line in enumerate(text.split("\n"), number):
            if cells := line.split():
                yield place, [cell.strip('"') for cell in cells]
        return
    if _BARE.issuperset(text):
        yield from _split_bare(text, delimiter, number)
        return
    if '"' in text:
        text = re.sub(rf'" +(?={re.escape(delimiter)})', '"', text)
    reader = csv.reader(
        io.StringIO(text, newline="\n"), delimiter=delimiter, skipinitialspace=delimiter != "\t", strict=True
    )
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield number + reader.line_num - 1, cells
    except csv.Error:
        raise FormatError(f"line {number + reader.line_num - 1}: quotes that do not match") from None


def _split_bare(text: str, delimiter: str, number: int) -> Iterator[tuple[int, list[str]]]:
    """Do the same, in a third of the time, where nothing stands around the numbers."""
    for place, line in enumerate(text.split("\n"), number):
        cells = line.split(delimiter)
        if any(cells):
            yield place, cells


def _fitted(names: list[str], found: list[tuple[int, list[str]]]) -> tuple[list[str], _Rows]:
    """Fit header and rows to each other: rows may end with a delimiter, or begin with names of their own.

    Raises:
        FormatError: a row of another width; names the line.
    """
    rows = _Rows([cells for _, cells in found], [number for number, _ in found])
    longer = len(names) + 1
    if rows.cells and all(len(cells) == longer for cells in rows.cells):
        # R's write.table leaves the header of the row names out; other tools write a delimiter too many.
        names = (
            [*names, ""] if not any(rows.column(-1)) else ["", *names] if _counts(rows.column(0)) else names
        )
    for number, cells in found:
        if len(cells) != len(names):
            twice = len(cells) == 2 * len(names)
            raise FormatError(
                f"line {number}: a row of {len(cells)} columns",
                expected=str(len(names)),
                received=shown(",".join(cells)),
                hint="Decimal commas need semicolons between the columns" if twice else "",
            )
    while len(names) > 1 and not names[-1] and not any(rows.column(-1)):
        names = names[:-1]
        rows = _Rows([cells[:-1] for cells in rows.cells], rows.lines)
    return names, rows


def _counts(cells: Sequence[str]) -> bool:
    """Tell the row numbers of R and pandas."""
    return len(cells) >= MIN_SAMPLES and any(
        cells == [str(number) for number in range(first, first + len(cells))] for first in (0, 1)
    )


def _with_decimals(layout: Layout, rows: _Rows, delimiter: str, notes: Notes) -> _Rows:
    """Find out whether decimals have a comma: where no comma parts columns and no number has a point."""
    if delimiter == ",":
        return rows
    used = [rows.column(index) for index in layout.places.values()]
    numbers = [cell for column in used if not (column and is_stamp(column[0])) for cell in column]
    if not any("," in cell for cell in numbers) or any("." in cell for cell in numbers):
        return rows
    notes.add(NoteKind.DECIMAL_COMMA)
    return _Rows(rows.cells, rows.lines, comma=True)


def _columns(layout: Layout, rows: _Rows, notes: Notes) -> dict[Role, FloatArray]:
    """Return the numbers of each column that has a role.

    Raises:
        FormatError: text that is no number, or a flag of another value; names the line.
    """
    columns: dict[Role, FloatArray] = {}
    for role, index in layout.places.items():
        cells, name = rows.column(index), layout.names[index]
        if role is Role.TIME and cells and is_stamp(cells[0]):
            columns[role] = _stamps(cells, name, notes)
            continue
        if role is Role.STROKE:
            columns[role] = np.unique(np.array(cells), return_inverse=True)[1].astype(np.float64)
            continue
        if role is Role.PRESSURE:
            columns[role] = np.full(len(cells), np.nan)
            there = [place for place, cell in enumerate(cells) if cell.lower() not in _MISSING]
            columns[role][there] = _numbers(
                [cells[place] for place in there], [rows.lines[place] for place in there], rows.comma
            )
            continue
        if role is Role.PEN:
            cells = [_WORDS.get(cell.lower(), cell) for cell in cells]
        columns[role] = _numbers(cells, rows.lines, rows.comma)
        if role is Role.PEN:
            columns[role], good, expected = flag_bits(layout, columns[role])
            if not good.all():
                row = int(np.flatnonzero(~good)[0])
                raise FormatError(
                    f"line {rows.lines[row]}: {name.strip().lower()} out of range",
                    expected=expected,
                    received=cells[row],
                )
    return columns


def _more(layout: Layout, rows: _Rows) -> dict[Quantity, FloatArray]:
    """Return what is recorded and not compared, of columns whose cells are numbers throughout."""
    found = {}
    for quantity, index in layout.more.items():
        with contextlib.suppress(FormatError):
            found[quantity] = _numbers(rows.column(index), rows.lines, rows.comma)
    return found


def _stamps(cells: Sequence[str], name: str, notes: Notes) -> FloatArray:
    try:
        values = milliseconds_of(cells)
    except ValueError:
        raise FormatError(
            f"{name}: not all stamps can be read",
            expected="ISO 8601, such as 2026-01-31T12:00:00.250Z, in every row",
        ) from None
    notes.add(NoteKind.STAMPS, name)
    return values


def _numbers(cells: Sequence[str], lines: Sequence[int], comma: bool) -> FloatArray:
    """Read numbers all at once; only where that fails, one by one to name the line."""
    texts = [cell.replace(",", ".", 1) for cell in cells] if comma else cells
    try:
        if not _NUMERIC.issuperset("\n".join(texts)):
            raise ValueError("not the text of numbers")
        values = np.array([float(text) for text in texts])
        if not np.isfinite(values).all():
            raise ValueError("not finite")
    except ValueError:
        bad = next(place for place, text in enumerate(texts) if not is_number(text.encode()))
        raise FormatError(
            f"line {lines[bad]}: not a number",
            expected="finite decimal numbers with a point",
            received=shown(cells[bad]),
        ) from None
    return values


_WRITTEN: Final = (
    Quantity.PRESSURE,
    Quantity.Z,
    Quantity.AZIMUTH,
    Quantity.ALTITUDE,
    Quantity.X_TILT,
    Quantity.Y_TILT,
    Quantity.ROTATION,
)

_KEPT: Final = frozenset({Quantity.X, Quantity.Y, Quantity.TIME, *_WRITTEN})
FORMAT: Final = Format(
    name=NAME,
    title="a table (CSV)",
    suffixes=(".csv", ".tsv", ".txt"),
    specification="docs/formats.md",
    begins='"x,y,time_ms" (CSV)',
    recognizes=recognizes,
    decode=decode,
    encode=encode,
    keeps=_KEPT,
    loses=(units_and_ranges(_KEPT), DEVICE_AND_FACTS),
)
