"""What columns are called, the unit of their time, and how they become a `Recording`: for tables and JSON."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, FloatArray
from sigverify.errors import FormatError
from sigverify.formats.channel import Channel, Quantity
from sigverify.formats.notes import NoteKind, Notes, listed
from sigverify.formats.pen_lift import ink_from_touch, touch_from_pressure
from sigverify.formats.pressure import whole_pressure, without_negative
from sigverify.formats.recording import Recording

MAX_NAME: Final = 64
"""Characters; a longer name is none of those known here."""


class Role(StrEnum):
    """What a column means."""

    X = "x"
    Y = "y"
    TIME = "time"
    PRESSURE = "pressure"
    PEN = "pen_down"
    STROKE = "stroke"


REQUIRED: Final = (Role.X, Role.Y, Role.TIME)

_TIME: Final = re.compile(
    r"(?:t|time|timestamp|time_stamp|tstamp)(?:_?(ms|msec|us|µs|usec|ns|nsec)|_(s|sec))?"
)
_LONG_UNIT: Final = re.compile(r"_(seconds|milliseconds|microseconds|nanoseconds|millis|micros|nanos)$")
_SHORT: Final = {
    "seconds": "s", "milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns",
    "millis": "ms", "micros": "us", "nanos": "ns",
}  # fmt: skip
_MS: Final = {"s": 1000.0, "m": 1.0, "u": 1e-3, "µ": 1e-3, "n": 1e-6}
"""Milliseconds in one unit, by the first letter of its name; a plain `time` is in milliseconds."""
_NAMES: Final = {
    Role.X: ("x", "x_px", "x_mm", "x_coordinate"),
    Role.Y: ("y", "y_px", "y_mm", "y_coordinate"),
    Role.PRESSURE: ("pressure", "p", "pres", "force", "pen_pressure"),
    Role.PEN: ("pen_down", "pendown", "pen_status", "penstatus", "status", "button", "buttons"),
    Role.STROKE: ("stroke", "stroke_id", "strokeid", "stroke_number"),
}
_MORE: Final = {
    "z": Quantity.Z,
    "azimuth": Quantity.AZIMUTH,
    "altitude": Quantity.ALTITUDE,
    "elevation": Quantity.ALTITUDE,
    "tilt_x": Quantity.X_TILT,
    "x_tilt": Quantity.X_TILT,
    "tilt_y": Quantity.Y_TILT,
    "y_tilt": Quantity.Y_TILT,
    "rotation": Quantity.ROTATION,
    "twist": Quantity.ROTATION,
}
"""What is recorded and not compared: kept where all its values are numbers."""
_UNITS: Final = ("mm", "px")
"""Of position, at the end of its name."""
_PREFERRED: Final = frozenset({"x", "y", "time_ms", "time", "pressure", "pen_down", "buttons", "stroke"})
"""Where two columns mean the same, that of such a name is taken; `time_ms` before `time`."""
_STAMP: Final = re.compile(r"\s*(?:\d{4}-?\d\d-?\d\d[T ]\d|\d\d:\d\d:\d\d)")
_ANY_DAY: Final = "2000-01-01"
_FLAGS: Final = ("pen_down", "pendown")
"""Ink on the way to the sample; of other names, whether the pen touches at it."""
_BITS: Final = ("button", "buttons")
"""Bit fields, of which bit 0 says that the pen touches."""


@dataclass(frozen=True)
class Layout:
    """Which column has which role.

    Attributes:
        places: the index of the column, by role.
        names: all columns, as the file names them.
        unit_ms: milliseconds in one unit of the time column.
        where: what begins the message of an error.
    """

    places: Mapping[Role, int]
    names: Sequence[str]
    unit_ms: float
    where: str = ""

    @classmethod
    def of(cls, names: Sequence[str], where: str = "") -> "Layout":
        """Find the roles of columns by their names; `where` begins the message of an error.

        Raises:
            FormatError: a name stands twice, or two columns mean the same.
        """
        found: dict[Role, list[int]] = {}
        for index, name in enumerate(names):
            if role := role_of(name):
                found.setdefault(role, []).append(index)
        places = {role: _one_of(role, indices, names, where) for role, indices in found.items()}
        time = places.get(Role.TIME)
        return cls(places, names, 1.0 if time is None else _unit_ms(names[time]), where)

    def name(self, role: Role) -> str:
        """Return what the file calls the column of that role."""
        return self.names[self.places[role]]

    def unit(self, role: Role) -> str:
        """Return the unit that the name of a column ends with; empty where it has none."""
        if role not in self.places:
            return ""  # there are no points at all
        end = _known(self.name(role)).rpartition("_")[2]
        return end if end in _UNITS else ""

    @property
    def more(self) -> dict[Quantity, int]:
        """Where what is recorded and not compared stands, each quantity once."""
        found = {
            _MORE[known]: index for index, name in enumerate(self.names) if (known := _known(name)) in _MORE
        }
        return {quantity: index for quantity, index in found.items() if index not in self.places.values()}

    def require(self) -> None:
        """Refuse columns of which x, y or time is missing.

        Raises:
            FormatError: lists what was found.
        """
        if missing := [role for role in REQUIRED if role not in self.places]:
            names = ", ".join("time_ms" if role is Role.TIME else role for role in missing)
            raise FormatError(
                f"{self.where}no column {names}",
                expected="x,y,time_ms and optionally pressure,pen_down",
                received=listed(self.names),
                hint="Every sample needs x, y and its time; time_s, time_us and time_ns say another unit",
            )

    def note_ignored(self, notes: Notes) -> None:
        """Note the columns that no role was found for."""
        if ignored := [name for index, name in enumerate(self.names) if index not in self.places.values()]:
            notes.add(NoteKind.IGNORED, *(name.strip() or "a column without a name" for name in ignored))


@lru_cache(1024)
def _known(name: str) -> str:
    """Return a name in lower case, words parted by one underline, units at the end.

    >>> _known(" Time [ms] "), _known("timeStamp"), _known("Pres.")
    ('time_ms', 'time_stamp', 'pres')
    """
    if len(name) > MAX_NAME:
        return ""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip())
    name = re.sub(r"[^a-z0-9µ]+", "_", name.replace("μ", "µ").lower()).strip("_")
    return _LONG_UNIT.sub(lambda found: "_" + _SHORT[found[1]], name)


def role_of(name: str) -> Role | None:
    """Return what a column of that name means; None: nothing that is used here.

    >>> role_of("Timestamp (us)"), role_of("P"), role_of("azimuth")
    (<Role.TIME: 'time'>, <Role.PRESSURE: 'pressure'>, None)
    """
    name = _known(name)
    if _TIME.fullmatch(name):
        return Role.TIME
    return next((role for role, names in _NAMES.items() if name in names), None)


def compose(
    name: str,
    layout: Layout,
    columns: Mapping[Role, FloatArray],
    starts: BoolArray | None,
    notes: Notes,
    more: Mapping[Quantity, FloatArray],
) -> Recording:
    """Make a recording of the format `name`; missing pressure is NaN.

    `starts` `(n,)` is True on the first sample of each stroke; `more` is what is recorded and not compared.
    """
    time_ms = columns[Role.TIME]
    if layout.unit_ms != 1.0:
        notes.add(NoteKind.TIME_CONVERTED, layout.name(Role.TIME))
        time_ms = time_ms * layout.unit_ms
    layout.note_ignored(notes)
    pressure = columns.get(Role.PRESSURE)
    if pressure is not None:
        pressure = whole_pressure(pressure, notes)
    ink = _ink(layout, columns, pressure, starts)
    if pressure is not None:
        pressure, ink = without_negative(pressure, ink, notes)
    channels = {
        Quantity.X: Channel(columns[Role.X], layout.unit(Role.X)),
        Quantity.Y: Channel(columns[Role.Y], layout.unit(Role.Y)),
        Quantity.TIME: Channel(time_ms, "ms"),
    }
    if pressure is not None:
        channels[Quantity.PRESSURE] = Channel(pressure)
    channels |= {quantity: Channel(values) for quantity, values in more.items()}
    return Recording(format=name, channels=channels, ink=ink)


def milliseconds_of(stamps: Iterable[str]) -> FloatArray:
    """Return ISO 8601 stamps, or times of one day, as milliseconds since the first.

    Raises:
        ValueError: text that is no such stamp, or only some of them name a time zone.

    >>> milliseconds_of(["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.250Z"]).tolist()
    [0.0, 250.0]
    """
    try:
        texts = map(str.strip, stamps)
        dated = (f"{_ANY_DAY}T{text}" if text[2:3] == ":" else text for text in texts)
        parsed = [datetime.fromisoformat(stamp) for stamp in dated]
        return np.array([(each - parsed[0]) / timedelta(milliseconds=1) for each in parsed])
    except (TypeError, OverflowError) as error:
        raise ValueError("stamps of different kinds") from error


def is_stamp(value: object) -> bool:
    """Tell text that has the form of an ISO 8601 time, with or without its date, from a number."""
    return isinstance(value, str) and _STAMP.match(value) is not None


def flag_bits(layout: Layout, values: FloatArray) -> tuple[FloatArray, BoolArray, str]:
    """Return pen flags as 0 and 1, where they are good, and what good ones are."""
    if _known(layout.name(Role.PEN)) in _BITS:
        if values.min(initial=0) == -1 and values.max(initial=0) <= 0:
            values = np.ones_like(values)  # a browser's move events: -1 is "no change", 0 the tip of the pen
        good = (values >= 0) & (values <= 255) & (values == np.floor(values))
        return np.where(good, values % 2, 0), good, "a whole number from 0 to 255"
    return values, np.isin(values, (0, 1)), "0 or 1"


def _one_of(role: Role, indices: Sequence[int], names: Sequence[str], where: str) -> int:
    """Return the column to take of those with the same role."""
    for wanted in ("time_ms", *sorted(_PREFERRED)):
        named = [index for index in indices if _known(names[index]) == wanted]
        if len(named) == 1:
            return named[0]
    if len(indices) == 1:
        return indices[0]
    twice = [names[index] for index in indices]
    same = len({name.strip().lower() for name in twice}) == 1
    raise FormatError(
        where + ("a column stands twice" if same else f"{len(twice)} columns of {role}"),
        expected="x,y,time_ms and optionally pressure,pen_down, each once",
        received=listed(twice[:1] if same else twice),
        hint="Keep one of them",
    )


def _unit_ms(name: str) -> float:
    found = _TIME.fullmatch(_known(name))
    unit = found and (found[1] or found[2])
    return _MS[unit[0]] if unit else 1.0


def _ink(
    layout: Layout, columns: Mapping[Role, FloatArray], pressure: FloatArray | None, starts: BoolArray | None
) -> BoolArray:
    """Return `(n,)` bool, from the best that says where the pen was down."""
    if Role.PEN in columns:
        flags = columns[Role.PEN] == 1
        ink = flags if _known(layout.name(Role.PEN)) in _FLAGS else _ink_of_status(flags)
    elif pressure is not None and starts is None:
        ink = ink_from_touch(touch_from_pressure(pressure))
    else:
        ink = np.ones(len(columns[Role.X]), np.bool_)
    if Role.STROKE in columns:
        stroke = columns[Role.STROKE]
        ink = ink & np.concatenate([[False], stroke[1:] == stroke[:-1]])
    return ink & ~starts if starts is not None else ink.copy()


def _ink_of_status(touching: BoolArray) -> BoolArray:
    """Return ink, where a status says touch or, as in SVC2004, is 0 on the first sample of each stroke."""
    up = np.flatnonzero(~touching)
    # Devices with hover report more than one sample of it, those with an event of lifting begin with touch.
    first_samples = len(up) > 0 and up[0] == 0 and touching[-1] and (np.diff(up) > 1).all()
    return touching if first_samples else ink_from_touch(touching)
