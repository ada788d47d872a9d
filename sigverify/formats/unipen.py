"""UNIPEN: keywords at the start of lines, and below `.PEN_DOWN` and `.PEN_UP` the points between them.

Source: Guyon et al., "UNIPEN project of on-line data exchange and recognizer benchmarks", ICPR 1994, and the
definition of format 1.0 that was published with it.

`.COORD X Y T P` says what a point has; T is in ms. Without T the time is that of `.POINTS_PER_SECOND`, and of
`.DT`, the milliseconds between two components. `.X_POINTS_PER_MM` and `…_INCH` are resolutions. All points of
a file are one signature: boxes and segments are not told apart. Files that it includes are not opened.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, FloatArray
from sigverify.errors import FormatError
from sigverify.formats.channel import Channel, Quantity
from sigverify.formats.decimal_text import decimal_text
from sigverify.formats.format import Format
from sigverify.formats.losses import Loss
from sigverify.formats.notes import NoteKind, Notes, listed
from sigverify.formats.pen_lift import runs_of_ink
from sigverify.formats.pressure import without_negative
from sigverify.formats.recording import Recording
from sigverify.formats.table import check_row_count, is_number, shown, uniform_lines
from sigverify.modality.pen.signature import MAX_SAMPLES, Signature

NAME: Final = "unipen"
MAX_STATEMENTS: Final = 200_000
"""Keywords of a file: a stroke has two, and a signature has under 100,000 samples."""
MAX_COORDINATES: Final = 32
MM_PER_INCH: Final = 25.4
_STATEMENT: Final = re.compile(rb"(?m)^[ \t]*\.([A-Z][A-Z0-9_]*)(?!\S)")
_POINTS: Final = re.compile(rb"[\r\n][ \t]*\.PEN_(?:DOWN|UP)(?!\S)")
_QUANTITIES: Final = {
    "X": Quantity.X,
    "Y": Quantity.Y,
    "Z": Quantity.Z,
    "T": Quantity.TIME,
    "P": Quantity.PRESSURE,
}
_NAMES: Final = {quantity: name for name, quantity in _QUANTITIES.items()}


@dataclass
class _Pad:
    """What the statements so far said."""

    coordinates: tuple[str, ...] = ()
    rate_hz: float | None = None
    per_mm: dict[str, float] = field(default_factory=dict)
    device: str = ""
    ignored: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True)
class _Component:
    """The points of a `.PEN_DOWN` or `.PEN_UP`, `(n, k)`, and the milliseconds before it, if said."""

    points: FloatArray
    down: bool
    gap_ms: float | None


def recognizes(data: bytes) -> bool:
    r"""Tell content of this format: it begins with a keyword, and has points.

    >>> recognizes(b".VERSION 1.0\n.COORD X Y\n.PEN_DOWN\n1 2"), recognizes(b".VERSION 1.0")
    (True, False)
    """
    return data.lstrip()[:1] == b"." and _POINTS.search(data) is not None


def decode(data: bytes, notes: Notes | None = None) -> Recording:
    """Read one signature: all points of the file.

    Raises:
        FormatError: not this format, or points that are no numbers.
        InvalidSignature: more samples than a signature may have.
    """
    notes = notes or Notes()
    pad = _Pad()
    components = list(_components(uniform_lines(data, notes), pad))
    if not any(len(each.points) for each in components):
        raise FormatError("no points", expected=".PEN_DOWN and x, y below it")
    if pad.ignored:
        notes.add(NoteKind.IGNORED, *pad.ignored)
    points = np.concatenate([each.points for each in components])
    ink = np.concatenate([_ink(each) for each in components])
    channels = {
        _QUANTITIES[name]: _channel(points[:, index], name, pad)
        for index, name in enumerate(pad.coordinates)
        if name in _QUANTITIES
    }
    if (pressure := channels.get(Quantity.PRESSURE)) is not None:
        values, ink = without_negative(pressure.values, ink, notes)
        channels[Quantity.PRESSURE] = Channel(values)
    if Quantity.TIME not in channels and pad.rate_hz:
        channels |= _time(components, pad.rate_hz, notes)
    return Recording(format=NAME, channels=channels, ink=ink, rate_hz=pad.rate_hz, device=pad.device)


def _components(data: bytes, pad: _Pad) -> Iterator[_Component]:
    """Yield what is written and hovered; `pad` learns what the other statements say."""
    gap_ms: float | None = None
    count = 0
    for keyword, body in _statements(data):
        match keyword:
            case "PEN_DOWN" | "PEN_UP":
                points = _points(body, pad, MAX_SAMPLES - count)
                count += len(points)
                yield _Component(points, keyword == "PEN_DOWN", gap_ms)
                gap_ms = None if len(points) else gap_ms
            case "DT":
                gap_ms = (gap_ms or 0.0) + (_number(body) or 0.0)
            case "COORD":
                _take_coordinates(body, pad)
            case _:
                _take(keyword, body, pad)


def _statements(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield keywords without their dot, and the text up to the next one."""
    found = None
    for number, following in enumerate(_STATEMENT.finditer(data)):
        if number > MAX_STATEMENTS:
            raise FormatError("more keywords than a signature has", expected=f"at most {MAX_STATEMENTS}")
        if found is not None:
            yield found[1].decode("ascii"), data[found.end() : following.start()]
        found = following
    if found is not None:
        yield found[1].decode("ascii"), data[found.end() :]


def _take_coordinates(body: bytes, pad: _Pad) -> None:
    names = tuple(body[:1000].decode("latin-1").upper().split())
    if not {"X", "Y"}.issubset(names) or len(set(names)) < len(names) or len(names) > MAX_COORDINATES:
        raise FormatError(".COORD without X and Y, or one twice", received=listed(names))
    if pad.coordinates not in ((), names):
        raise FormatError("coordinates that change within the file", expected="one .COORD")
    pad.coordinates = names
    pad.ignored |= dict.fromkeys(name for name in names if name not in _QUANTITIES)


def _take(keyword: str, body: bytes, pad: _Pad) -> None:
    """Learn what a statement about the pad says; the others are about who wrote what."""
    number = _number(body)
    if keyword == "POINTS_PER_SECOND" and number:
        pad.rate_hz = number
    elif keyword in ("X_POINTS_PER_MM", "Y_POINTS_PER_MM", "Z_POINTS_PER_MM") and number:
        pad.per_mm[keyword[0]] = number
    elif keyword in ("X_POINTS_PER_INCH", "Y_POINTS_PER_INCH", "Z_POINTS_PER_INCH") and number:
        pad.per_mm.setdefault(keyword[0], number / MM_PER_INCH)
    elif keyword == "PAD":
        pad.device = " ".join(body[:200].decode("utf-8", "replace").split())
    elif keyword == "INCLUDE":
        pad.ignored[".INCLUDE"] = None


def _number(body: bytes) -> float | None:
    """Return the first number behind a keyword, where it is one above 0."""
    words = body[:100].split()
    number = float(words[0]) if words and is_number(words[0]) else 0.0
    return number if number > 0 else None


def _points(body: bytes, pad: _Pad, left: int) -> FloatArray:
    """Return `(n, k)` the points of a component.

    Raises:
        FormatError: no `.COORD` before it, text that is no number, or numbers that do not make points.
        InvalidSignature: more than `left` of them.
    """
    width = len(pad.coordinates)
    if not width:
        raise FormatError(
            "points before .COORD says what they are",
            expected=".COORD X Y T P, or fewer of them",
            hint="Included files are not opened: put their lines into this one" if pad.ignored else "",
        )
    cells = [found[0] for found in islice(re.finditer(rb"\S+", body), (left + 1) * width)]
    if len(cells) > left * width:
        check_row_count(MAX_SAMPLES + 1)
    for cell in cells:
        if not is_number(cell):
            raise FormatError("not a number among the points", received=shown(cell))
    if len(cells) % width:
        raise FormatError(
            "numbers that do not make whole points",
            expected=f"{width} each",
            received=f"{len(cells)} numbers",
        )
    return np.array([float(cell) for cell in cells]).reshape(-1, width)


def _ink(component: _Component) -> BoolArray:
    ink = np.full(len(component.points), component.down)
    ink[:1] = False
    return ink


def _channel(values: FloatArray, name: str, pad: _Pad) -> Channel:
    if name == "T":
        return Channel(values, "ms")
    per_mm = pad.per_mm.get(name)
    return Channel(values) if per_mm is None else Channel(values, "mm", per_mm)


def _time(components: Sequence[_Component], rate_hz: float, notes: Notes) -> Mapping[Quantity, Channel]:
    """Return the time of evenly sampled points, with the gaps that the file states; none without gaps."""
    step = 1000 / rate_hz
    filled = [each for each in components if len(each.points)]
    if any(each.down and before.down and each.gap_ms is None for before, each in pairwise(filled)):
        notes.add(NoteKind.LIFTS_UNTIMED)
    if all(each.gap_ms is None for each in filled[1:]):
        return {}
    parts, start = [], 0.0
    for place, each in enumerate(filled):
        start += (each.gap_ms or step) - step if place else 0.0
        parts.append(start + step * np.arange(len(each.points)))
        start = parts[-1][-1] + step
    return {Quantity.TIME: Channel(np.concatenate(parts), "ms")}


def encode(recorded: Recording | Signature) -> bytes:
    r"""Write one signature; hover stands below `.PEN_UP`.

    >>> print(encode(Signature(range(8), range(8), range(8))).decode()[13:47])
    .COORD X Y T
    .PEN_DOWN
    0 0 0
    1 1 1
    """
    recording = Recording.of(recorded)
    channels = {_NAMES[quantity]: each for quantity, each in recording.channels.items() if quantity in _NAMES}
    columns = {name: each.values.tolist() for name, each in channels.items()}
    if "T" in columns:
        columns["T"] = recording.time_ms().tolist()
    points = [" ".join(map(decimal_text, row)) for row in zip(*columns.values(), strict=True)]
    lines = [".VERSION 1.0", f".COORD {' '.join(columns)}"]
    if recording.rate_hz:
        lines.append(f".POINTS_PER_SECOND {decimal_text(recording.rate_hz)}")
    lines += [
        f".{name}_POINTS_PER_MM {decimal_text(each.per_unit)}"
        for name, each in channels.items()
        if name in ("X", "Y", "Z") and each.unit == "mm"
    ]
    if device := " ".join("".join(filter(str.isprintable, recording.device)).split()):
        lines.append(f".PAD {device}")
    for run, down in runs_of_ink(recording.ink):
        lines += [".PEN_DOWN" if down else ".PEN_UP", *points[run]]
    return "\n".join([*lines, ""]).encode()


def _has_other_units(recording: Recording) -> bool:
    """Whether a unit is lost; time is written in milliseconds."""
    return any(
        channel.unit != "" and not (channel.unit == "mm" and _NAMES[quantity] in ("X", "Y", "Z"))
        for quantity, channel in recording.channels.items()
        if quantity in _NAMES and quantity is not Quantity.TIME
    )


def _has_ranges(recording: Recording) -> bool:
    return any(
        (channel.low, channel.high) != (None, None)
        for quantity, channel in recording.channels.items()
        if quantity in _NAMES
    )


FORMAT: Final = Format(
    name=NAME,
    title="UNIPEN",
    suffixes=(".unp", ".dat"),
    specification="Guyon et al., UNIPEN project of on-line data exchange and recognizer benchmarks, 1994",
    begins='".VERSION" or another keyword (UNIPEN)',
    recognizes=recognizes,
    decode=decode,
    encode=encode,
    keeps=frozenset(_NAMES),
    loses=(
        Loss("units other than mm", _has_other_units),
        Loss("ranges", _has_ranges),
        Loss("facts", lambda recording: bool(recording.facts)),
    ),
    sure=True,
)
