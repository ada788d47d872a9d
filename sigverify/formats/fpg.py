"""MCYT `.fpg`: a binary header, then vectors of x, y, pressure, azimuth and altitude at a fixed rate.

Source: Ortega-Garcia et al., "MCYT baseline corpus: a bimodal biometric database", IEE Proc. Vision, Image
and Signal Processing 150(6), 2003, for what is measured: 100 samples a second, 100 counts a mm, 1024 levels
of pressure, tenths of a degree. The file itself is documented nowhere; the fields below are those that the
reader of the corpus, `FPG_Signature_Read`, takes, by public translations of it. No file of it was at hand.

======  =====  ====================================================================
offset  bytes  field, little-endian
======  =====  ====================================================================
0       4      "FPG "
4       2      size of the header; of 48 and 60 bytes in files that say their rate
6       2      kind of file: 4 for vectors
16      2      bits of a value: 8, 16, 32 (float) or 64 (float)
26      4      values of a vector
30      4      vectors
36      4      samples a second, where the header has it
======  =====  ====================================================================

Pressure of 0 is hover. Values behind the fifth of a vector are left out.
"""

import struct
from typing import Final

import numpy as np

from sigverify.errors import FormatError
from sigverify.formats.channel import Channel, Quantity
from sigverify.formats.format import Format
from sigverify.formats.notes import NoteKind, Notes
from sigverify.formats.pen_lift import ink_from_touch, touch_from_pressure
from sigverify.formats.pressure import without_negative
from sigverify.formats.recording import Recording
from sigverify.formats.table import check_row_count

NAME: Final = "fpg"
MAGIC: Final = b"FPG "
VECTORS: Final = 4
HEADER: Final = 36
"""Bytes of the header up to the rate, which not every header has."""
RATED_HEADERS: Final = (48, 60)
MAX_WIDTH: Final = 64
COUNTS_PER_MM: Final = 100.0
COUNTS_PER_DEGREE: Final = 10.0
_TYPES: Final = {8: "<u1", 16: "<u2", 32: "<f4", 64: "<f8"}
_CHANNELS: Final = (
    (Quantity.X, "mm", COUNTS_PER_MM),
    (Quantity.Y, "mm", COUNTS_PER_MM),
    (Quantity.PRESSURE, "", 1.0),
    (Quantity.AZIMUTH, "deg", COUNTS_PER_DEGREE),
    (Quantity.ALTITUDE, "deg", COUNTS_PER_DEGREE),
)


def recognizes(data: bytes) -> bool:
    r"""Tell content of this format by its first bytes.

    >>> recognizes(b"FPG \x3c\0\4\0"), recognizes(b"FPG,x,y")
    (True, False)
    """
    return data[:4] == MAGIC and data[6:8] == VECTORS.to_bytes(2, "little")


def decode(data: bytes, notes: Notes | None = None) -> Recording:
    """Read one signature.

    Raises:
        FormatError: not this format, or truncated.
        InvalidSignature: more samples than a signature may have.
    """
    notes = notes or Notes()
    if not recognizes(data) or len(data) < HEADER:
        raise FormatError("not a file of MCYT", expected='"FPG " and a header of vectors')
    size, bits, width, count = _header(data)
    vectors = np.frombuffer(data, _TYPES[bits], count * width, size).reshape(count, width).astype(np.float64)
    if not np.isfinite(vectors).all():
        raise FormatError("values that are no numbers", expected="finite ones")
    if width > len(_CHANNELS):
        notes.add(NoteKind.IGNORED, f"{width - len(_CHANNELS)} more values a sample")
    pressure = vectors[:, 2]
    ink = ink_from_touch(touch_from_pressure(pressure))
    vectors[:, 2], ink = without_negative(pressure, ink, notes)
    channels = {
        quantity: Channel(column, unit, per_unit)
        for (quantity, unit, per_unit), column in zip(_CHANNELS, vectors.T, strict=False)
    }
    return Recording(format=NAME, channels=channels, ink=ink, rate_hz=_rate_hz(data, size))


def _header(data: bytes) -> tuple[int, int, int, int]:
    """Return the size of the header, bits a value, values a vector and how many vectors there are.

    Raises:
        FormatError: sizes that cannot be, or more of them than there is file.
        InvalidSignature: more samples than a signature may have.
    """
    size, bits = struct.unpack_from("<H", data, 4)[0], struct.unpack_from("<H", data, 16)[0]
    width, count = struct.unpack_from("<II", data, 26)
    if bits not in _TYPES:
        raise FormatError("values of an unknown size", expected="8, 16, 32 or 64 bits", received=f"{bits}")
    if not 3 <= width <= MAX_WIDTH or size < HEADER:
        raise FormatError(
            "a header that cannot be",
            expected=f"3 to {MAX_WIDTH} values of each sample, x, y and pressure first",
            received=f"{width}, in a header of {size} bytes",
        )
    check_row_count(count)
    needed = size + count * width * bits // 8
    if len(data) < needed:
        raise FormatError(
            "the file is truncated",
            expected=f"{needed} bytes",
            received=f"{len(data)}",
            hint="Copy the file again",
        )
    return size, bits, width, count


def _rate_hz(data: bytes, size: int) -> float | None:
    """Return the samples a second; None where the header is too old to say."""
    if size not in RATED_HEADERS:
        return None
    return float(struct.unpack_from("<I", data, HEADER)[0]) or None


FORMAT: Final = Format(
    name=NAME,
    title="MCYT",
    suffixes=(".fpg",),
    specification="Ortega-Garcia et al., MCYT baseline corpus, 2003; docs/formats.md",
    begins='"FPG " (MCYT)',
    recognizes=recognizes,
    decode=decode,
    binary=True,
)
