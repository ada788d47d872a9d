"""JSON of the browser pad signature_pad: `toData()`, groups of points, one group a stroke.

A point is `{"x": …, "y": …, "time": …}`, time in ms (epoch), and often `"pressure"`. Three forms occur::

    [{"points": [point, …], "penColor": …}, …]     version 3 and later
    [[point, …], …]                                 before
    {"strokes": either of those, …}                 wrapped by an application

Pressure is kept only where every point has it. The pad's defaults (`throttle` 16 ms, `minDistance` 5 px)
destroy the dynamics that verification lives on: set both to 0 at capture.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import numpy as np

from sigverify.arrays import BoolArray
from sigverify.errors import FormatError
from sigverify.formats.pen_lift import ink_from_touch
from sigverify.formats.table import check_row_count
from sigverify.modality.pen.signature import Signature

NAMES = ("x", "y", "time")


def recognizes(first_line: bytes) -> bool:
    """Tell whether a file that begins so is of this format.

    >>> recognizes(b'[{"points": ['), recognizes(b"x,y,time_ms")
    (True, False)
    """
    return first_line.lstrip()[:1] in (b"[", b"{")


def decode(data: bytes) -> Signature:
    """Read one signature.

    Raises:
        FormatError: not JSON, or not groups of points.
        InvalidSignature: numbers that are no signature.
    """
    check_row_count(data.count(b'"x"'))
    try:
        groups = json.loads(data.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FormatError(
            "not JSON", expected="what signature_pad's toData() gives", received=str(error)
        ) from error
    return from_groups(groups)


def from_groups(groups: object) -> Signature:
    """Make a signature of parsed JSON: lists and dicts as `json.loads` or a web framework gives them.

    Raises:
        FormatError: not groups of points; names the stroke and point.
        InvalidSignature: numbers that are no signature.

    >>> from_groups([[{"x": i, "y": i, "time": 10 * i} for i in range(9)]]).duration_ms
    80.0
    """
    strokes = [_points(group, number) for number, group in enumerate(_strokes(groups), 1)]
    points = [point for stroke in strokes for point in stroke]
    check_row_count(len(points))
    x, y, time_ms = ([_number(point, name, at) for point, at in _located(strokes)] for name in NAMES)
    pressure = None
    if points and all(point.get("pressure") is not None for point in points):
        pressure = [_number(point, "pressure", at) for point, at in _located(strokes)]
    return Signature(x, y, time_ms, pressure, _ink([len(stroke) for stroke in strokes]))


def encode(signature: Signature) -> bytes:
    """Write one signature as `toData()` would; `decode` gives back the same.

    The form cannot say that the way to the very first sample carries ink, which means nothing anyway:
    decoded, `pen_down[0]` is False.
    """
    columns = dict(zip(NAMES, (signature.x, signature.y, signature.time_ms), strict=True))
    if signature.pressure is not None:
        columns["pressure"] = signature.pressure
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    groups: list[dict[str, list[dict[str, float]]]] = []
    for ink, row in zip(signature.ink.tolist(), values, strict=True):
        if not ink or not groups:
            groups.append({"points": []})
        groups[-1]["points"].append(dict(zip(columns, row, strict=True)))
    return json.dumps(groups, separators=(",", ":")).encode("ascii")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _strokes(groups: object) -> list[Any]:
    if isinstance(groups, Mapping):
        groups = groups.get("strokes")
    if not isinstance(groups, list):
        raise FormatError(
            "not groups of points",
            expected='[{"points": [...]}, ...], [[...], ...] or {"strokes": ...}',
            received=type(groups).__name__,
        )
    return groups


def _points(group: object, number: int) -> list[Mapping[str, Any]]:
    if isinstance(group, Mapping):
        group = group.get("points")
    if not isinstance(group, list):
        raise FormatError(
            f"stroke {number}: no points", expected="a list of points", received=type(group).__name__
        )
    for place, point in enumerate(group, 1):
        if not isinstance(point, Mapping):
            raise FormatError(
                f"stroke {number}, point {place}: not a point",
                expected='{"x": ..., "y": ..., "time": ...}',
                received=type(point).__name__,
            )
    return group


def _located(
    strokes: list[list[Mapping[str, Any]]],
) -> Iterable[tuple[Mapping[str, Any], tuple[int, int]]]:
    """Yield every point with its stroke's number and its own, from 1."""
    for number, stroke in enumerate(strokes, 1):
        for place, point in enumerate(stroke, 1):
            yield point, (number, place)


def _number(point: Mapping[str, Any], name: str, at: tuple[int, int]) -> float:
    value = point.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormatError(
            f"stroke {at[0]}, point {at[1]}: {name} is not a number",
            expected="a number",
            received=type(value).__name__ if name in point else "nothing",
        )
    try:
        return float(value)
    except OverflowError as error:
        raise FormatError(f"stroke {at[0]}, point {at[1]}: {name} is too large") from error


def _ink(lengths: list[int]) -> BoolArray:
    """Return `(n,)` bool, False on the first point of each stroke."""
    ink = ink_from_touch(np.ones(sum(lengths), np.bool_))
    starts = np.cumsum([0, *lengths])[:-1]
    ink[starts[starts < len(ink)]] = False
    return ink
