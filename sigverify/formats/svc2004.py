"""SVC2004 `.TXT`: a count, then `x y time_ms button` or those and `azimuth altitude pressure`.

Source: Yeung et al., "SVC2004: First International Signature Verification Competition", 2004, section 3.
Task 1 has 4 columns, Task 2 has 7. Angles are left out: `Signature` has no place for them.

`button` is a bit field, of which bit 0 says pen down (values to 5 occur). It is 0 on the first sample of
a stroke, which is just what `Signature.pen_down` means. There are no hover samples: a lift is a jump in time.
"""

import re

import numpy as np

from sigverify.errors import FormatError
from sigverify.formats.recording import NoteKind, Notes
from sigverify.formats.table import Table, check_row_count, shown, split_header
from sigverify.modality.pen.signature import Signature

WIDTHS = (4, 7)
MAX_BUTTON = 255


def recognizes(first_line: bytes) -> bool:
    """Tell whether a file that begins so is of this format.

    >>> recognizes(b"134"), recognizes(b"x,y,time_ms")
    (True, False)
    """
    return re.fullmatch(rb"\s*\d+\s*", first_line) is not None


def decode(data: bytes, notes: Notes | None = None) -> Signature:
    """Read one signature.

    Raises:
        FormatError: not this format, truncated, or something behind its end.
        InvalidSignature: numbers that are no signature.
    """
    (header,), body, first_line = split_header(data, 1, notes)
    count = _count(header)
    check_row_count(count)
    table = Table.parse(body, first_line=first_line, widths=WIDTHS)
    table.check_count(count)
    columns = table.values.T
    button = columns[3]
    good = (button >= 0) & (button <= MAX_BUTTON) & (button == np.floor(button))
    table.check_column(good, "button", f"a whole number from 0 to {MAX_BUTTON}", 3)
    if notes is not None and len(columns) == max(WIDTHS):
        notes.add(NoteKind.IGNORED, "azimuth", "altitude")
    pressure = columns[6] if len(columns) == max(WIDTHS) else None
    return Signature(columns[0], columns[1], columns[2], pressure, (button.astype(np.int64) & 1) == 1)


def _count(header: str) -> int:
    match = re.fullmatch(r"\s*([0-9]{1,9})\s*", header)
    if match is None:
        raise FormatError("line 1: no sample count", expected="the number of samples", received=shown(header))
    return int(match[1])
