"""SigComp2009 `.hwr`: a name and a count, then `x y pressure azimuth altitude` at 200 Hz.

Source: Blankers et al., "The ICDAR 2009 Signature Verification Competition", 2009 (NISDCC collection).

There is no time column: a sample stands every 5 ms. A pressure of 0 or less is hover, which may be most of
the file, at both ends and inside. The angles are tenths of a degree, at times garbage.
"""

from typing import Final

import numpy as np

from sigverify.errors import FormatError
from sigverify.formats.channel import Channel, Quantity
from sigverify.formats.format import Format
from sigverify.formats.notes import NoteKind, Notes
from sigverify.formats.pen_lift import ink_from_touch
from sigverify.formats.recording import Recording
from sigverify.formats.table import Table, check_row_count, first_row, is_number, shown, split_header

NAME: Final = "sigcomp"
WIDTH = 5
RATE_HZ = 200.0
ANGLES_PER_DEGREE = 10.0
MAX_DIGITS = 9


def recognizes(data: bytes) -> bool:
    """Tell content of this format by its first line.

    >>> recognizes(b"NLDCC-001_001_001 937"), recognizes(b"134")
    (True, False)
    """
    return _count(first_row(data).decode("latin-1")) is not None


def decode(data: bytes, notes: Notes | None = None) -> Recording:
    """Read one signature.

    Raises:
        FormatError: not this format, truncated, or something behind its end.
        InvalidSignature: more samples than a signature may have.
    """
    (header,), body, first_line = split_header(data, 1, notes)
    count = _count(header)
    if count is None:
        raise FormatError("line 1: another header", expected="a name and a count", received=shown(header))
    check_row_count(count)
    table = Table.parse(body, first_line=first_line, widths=(WIDTH,))
    table.check_count(count)
    x, y, pressure, azimuth, altitude = table.values.T
    if notes is not None:
        notes.add(NoteKind.IGNORED, "azimuth", "altitude")
    channels = {
        Quantity.X: Channel(x),
        Quantity.Y: Channel(y),
        Quantity.PRESSURE: Channel(np.maximum(pressure, 0)),
        Quantity.AZIMUTH: Channel(azimuth, "deg", ANGLES_PER_DEGREE),
        Quantity.ALTITUDE: Channel(altitude, "deg", ANGLES_PER_DEGREE),
    }
    return Recording(format=NAME, channels=channels, ink=ink_from_touch(pressure > 0), rate_hz=RATE_HZ)


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


FORMAT: Final = Format(
    name=NAME,
    title="SigComp2009",
    suffixes=(".hwr",),
    specification="Blankers et al., The ICDAR 2009 Signature Verification Competition, 2009",
    begins="a name and a count (SigComp2009)",
    recognizes=recognizes,
    decode=decode,
)
