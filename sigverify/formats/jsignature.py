"""jSignature: base30, its own compression, and its "native" form as JSON. Neither has time.

Source: https://github.com/brinley/jSignature, README and jSignature.CompressorBase30.js.

Base30 is `image/jsignature;base30,` and strokes between `_`, each as x, `_`, y. A row of numbers is the
differences from one point to the next, the first from 0, in base 30. Of a number the first digit is one of
`0…9a…t`, all that follow one of `u…zA…X` for the same values, so that no separator is needed; `Z` and `Y`
make all that follow negative and positive. The pad's own form is `[{"x": […], "y": […]}, …]`, a stroke each.
Coordinates are pixels, in base30 whole ones.
"""

import json
import re
from typing import Final, NoReturn

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.errors import FormatError, one_line
from sigverify.formats.format import Format
from sigverify.formats.notes import Notes
from sigverify.formats.recording import Recording
from sigverify.formats.strokes import recording_of_strokes
from sigverify.formats.table import check_row_count
from sigverify.formats.text_encoding import to_utf8

NAME: Final = "jsignature"
MIN_BARE: Final = 12
MAX_BARE: Final = 2**21
"""Characters of base30 that is told without the words before it; the largest signature has fewer."""
MAX_DIGITS: Final = 8
"""Of one number; the largest coordinate that a signature may have takes six."""

_NAMED: Final = re.compile(
    rb'\s*+(?:\[\s*+)?"?(?:data:)?image/jsignature;base30"?\s*,\s*"?([^"\s]*)"?\s*+(?:\]\s*+)?', re.IGNORECASE
)
"""As it is, as a data URL, or as the pair that `getData` gives, in JSON."""
_NUMBERS: Final = rb"\[[\s\d.,eE+-]*\]"
_NATIVE: Final = re.compile(
    rb'\s*\[\s*\{\s*"x"\s*:\s*' + _NUMBERS + rb'\s*,\s*"y"\s*:\s*' + _NUMBERS + rb"\s*\}"
)
_FIRST: Final = b"0123456789abcdefghijklmnopqrst"
_NO_FIRST: Final = b"uvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
_BASE30: Final = _FIRST + _NO_FIRST
_SIGN_OR_NUMBER: Final = re.compile(r"([YZ])|([0-9a-t][u-zA-X]*)")
_DIGITS: Final = {chr(code): chr(_FIRST[place % 30]) for place, code in enumerate(_BASE30[:60])}
"""What a first digit, or one that follows, is in base 30."""


def recognizes(data: bytes) -> bool:
    r"""Tell base30, with or without its name, and the native form.

    >>> recognizes(b"image/jsignature;base30,3E13Z5Y5_1O24Z66"), recognizes(b'[{"x":[1,2],"y":[3,4]}]')
    (True, True)
    >>> recognizes(b"3E13Z5Y5_1O24Z66_1O1Z3_3E2Z4"), recognizes(b"first_name,last_name")
    (True, False)
    """
    return _NAMED.match(data) is not None or _NATIVE.match(data) is not None or _is_bare(data)


def _is_bare(data: bytes) -> bool:
    """Tell strokes whose x and y are as many: text of another kind hardly ever is."""
    text = data.strip() if len(data) <= MAX_BARE else b""
    if len(text) < MIN_BARE or text.translate(None, _BASE30):
        return False
    rows = text.split(b"_")
    counts = [len(row.translate(None, _NO_FIRST)) for row in rows]
    begins = all(row.lstrip(b"YZ")[:1] in _FIRST for row in rows if row)
    return begins and all(counts) and len(counts) % 2 == 0 and counts[::2] == counts[1::2]


def decode(data: bytes, notes: Notes | None = None) -> Recording:
    """Read one signature.

    Raises:
        FormatError: not base30 and not the native form; names the stroke.
        InvalidSignature: more samples than a signature may have.
    """
    data = to_utf8(data, notes)
    named = _NAMED.fullmatch(data)
    if named is not None or _is_bare(data):
        text = data.strip() if named is None else named[1]
        return recording_of_strokes(
            NAME, _base30(text.decode("utf-8", "replace")), unit="px", facts={"form": "base30"}
        )
    return recording_of_strokes(NAME, _native(data), unit="px", facts={"form": "native"})


def _base30(text: str) -> list[FloatArray]:
    check_row_count(max(len(text.encode().translate(None, _NO_FIRST)) // 2, text.count("_") // 2))
    rows = [_row(row, 1 + place // 2) for place, row in enumerate(text.split("_"))] if text else []
    if len(rows) % 2:
        raise FormatError(
            "a stroke without y", expected="two rows of numbers a stroke", received=f"{len(rows)} rows"
        )
    return [_stroke(x, y, number) for number, (x, y) in enumerate(zip(rows[::2], rows[1::2], strict=True), 1)]


def _row(text: str, number: int) -> FloatArray:
    values, sign, end = list[int](), 1, 0
    for piece in _SIGN_OR_NUMBER.finditer(text):
        if piece.start() != end or len(piece[0]) > MAX_DIGITS:
            break
        end = piece.end()
        if piece[1]:
            sign = 1 if piece[1] == "Y" else -1
        else:
            values.append(sign * int("".join(map(_DIGITS.__getitem__, piece[2])), 30))
    if end != len(text):
        raise FormatError(f"stroke {number}: not base30", expected="digits, letters, and _ between rows")
    return np.cumsum(np.array(values, np.float64))


def _stroke(x: FloatArray, y: FloatArray, number: int) -> FloatArray:
    if len(x) != len(y):
        raise FormatError(f"stroke {number}: x and y are not as many", received=f"{len(x)} and {len(y)}")
    return np.column_stack([x, y])


def _native(data: bytes) -> list[FloatArray]:
    check_row_count(data.count(b",") // 2)
    try:
        strokes = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FormatError("not JSON", expected="jSignature's strokes", received=one_line(error)) from None
    if not isinstance(strokes, list):
        raise FormatError("not strokes", expected='[{"x": [...], "y": [...]}, ...]')
    return [
        _stroke(_numbers(stroke, "x", number), _numbers(stroke, "y", number), number)
        for number, stroke in enumerate(strokes, 1)
    ]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _numbers(stroke: object, name: str, number: int) -> FloatArray:
    values = stroke.get(name) if isinstance(stroke, dict) else None
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise FormatError(f"stroke {number}: no numbers {name}", expected='{"x": [...], "y": [...]}')
    try:
        row = np.array(values, np.float64)
    except OverflowError:
        row = np.array([np.inf])
    if not np.isfinite(row).all():
        raise FormatError(f"stroke {number}: {name} is too large")
    return row


FORMAT: Final = Format(
    name=NAME,
    title="jSignature",
    suffixes=(".txt", ".json"),
    specification="https://github.com/brinley/jSignature, base30 and native",
    begins='"image/jsignature;base30,", or [{"x": [...], "y": [...]}] (jSignature)',
    recognizes=recognizes,
    decode=decode,
    sure=True,
)
