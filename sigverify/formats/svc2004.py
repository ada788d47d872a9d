"""SVC2004 `.TXT` and `.svc`: a count, then `x y time button` or those and `azimuth altitude pressure`.

Source: Yeung et al., "SVC2004: First International Signature Verification Competition", 2004, section 3.
Task 1 has 4 columns, Task 2 has 7. `.svc` is what tablets of the Wacom kind were recorded to for BiosecurID,
PaHaW, EMOTHAW and other collections of handwriting: the same 7 columns.

`button` is a bit field, of which bit 0 says pen down (values to 5 occur). In SVC2004 it is 0 on the first
sample of a stroke, which is just what `Signature.pen_down` means; a lift is a jump in time. Where it is 0
only on samples without pressure, as in `.svc`, those are hover. No file of SVC2004 Task 2 is like that.

SVC2004 counts milliseconds, and so do files of 4 columns. Of 7 columns the unit is the one in which the pen
was sampled at a rate that handwriting is sampled at.
"""

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, FloatArray
from sigverify.errors import FormatError
from sigverify.formats.channel import Channel, Quantity
from sigverify.formats.decimal_text import decimal_text
from sigverify.formats.format import Format
from sigverify.formats.losses import DEVICE_AND_FACTS, units_and_ranges
from sigverify.formats.notes import NoteKind, Notes
from sigverify.formats.pen_lift import ink_from_touch
from sigverify.formats.recording import Recording
from sigverify.formats.table import Table, check_row_count, first_row, shown, split_header
from sigverify.modality.pen.signature import TIME_UNITS, Signature

NAME: Final = "svc2004"
WIDTHS = (4, 7)
MAX_BUTTON = 255
STEPS_MS: Final = (1.0, 200.0)
"""Between two samples: 5 to 1000 a second. Tablets take 60 to 240, and never do two units fit."""
_PEN: Final = (Quantity.AZIMUTH, Quantity.ALTITUDE, Quantity.PRESSURE)


def recognizes(data: bytes) -> bool:
    r"""Tell content of this format by its first line.

    >>> recognizes(b"134\n"), recognizes(b"x,y,time_ms")
    (True, False)
    """
    return re.fullmatch(rb"\s*\d+\s*", first_row(data)) is not None


def decode(data: bytes, notes: Notes | None = None) -> Recording:
    """Read one signature.

    Raises:
        FormatError: not this format, truncated, or something behind its end.
        InvalidSignature: more samples than a signature may have.
    """
    table = counted_table(data, WIDTHS, notes)
    columns = table.values.T
    button = columns[3]
    good = (button >= 0) & (button <= MAX_BUTTON) & (button == np.floor(button))
    table.check_column(good, "button", f"a whole number from 0 to {MAX_BUTTON}", 3)
    ink = (button.astype(np.int64) & 1) == 1
    channels = {Quantity.X: Channel(columns[0]), Quantity.Y: Channel(columns[1])}
    if len(columns) == min(WIDTHS):
        channels[Quantity.TIME] = Channel(columns[2], "ms")
        return Recording(format=NAME, channels=channels, ink=ink)
    notes = notes or Notes()
    unit = unit_of(columns[2])
    if unit != "ms":
        notes.add(NoteKind.TIME_CONVERTED, f"time in {unit}")
    notes.add(NoteKind.IGNORED, "azimuth", "altitude")
    channels[Quantity.TIME] = Channel(columns[2], unit)
    channels |= dict(zip(_PEN, map(Channel, columns[4:]), strict=True))
    return Recording(format=NAME, channels=channels, ink=_ink(ink, columns[6]))


def counted_table(data: bytes, widths: Sequence[int], notes: Notes | None) -> Table:
    """Read a count and as many rows.

    Raises:
        FormatError, InvalidSignature: as of `decode`.
    """
    (header,), body, first_line = split_header(data, 1, notes)
    count = _count(header)
    check_row_count(count)
    table = Table.parse(body, first_line=first_line, widths=widths)
    table.check_count(count)
    return table


def unit_of(time: FloatArray) -> str:
    """Return the unit of stamps: the one in which the usual step is one of a tablet.

    Stamps that never run forward say nothing, and are taken for milliseconds.

    Raises:
        FormatError: no unit makes a rate of handwriting of them.

    >>> unit_of(np.arange(9) / 100), unit_of(np.arange(9) * 10.0), unit_of(np.arange(9) * 5000.0)
    ('s', 'ms', 'us')
    """
    steps = np.diff(time)
    steps = steps[steps > 0]
    if not len(steps):
        return "ms"
    for unit, factor in TIME_UNITS.items():
        if STEPS_MS[0] <= np.median(steps) * factor <= STEPS_MS[1]:
            return unit
    raise FormatError(
        "the unit of the time column cannot be told",
        expected="stamps in s, ms, us or ns of 5 to 1000 samples a second",
        received="steps that are none of that in any of them",
        hint="Write a CSV, whose header says the unit: x,y,time_ms,pressure,pen_down",
    )


def _ink(down: BoolArray, pressure: FloatArray) -> BoolArray:
    """Return ink: `down` as it stands, or of a device that says on hover, without pressure, that it is up."""
    up = ~down
    touches = up.any() and pressure.any() and not pressure[up].any()
    return ink_from_touch(down) if touches else down


def encode(recorded: Recording | Signature) -> bytes:
    r"""Write one signature: 7 columns where there is pressure, else 4; in milliseconds.

    Raises:
        InvalidSignature: it has no time.
        FormatError: its rate is none that would be told as milliseconds.

    >>> encode(Signature(range(8), range(8), range(0, 80, 10))).split(b"\n")[:3]
    [b'8', b'0 0 0 0', b'1 1 10 1']
    """
    recording = Recording.of(recorded)
    time_ms = recording.time_ms()
    ink = recording.ink & (np.arange(len(recording)) > 0)
    columns = [recording[Quantity.X], recording[Quantity.Y], time_ms, ink.astype(np.float64)]
    if Quantity.PRESSURE in recording.channels:
        columns += [_or_zeros(recording, quantity) for quantity in _PEN]
        if unit_of(time_ms) != "ms":
            raise FormatError("a rate that SVC2004 cannot say", expected="5 to 1000 samples a second")
    cells = zip(*(column.tolist() for column in columns), strict=True)
    rows = (" ".join(map(decimal_text, row)) for row in cells)
    return "\n".join([str(len(recording)), *rows, ""]).encode("ascii")


def _or_zeros(recording: Recording, quantity: Quantity) -> FloatArray:
    channel = recording.channels.get(quantity)
    return np.zeros(len(recording)) if channel is None else channel.values


def _count(header: str) -> int:
    match = re.fullmatch(r"\s*([0-9]{1,9})\s*", header)
    if match is None:
        raise FormatError("line 1: no sample count", expected="the number of samples", received=shown(header))
    return int(match[1])


_KEPT: Final = frozenset({Quantity.X, Quantity.Y, Quantity.TIME, *_PEN})
FORMAT: Final = Format(
    name=NAME,
    title="SVC2004 and .svc",
    suffixes=(".TXT", ".svc"),
    specification="Yeung et al., SVC2004: First International Signature Verification Competition, 2004",
    begins="a count alone on its line (SVC2004)",
    recognizes=recognizes,
    decode=decode,
    encode=encode,
    keeps=_KEPT,
    loses=(units_and_ranges(_KEPT), DEVICE_AND_FACTS),
)
