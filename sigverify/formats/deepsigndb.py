"""DeepSignDB and SVC2021 `.txt`: a count, then `x y time_ms pressure`, or azimuth and altitude before it.

Source: Tolosana et al., "DeepSign: Deep On-Line Signature Verification", IEEE T-BIOM 2021; the files of
SVC2021_EvalDB ("SVC-onGoing", Pattern Recognition 2022) are alike. The layout is described in a document that
comes with the data. This rests on how public readers take them: 4 columns of e-BioSign and SVC2021, 6 of
MCYT, whose columns 4 and 5 nobody reads; 7 of BiosecurID are those of `svc2004`, which reads them.

No pressure is hover. What was written by finger has a pressure of 0 throughout, and does not say where the
finger was up. In some files all stamps are 0; those of 6 columns were taken at 100 Hz.

The first line is that of SVC2004, whose Task 1 has 4 columns, too: its last is a button of few values.
"""

from typing import Final

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import svc2004
from sigverify.formats.channel import Channel, Quantity
from sigverify.formats.decimal_text import decimal_text
from sigverify.formats.format import Format
from sigverify.formats.losses import DEVICE_AND_FACTS, Loss, units_and_ranges
from sigverify.formats.notes import NoteKind, Notes
from sigverify.formats.pen_lift import ink_from_touch, touch_from_pressure
from sigverify.formats.pressure import without_negative
from sigverify.formats.recording import Recording
from sigverify.formats.table import first_line, split_header
from sigverify.modality.pen.signature import MAX_SAMPLES, Signature

NAME: Final = "deepsigndb"
WIDTHS: Final = (4, 6)
MAX_BUTTONS: Final = 8
"""Different values of a button of three bits; a pressure has more."""
MCYT_RATE_HZ: Final = 100.0
_PEN: Final = (Quantity.AZIMUTH, Quantity.ALTITUDE)


def recognizes(data: bytes) -> bool:
    r"""Tell content of this format by its first line, the width of the rows and what the fourth column holds.

    >>> rows = b"".join(b"%d %d %d %d\n" % (n, n, n, 9 * n) for n in range(9))
    >>> recognizes(b"9\n" + rows), recognizes(b"9\n" + b"1 2 3 1\n" * 9), recognizes(b"1\n1 2 3 4 5 6")
    (True, False, True)
    """
    if not svc2004.recognizes(data):
        return False
    try:
        _, body, _ = split_header(data, 1)
    except (FormatError, InvalidSignature):
        return False
    width = len(first_line(body).split())
    return width == max(WIDTHS) or (width == min(WIDTHS) and _is_pressure(body))


def _is_pressure(body: bytes) -> bool:
    """Tell a pressure from a button: it has many values, or is always 0."""
    cells = body.split(maxsplit=min(WIDTHS) * MAX_SAMPLES)[3 :: min(WIDTHS)]
    values = set(cells)
    return len(values) > MAX_BUTTONS or not b"".join(values).strip(b"0.")


def decode(data: bytes, notes: Notes | None = None) -> Recording:
    """Read one signature.

    Raises:
        FormatError: not this format, truncated, or something behind its end.
        InvalidSignature: more samples than a signature may have.
    """
    notes = notes or Notes()
    columns = svc2004.counted_table(data, WIDTHS, notes).values.T
    pressure = columns[-1]
    ink = ink_from_touch(touch_from_pressure(pressure))
    pressure, ink = without_negative(pressure, ink, notes)
    channels = {Quantity.X: Channel(columns[0]), Quantity.Y: Channel(columns[1])}
    rate_hz = None
    if columns[2].any():
        channels[Quantity.TIME] = Channel(columns[2], "ms")
    elif len(columns) == max(WIDTHS):
        rate_hz = MCYT_RATE_HZ
        notes.add(NoteKind.RATE_ASSUMED, int(rate_hz))
    if len(columns) == max(WIDTHS):
        channels |= dict(zip(_PEN, map(Channel, columns[3:5]), strict=True))
    if pressure.any():
        channels[Quantity.PRESSURE] = Channel(pressure)
    else:
        notes.add(NoteKind.LIFTS_UNKNOWN)
    return Recording(format=NAME, channels=channels, ink=ink, rate_hz=rate_hz)


def encode(recorded: Recording | Signature) -> bytes:
    r"""Write one signature: 6 columns where azimuth and altitude are known, else 4; hover without pressure.

    Raises:
        InvalidSignature: it has no time.
        FormatError: pressure of so few levels that it would be read as the button of SVC2004.

    >>> encode(Signature(range(8), range(8), range(0, 80, 10))).split(b"\n")[:3]
    [b'8', b'0 0 0 0', b'1 1 10 0']
    """
    recording = Recording.of(recorded)
    columns = [recording[Quantity.X], recording[Quantity.Y], recording.time_ms()]
    if set(_PEN).issubset(recording.channels):
        columns += [recording[quantity] for quantity in _PEN]
    columns.append(_pressure(recording))
    rows = [
        " ".join(map(decimal_text, row)) for row in zip(*(each.tolist() for each in columns), strict=True)
    ]
    data = "\n".join([str(len(recording)), *rows, ""]).encode("ascii")
    if not recognizes(data):
        raise FormatError(
            "pressure of so few levels would be read as the button of SVC2004",
            expected=f"more than {MAX_BUTTONS} values",
        )
    return data


def _pressure(recording: Recording) -> FloatArray:
    """Return `(n,)` what stands as pressure: none on hover, nor where it is not known."""
    touching = np.concatenate([recording.ink[1:], [False]]) | recording.ink
    channel = recording.channels.get(Quantity.PRESSURE)
    return np.zeros(len(recording)) if channel is None else channel.values * touching


def _loses_lifts(recording: Recording) -> bool:
    """Whether ink is read back where there was none: pressure of 0 is all that says so here."""
    if Quantity.PRESSURE not in recording.channels:
        return not recording.ink[1:].all()
    read = ink_from_touch(touch_from_pressure(_pressure(recording)))
    return not np.array_equal(read[1:], recording.ink[1:])


_KEPT: Final = frozenset({Quantity.X, Quantity.Y, Quantity.TIME, Quantity.PRESSURE, *_PEN})
FORMAT: Final = Format(
    name=NAME,
    title="DeepSignDB and SVC2021",
    suffixes=(".txt",),
    specification="Tolosana et al., DeepSign: Deep On-Line Signature Verification, 2021; docs/formats.md",
    begins="a count alone on its line (DeepSignDB)",
    recognizes=recognizes,
    decode=decode,
    encode=encode,
    keeps=_KEPT,
    loses=(
        Loss("lifts without hover or pressure", _loses_lifts),
        units_and_ranges(_KEPT),
        DEVICE_AND_FACTS,
    ),
)
