"""SigComp2009 `.hwr`: a name and a count, then `x y pressure azimuth altitude` at 200 Hz.

Source: Blankers et al., "The ICDAR 2009 Signature Verification Competition", 2009 (NISDCC collection).

There is no time column: a sample stands every 5 ms. A pressure of 0 or less is hover, which may be most of
the file, at both ends and inside. The angles (tenths of a degree, at times garbage) are left out.
"""

import numpy as np

from sigverify.errors import FormatError
from sigverify.formats.pen_lift import ink_from_touch
from sigverify.formats.recording import NoteKind, Notes
from sigverify.formats.table import Table, check_row_count, is_number, shown, split_header
from sigverify.modality.pen.signature import Signature

WIDTH = 5
STEP_MS = 5.0
"""Milliseconds between samples: the tablet's 200 Hz."""
MAX_DIGITS = 9


def recognizes(first_line: bytes) -> bool:
    """Tell whether a file that begins so is of this format.

    >>> recognizes(b"NLDCC-001_001_001 937"), recognizes(b"134")
    (True, False)
    """
    return _count(first_line.decode("latin-1")) is not None


def decode(data: bytes, notes: Notes | None = None) -> Signature:
    """Read one signature.

    Raises:
        FormatError: not this format, truncated, or something behind its end.
        InvalidSignature: numbers that are no signature.
    """
    (header,), body, first_line = split_header(data, 1, notes)
    count = _count(header)
    if count is None:
        raise FormatError("line 1: another header", expected="a name and a count", received=shown(header))
    check_row_count(count)
    table = Table.parse(body, first_line=first_line, widths=(WIDTH,))
    table.check_count(count)
    x, y, pressure = table.values.T[:3]
    if notes is not None:
        notes.add(NoteKind.IGNORED, "azimuth", "altitude")
    return Signature(
        x, y, STEP_MS * np.arange(len(table)), np.maximum(pressure, 0), ink_from_touch(pressure > 0)
    )


def _count(header: str) -> int | None:
    """Return the count behind the name; None where the line is another header."""
    words = header.split()
    if (
        len(words) != 2
        or is_number(words[0].encode())
        or not words[1].isdecimal()
        or len(words[1]) > MAX_DIGITS
    ):
        return None
    return int(words[1])
