"""Topaz SigString: what SigPlus and SigWeb give as hexadecimal text. It has no time.

Topaz does not publish the format. What is read here is what owners of such files found out and published with
one signature in both forms (https://github.com/luxzg/Topaz), and what is checked to the last byte:

- SigCompressionMode 0: text. The number of points, that of strokes, a line `x y` for each point, then for
  each stroke a line with the index of its first point.
- SigCompressionMode 1, lossless: bytes. 16 bits with the number of strokes; of each 16 bits with the number
  of points, x and y of the first, then for each other point the steps of x and y, 8 bits with a sign. All
  little-endian.

Higher modes lose points, and are not known; an encrypted string looks as random as it is. Both are refused.
The points are those of the pad's own clock, which is not in the string.
"""

import re
import struct
from typing import Final

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.errors import FormatError
from sigverify.formats.format import Format
from sigverify.formats.notes import Notes
from sigverify.formats.recording import Recording
from sigverify.formats.strokes import recording_of_strokes
from sigverify.formats.table import check_row_count
from sigverify.formats.text_encoding import to_utf8

NAME: Final = "sigstring"
MIN_DIGITS: Final = 32
MAX_DIGITS: Final = 4 * 2**20
"""Hexadecimal digits: so many hold the largest signature, with both coordinates as text."""
_HEX: Final = b"0123456789abcdefABCDEF"
_TEXT: Final = re.compile(rb"\d{1,6}\r?\n\d{1,6}\r?\n")
_LINES: Final = re.compile(rb"(?:-?\d{1,6}(?: -?\d{1,6})?(?:\r?\n|$))+")
_UNKNOWN: Final = (
    "Only SigCompressionMode 0 and 1 without encryption can be read: set them in SigPlus or SigWeb, "
    "and take the string again"
)


def recognizes(data: bytes) -> bool:
    r"""Tell hexadecimal text on one line.

    >>> recognizes(b"0100" * 8), recognizes(b"134\n1 2 3 0")
    (True, False)
    """
    return _digits(data) is not None


def _digits(data: bytes) -> bytes | None:
    """Return what is no white space around it; None where that is no hexadecimal text on one line."""
    digits = data.strip() if len(data) <= MAX_DIGITS else b""
    good = len(digits) >= MIN_DIGITS and len(digits) % 2 == 0 and not digits.translate(None, _HEX)
    return digits if good else None


def decode(data: bytes, notes: Notes | None = None) -> Recording:
    """Read one signature.

    Raises:
        FormatError: not this format, compressed or encrypted so that nobody can read it, or damaged.
        InvalidSignature: more samples than a signature may have.
    """
    digits = _digits(to_utf8(data, notes))
    if digits is None:
        raise FormatError("not a SigString", expected="hexadecimal digits on one line")
    content = bytes.fromhex(digits.decode("ascii"))
    mode, strokes = (0, _of_text(content)) if _TEXT.match(content) else (1, _of_bytes(content))
    return recording_of_strokes(NAME, strokes, facts={"compression_mode": mode})


def _of_text(content: bytes) -> list[FloatArray]:
    check_row_count(content.count(b"\n") // 2)  # there are no more strokes than points
    if not _LINES.fullmatch(content):
        raise FormatError("a SigString with lines that are no numbers", expected="x y, a point a line")
    lines = [[int(cell) for cell in line.split()] for line in content.splitlines()]
    (count,), (stroke_count,), *rest = lines
    check_row_count(count)
    points, begins = rest[:count], rest[count:]
    if (
        len(begins) != stroke_count
        or {len(point) for point in points} - {2}
        or {len(each) for each in begins} - {1}
    ):
        raise FormatError(
            "the SigString is truncated, or something stands behind its end",
            expected=f"{count} points and {stroke_count} strokes, as it begins with",
            received=f"{len(rest)} lines",
        )
    first = [index for (index,) in begins]
    if first != sorted(first) or first[:1] != [0][: len(first)] or any(index > count for index in first):
        raise FormatError("the strokes of the SigString are not in order", expected="the first at point 0")
    return np.split(np.array(points, np.float64).reshape(-1, 2), first[1:])


def _of_bytes(content: bytes) -> list[FloatArray]:
    check_row_count(len(content) // 2)
    strokes, place = [], 2
    for _ in range(int.from_bytes(content[:2], "little")):
        if place + 6 > len(content):
            break
        count, *first = struct.unpack_from("<3H", content, place)
        end = place + 6 + 2 * (count - 1)
        if not count or end > len(content):
            break
        steps = np.frombuffer(content, np.int8, 2 * (count - 1), place + 6).reshape(-1, 2)
        strokes.append(np.cumsum([first, *steps.tolist()], axis=0, dtype=np.float64))
        place = end
    if place != len(content) or len(strokes) != int.from_bytes(content[:2], "little"):
        raise FormatError(
            "hexadecimal text that is no SigString that can be read",
            expected="the points of each stroke, and nothing else",
            hint=_UNKNOWN,
        )
    return strokes


FORMAT: Final = Format(
    name=NAME,
    title="Topaz SigString",
    suffixes=(".txt", ".sig"),
    specification="not published; https://github.com/luxzg/Topaz",
    begins="hexadecimal digits (Topaz SigString)",
    recognizes=recognizes,
    decode=decode,
    sure=True,
)
