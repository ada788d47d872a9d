"""JSON of the browser pad signature_pad, `toData()`, and what applications make of it.

A point is `{"x": …, "y": …, "time": …}`, time in ms (epoch), and often `"pressure"`; other names and
units are in `columns`. These forms occur::

    [{"points": [point, …], "penColor": …}, …]     version 3 (which has "color"), 4 and 5
    [[point, …], …]                                 version 2; version 1 gives pictures alone
    {"points": [point, …]} or [point, …]            one group, or all points in one list
    {"x": […], "y": […], "time": […]}               columns; of all, or in place of a group
    {"strokes": any of those, …}                    wrapped by an application
    one point or group a line                       JSON Lines

In a file any of them may stand in a JSON string. Where groups are given, they are the strokes; elsewhere a
point without pressure is hover, as in a table. The pad's defaults (`throttle` 16 ms, `minDistance` 5 px)
destroy the dynamics that verification lives on: set both to 0 at capture.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice, pairwise
from typing import Any, Final, NoReturn

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.errors import FormatError, one_line, shortened
from sigverify.formats.channel import Quantity
from sigverify.formats.columns import (
    REQUIRED,
    Layout,
    Role,
    compose,
    flag_bits,
    is_stamp,
    milliseconds_of,
    role_of,
)
from sigverify.formats.format import Format
from sigverify.formats.losses import DEVICE_AND_FACTS, Loss, units_and_ranges
from sigverify.formats.notes import NoteKind, Notes, listed
from sigverify.formats.recording import Recording
from sigverify.formats.strokes import starts_of
from sigverify.formats.table import check_row_count, first_line
from sigverify.formats.text_encoding import to_utf8
from sigverify.modality.pen.signature import Signature

NAME: Final = "signature_pad"
NAMES: Final = ("x", "y", "time")
WRAPPERS: Final = ("strokes", "groups", "signature", "data")
MAX_WRAPPERS: Final = 3
"""Objects around the strokes: a request's, an application's, and one to spare."""
MAX_KEYS: Final = 1000
"""Different keys of all points; devices have under 30."""
MAX_STRINGS: Final = 3
"""JSON in a JSON string in a JSON string: each layer of an application may quote once."""
_SETTINGS: Final = {
    "penColor": "pen_color",
    "color": "pen_color",
    "dotSize": "dot_size_px",
    "minWidth": "min_width_px",
    "maxWidth": "max_width_px",
    "velocityFilterWeight": "velocity_filter_weight",
    "compositeOperation": "composite_operation",
}
"""What a group says beside its points: version 3 of the pad the color, 4 and 5 all of it."""
TEXT_HINT: Final = "Hand in the list itself, not its JSON text: JSON.stringify of the whole request is enough"

Point = Mapping[str, Any]


def recognizes(data: bytes) -> bool:
    r"""Tell content of this format by how it begins.

    >>> recognizes(b'[{"points": ['), recognizes(b'"[{\\"x\\": 1'), recognizes(b'"x","y","time_ms"')
    (True, True, False)
    """
    return re.match(rb'\s*(?:[\[{]|"(?:\\[nrt]|\s)*(?:[\[{]|\\"|\\\\))', first_line(data)) is not None


def decode(data: bytes, notes: Notes | None = None) -> Recording:
    """Read one signature.

    Raises:
        FormatError: not JSON, or not groups of points.
        InvalidSignature: more samples than a signature may have.
    """
    notes = notes or Notes()
    return recording_of(parsed(data, notes), notes)


def parsed(data: bytes, notes: Notes) -> object:
    """Return the JSON of a pad, out of the strings that it may stand in.

    Raises:
        FormatError: not JSON.
        InvalidSignature: more points than a signature may have.
    """
    data = to_utf8(data, notes)
    check_row_count(data.count(b'"x"') + data.count(b'\\"x\\"'))
    try:
        groups = _loaded(data.decode("utf-8"))
        for _ in range(MAX_STRINGS):
            if isinstance(groups, str):
                groups = _loaded(groups)
                notes.add(NoteKind.UNWRAPPED)
    except UnicodeDecodeError:
        raise FormatError("not JSON", expected="UTF-8") from None  # without its cause, which holds the data
    except (ValueError, RecursionError) as error:
        raise FormatError(
            "not JSON", expected="what signature_pad's toData() gives", received=one_line(error)
        ) from None
    return groups


def from_groups(groups: object, notes: Notes | None = None) -> Signature:
    """Make a signature of parsed JSON: lists and dicts as `json.loads` or a web framework gives them.

    Raises:
        FormatError: not groups of points; names the stroke and point.
        InvalidSignature: numbers that are no signature.

    >>> from_groups([[{"x": i, "y": i, "time": 10 * i} for i in range(9)]]).duration_ms
    80.0
    """
    return recording_of(groups, notes or Notes()).signature()


def recording_of(groups: object, notes: Notes) -> Recording:
    """Return what parsed JSON holds.

    Raises:
        FormatError, InvalidSignature: as of `from_groups`.
    """
    strokes, grouped = _strokes(groups)
    strokes = _without_repeats(strokes, notes) if grouped else strokes
    check_row_count(sum(map(len, strokes)))
    names = dict.fromkeys(name for stroke in strokes for point in stroke for name in point)
    if len(names) > MAX_KEYS:
        raise FormatError("points of too many keys", expected=f"at most {MAX_KEYS}", received=str(len(names)))
    layout = Layout.of([str(name) for name in names])
    columns = _columns(strokes, layout, notes)
    starts = starts_of([len(stroke) for stroke in strokes]) if grouped else None
    recording = compose(NAME, layout, columns, starts, notes, _more(strokes, layout))
    return replace(recording, facts=_facts(groups))


def encode(recorded: Recording | Signature) -> bytes:
    """Write one signature as `toData()` would; `decode` gives back the same.

    The form cannot say that the way to the very first sample carries ink, which means nothing anyway:
    decoded, `pen_down[0]` is False.

    Raises:
        InvalidSignature: it has no time, which a point has to have.
    """
    recording = Recording.of(recorded)
    columns = {"x": recording[Quantity.X], "y": recording[Quantity.Y], "time": recording.time_ms()}
    if Quantity.PRESSURE in recording.channels:
        columns["pressure"] = recording[Quantity.PRESSURE]
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    groups: list[dict[str, list[dict[str, float]]]] = []
    for ink, row in zip(recording.ink.tolist(), values, strict=True):
        if not ink or not groups:
            groups.append({"points": []})
        groups[-1]["points"].append(dict(zip(columns, row, strict=True)))
    return json.dumps(groups, separators=(",", ":")).encode("ascii")


def _loaded(text: str) -> object:
    """Parse JSON, or one JSON value a line."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        lines = text.split("\n")
        # A first line that is whole, and more behind it.
        if not error.msg.startswith("Extra data") or error.pos <= len(lines[0]):
            raise
        check_row_count(len(lines))
        return [json.loads(line, parse_constant=_refuse_constant) for line in lines if line.strip()]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number: write null")


def _strokes(groups: object, depth: int = 0) -> tuple[list[list[Point]], bool]:
    """Return the strokes, and whether the form says where they begin."""
    if isinstance(groups, Mapping):
        if (points := _from_columns(groups, "")) is not None:
            return [points], False
        if "points" in groups:
            return [_points(groups, 1)], True
        if (name := next((name for name in WRAPPERS if name in groups), None)) and depth < MAX_WRAPPERS:
            return _strokes(groups[name], depth + 1)
    if isinstance(groups, str):
        raise FormatError("the strokes are text", expected="a list of strokes", hint=TEXT_HINT)
    if not isinstance(groups, list):
        raise FormatError(
            "not groups of points",
            expected='[{"points": [...]}, ...], [[...], ...] or {"strokes": ...}',
            received=_kind(groups),
        )
    if groups and isinstance(groups[0], Mapping) and _is_point(groups[0]):
        return [_points(groups, 1)], False
    return [_points(group, number) for number, group in enumerate(groups, 1)], True


def _is_point(value: Point) -> bool:
    """Tell a point from a group or columns: it has x and no lists."""
    return any(
        _role(name) is Role.X and not isinstance(value[name], list) for name in islice(value, MAX_KEYS)
    )


def _role(name: object) -> Role | None:
    return role_of(name) if isinstance(name, str) else None


def _from_columns(value: Point, where: str) -> list[Point] | None:
    """Return the points of `{"x": […], "y": […], …}`; None where it is no such object."""
    lists = {
        name: each for name, each in islice(value.items(), MAX_KEYS) if isinstance(each, list) and _role(name)
    }
    if not {Role.X, Role.Y}.issubset(map(_role, lists)):
        return None
    lengths = {name: len(each) for name, each in lists.items()}
    if len(set(lengths.values())) > 1:
        raise FormatError(
            f"{where}columns of different lengths",
            received=", ".join(f"{listed([name])}: {length}" for name, length in lengths.items()),
        )
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _points(group: object, number: int) -> list[Point]:
    given = group
    if isinstance(group, Mapping):
        if (points := _from_columns(group, f"stroke {number}: ")) is not None:
            return points
        group = group.get("points")
    if not isinstance(group, list):
        raise FormatError(
            f"stroke {number}: no points",
            expected="a list of points",
            received=_kind(given),
            hint=TEXT_HINT if isinstance(group, str) else "",
        )
    for place, point in enumerate(group, 1):
        if not isinstance(point, Mapping):
            raise FormatError(
                f"stroke {number}, point {place}: not a point",
                expected='{"x": ..., "y": ..., "time": ...}',
                received=type(point).__name__,
            )
    return group


def _without_repeats(strokes: list[list[Point]], notes: Notes) -> list[list[Point]]:
    """Leave out the point that version 2 of the pad repeats at the end of a stroke, with the time it had.

    It is the third from the end, or the first of two. What later versions record is never the same in all.
    """
    repeats = [len(stroke) > 2 and stroke[-1] == stroke[max(len(stroke) - 4, 0)] for stroke in strokes]
    if not any(repeats) or not all("color" in point for stroke in strokes for point in stroke):
        return strokes
    notes.add(NoteKind.REPEATED, sum(repeats))
    return [stroke[:-1] if repeat else stroke for stroke, repeat in zip(strokes, repeats, strict=True)]


def _facts(groups: object) -> dict[str, str | float]:
    """Return how the pad was set, from the first group: it draws all of them alike."""
    first = groups[0] if isinstance(groups, list) and groups else None
    told = first if isinstance(first, Mapping) and "points" in first else {}
    facts: dict[str, str | float] = {}
    for name, fact in _SETTINGS.items():
        if isinstance(value := told.get(name), str):
            facts[fact] = shortened(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            facts[fact] = value
    return facts


def _kind(value: object) -> str:
    """Say what something is by its type, of an object also by its keys."""
    if isinstance(value, Mapping):
        return f"an object with the keys {listed(list(map(str, value)))}" if value else "an empty object"
    return "text" if isinstance(value, str) else type(value).__name__


def _columns(strokes: list[list[Point]], layout: Layout, notes: Notes) -> dict[Role, FloatArray]:
    """Return the numbers of each role.

    Raises:
        FormatError: a value is not there or no number; names the stroke and point.
    """
    columns: dict[Role, FloatArray] = {}
    for role in dict.fromkeys((*REQUIRED, *layout.places)):
        name = layout.name(role) if role in layout.places else role.value
        values = [point.get(name) for stroke in strokes for point in stroke]
        if role is Role.TIME and values and is_stamp(values[0]):
            columns[role] = _stamps(values, name, notes)
        elif role is Role.STROKE:
            # Names or numbers: only whether two neighbors are the same counts.
            changes = [before != value for before, value in pairwise(values)]
            columns[role] = np.cumsum([0.0, *changes])
        else:
            optional = role is Role.PRESSURE
            flags = role is Role.PEN
            numbers = [_number(value, optional=optional, flags=flags) for value in values]
            if None in numbers:
                raise _no_number(strokes, layout, name, numbers.index(None))
            columns[role] = np.array(numbers, np.float64)
    if Role.PEN in columns:
        columns[Role.PEN], good, expected = flag_bits(layout, columns[Role.PEN])
        if not good.all():
            raise FormatError(f"{listed([layout.name(Role.PEN)])} is out of range", expected=expected)
    return columns


def _more(strokes: list[list[Point]], layout: Layout) -> dict[Quantity, FloatArray]:
    """Return what is recorded and not compared, of keys whose values are numbers in every point."""
    found = {}
    for quantity, index in layout.more.items():
        name = layout.names[index]
        numbers = [
            _number(point.get(name), optional=False, flags=False) for stroke in strokes for point in stroke
        ]
        values = np.array([math.nan if number is None else number for number in numbers], np.float64)
        if np.isfinite(values).all():
            found[quantity] = values
    return found


def _number(value: object, *, optional: bool, flags: bool) -> float | None:
    """Return a value as a number, NaN where it is missing and may be; None where it is none."""
    if value is None and optional:
        return math.nan
    if not isinstance(value, int | float) or (isinstance(value, bool) and not flags):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _no_number(strokes: list[list[Point]], layout: Layout, name: str, index: int) -> FormatError:
    """Say which point has no number of that name."""
    point, (number, place) = next(islice(_located(strokes), index, None))
    where = f"stroke {number}, point {place}: {listed([name])}"
    if isinstance(point.get(name), int | float) and not isinstance(point[name], bool):
        return FormatError(f"{where} is too large")
    return FormatError(
        f"{where} is not a number",
        expected="a number",
        received=type(point[name]).__name__ if name in point else "nothing",
        hint="" if name in point else f"Keys found: {listed(list(layout.names))}",
    )


def _stamps(values: Sequence[Any], name: str, notes: Notes) -> FloatArray:
    try:
        stamps = milliseconds_of(map(str, values))
    except ValueError:
        raise FormatError(
            f"{listed([name])}: not all stamps can be read",
            expected="ISO 8601, such as 2026-01-31T12:00:00.250Z, in every point",
        ) from None
    notes.add(NoteKind.STAMPS, name)
    return stamps


def _located(strokes: list[list[Point]]) -> Iterable[tuple[Point, tuple[int, int]]]:
    """Yield every point with its stroke's number and its own, from 1."""
    for number, stroke in enumerate(strokes, 1):
        for place, point in enumerate(stroke, 1):
            yield point, (number, place)


def _has_hover(recording: Recording) -> bool:
    """Whether some sample lies at no end of any ink: here it becomes a stroke of one point."""
    ink = recording.ink & (np.arange(len(recording)) > 0)
    return bool((~ink & ~np.append(ink[1:], False)).any())


_KEPT: Final = frozenset({Quantity.X, Quantity.Y, Quantity.TIME, Quantity.PRESSURE})
FORMAT: Final = Format(
    name=NAME,
    title="signature_pad",
    suffixes=(".json",),
    specification="https://github.com/szimek/signature_pad, toData()",
    begins='"[" or "{" (signature_pad)',
    recognizes=recognizes,
    decode=decode,
    encode=encode,
    keeps=_KEPT,
    loses=(Loss("hover between strokes", _has_hover), units_and_ranges(_KEPT), DEVICE_AND_FACTS),
)
