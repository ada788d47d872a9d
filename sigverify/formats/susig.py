"""SUSIG `.sig`: two header lines, then `x y time_ms pressure endpoint`.

Source: Kholmatov & Yanikoglu, "SUSIG: an on-line signature database", 2009.

`endpoint` is 1 on the last sample of a stroke, but for the last stroke. A lift is a jump in time; the few
samples without pressure are hover. Some stamps run backwards or jump by over an hour.
"""

import re
from typing import Final

import numpy as np

from sigverify.errors import FormatError
from sigverify.formats.channel import Channel, Quantity
from sigverify.formats.format import Format
from sigverify.formats.notes import Notes
from sigverify.formats.pen_lift import ink_from_touch, touch_from_pressure
from sigverify.formats.recording import Recording
from sigverify.formats.table import Table, check_row_count, first_row, shown, split_header

NAME: Final = "susig"
WIDTH = 5
HEADER = re.compile(r"\s*X\s*,\s*Y\s*,\s*TStamp\s*,\s*Pres\.?\s*,\s*EndPts\s*", re.IGNORECASE)
SIZE = re.compile(r"\s*DataSize\s*:\s*([0-9]{1,9})\s*", re.IGNORECASE)


def recognizes(data: bytes) -> bool:
    """Tell content of this format by its first line.

    >>> recognizes(b"X, Y, TStamp, Pres., EndPts"), recognizes(b"x,y,time_ms")
    (True, False)
    """
    return HEADER.fullmatch(first_row(data).decode("latin-1")) is not None


def decode(data: bytes, notes: Notes | None = None) -> Recording:
    """Read one signature.

    Raises:
        FormatError: not this format, truncated, or something behind its end.
        InvalidSignature: more samples than a signature may have.
    """
    (names, size), body, first_line = split_header(data, 2, notes)
    count = _count(names, size)
    check_row_count(count)
    table = Table.parse(body, first_line=first_line, widths=(WIDTH,))
    table.check_count(count)
    x, y, time_ms, pressure, endpoint = table.values.T
    table.check_column(np.isin(endpoint, (0, 1)), "endpoint", "0 or 1", 4)
    ink = ink_from_touch(touch_from_pressure(pressure))
    ink[1:] &= endpoint[:-1] == 0
    channels = {
        Quantity.X: Channel(x),
        Quantity.Y: Channel(y),
        Quantity.TIME: Channel(time_ms, "ms"),
        Quantity.PRESSURE: Channel(pressure),
    }
    return Recording(format=NAME, channels=channels, ink=ink)


def _count(names: str, size: str) -> int:
    if not HEADER.fullmatch(names):
        raise FormatError(
            "line 1: another header", expected="X, Y, TStamp, Pres., EndPts", received=shown(names)
        )
    match = SIZE.fullmatch(size)
    if match is None:
        raise FormatError("line 2: no sample count", expected="DataSize: N", received=shown(size))
    return int(match[1])


FORMAT: Final = Format(
    name=NAME,
    title="SUSIG",
    suffixes=(".sig",),
    specification="Kholmatov & Yanikoglu, SUSIG: an on-line signature database, 2009",
    begins='"X, Y, TStamp, Pres., EndPts" (SUSIG)',
    recognizes=recognizes,
    decode=decode,
)
