"""SVG: the strokes that pads draw as paths; with time where it is written beside them.

What pads export (signature_pad's `toSVG()`, jSignature's svg, android-signaturepad's `getSignatureSvg()`,
hand_signature's lines) says where the pen went and not when. The ends of lines and curves are the samples; a
path that begins where the one before ended goes on with its stroke, as signature_pad writes a path a curve.

Time is read from `data-time` beside a path or polyline: milliseconds, one number for each of its points
(`data-times`, `data-t` and `data-timestamps`, too), and pressure in the same way from `data-pressure`. This
is also what is written: a drawing that any browser shows and that keeps the signature. `data-pen="up"` marks
hover. SMIL animations are not read: they say when a stroke begins and ends, not when its points were.

Outlines (closed or filled shapes without a line, as hand_signature's "shape") are not the way of a pen, and
are left out. Nothing is fetched and no script is run; entities are refused.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.errors import FormatError
from sigverify.formats.channel import Channel, Quantity
from sigverify.formats.format import Format
from sigverify.formats.losses import DEVICE_AND_FACTS, units_and_ranges
from sigverify.formats.notes import NoteKind, Notes
from sigverify.formats.recording import Recording
from sigverify.formats.strokes import starts_of
from sigverify.formats.svg_path import IDENTITY, Matrix, Point, affine, moved, numbers_of, vertices, within
from sigverify.formats.table import check_row_count
from sigverify.formats.text_encoding import to_utf8
from sigverify.formats.xml_tree import local_name, parse_xml
from sigverify.modality.pen.signature import Signature

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

NAME: Final = "svg"
PRESSURES: Final = ("data-pressure",)
TIMES: Final = ("data-time", "data-times", "data-t", "data-timestamps")
_LOOKED_AT: Final = 4096
_ROOT: Final = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*|<!--(?:(?!-->).)*-->\s*|<!DOCTYPE\s[^>[]*>\s*)*<(?:\w+:)?svg[\s/>]", re.DOTALL
)
_HOLDERS: Final = frozenset({"svg", "g", "a", "switch"})
_UNDRAWN: Final = frozenset({"title", "desc", "metadata", "defs", "style", "script", "rect"})
"""What is no stroke, and nothing to speak of: a rectangle is the background."""
_INHERITED: Final = ("stroke", "fill")


@dataclass(frozen=True, kw_only=True)
class _Style:
    """What an element takes from those around it."""

    matrix: Matrix = IDENTITY
    paint: Mapping[str, str] = field(default_factory=dict)

    def of(self, element: "Element") -> "_Style":
        """Return the style of an element within."""
        declared = {}
        if "style" in element.attrib:
            pairs = (each.partition(":") for each in element.attrib["style"].split(";"))
            declared = {name.strip(): value for name, _, value in pairs}
        told = {name: declared.get(name, element.get(name, "")).strip() for name in _INHERITED}
        paint = {**self.paint, **{name: value for name, value in told.items() if value}}
        transform = element.get("transform")
        return _Style(
            matrix=within(self.matrix, affine(transform)) if transform else self.matrix, paint=paint
        )


@dataclass(frozen=True, kw_only=True)
class _Stroke:
    """One stroke.

    Attributes:
        points: x and y of each.
        time_ms, pressure: as many numbers, which stand beside them; None where they do not.
        hover: whether the pen is up.
        joins: whether it may go on with the stroke before.
    """

    points: list[Point]
    time_ms: list[float] | None
    pressure: list[float] | None
    hover: bool = False
    joins: bool = False


def recognizes(data: bytes) -> bool:
    """Tell SVG by its first element.

    >>> recognizes(b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg">'), recognizes(b"<html>")
    (True, False)
    """
    return _ROOT.match(data[:_LOOKED_AT]) is not None


def decode(data: bytes, notes: Notes | None = None) -> Recording:
    """Read one signature.

    Raises:
        FormatError: not well-formed, with entities, or without a stroke that a pen made.
        InvalidSignature: more samples than a signature may have.
    """
    notes = notes or Notes()
    root = parse_xml(to_utf8(data, notes), "SVG")
    if local_name(root) != "svg":
        raise FormatError("no SVG", expected="an svg element", received=f"an element {local_name(root)}")
    ignored: dict[str, None] = {}
    strokes = _joined(_strokes(root, _Style(), ignored))
    if ignored:
        notes.add(NoteKind.IGNORED, *ignored)
    if not strokes:
        raise FormatError(
            "no strokes in this SVG",
            expected="paths or polylines with a line",
            received=", ".join(ignored) or "nothing drawn",
            hint="Outlines do not say how the pen went: export lines, or the pad's own data",
        )
    return _recording(strokes, notes)


def _recording(strokes: list[_Stroke], notes: Notes) -> Recording:
    points = np.array([point for stroke in strokes for point in stroke.points], np.float64)
    channels = {Quantity.X: Channel(points[:, 0], "px"), Quantity.Y: Channel(points[:, 1], "px")}
    times = [stroke.time_ms for stroke in strokes if stroke.time_ms is not None]
    if len(times) == len(strokes):
        channels[Quantity.TIME] = Channel(np.array(list(chain(*times))), "ms")
    elif times:
        notes.add(NoteKind.IGNORED, "time of some strokes")
    pressures = [stroke.pressure for stroke in strokes if stroke.pressure is not None]
    if len(pressures) == len(strokes):
        channels[Quantity.PRESSURE] = Channel(np.array(list(chain(*pressures))))
    elif pressures:
        notes.add(NoteKind.IGNORED, "pressure of some strokes")
    ink = ~starts_of([len(stroke.points) for stroke in strokes])
    ink &= ~np.concatenate([np.full(len(stroke.points), stroke.hover) for stroke in strokes])
    return Recording(format=NAME, channels=channels, ink=ink)


def _strokes(element: "Element", style: _Style, ignored: dict[str, None]) -> Iterator[_Stroke]:
    style = style.of(element)
    for child in element:
        name = local_name(child)
        if name in _HOLDERS:
            yield from _strokes(child, style, ignored)
        elif (parts := _parts(child, name)) is not None:
            yield from _drawn(child, parts, style.of(child), ignored)
        elif name not in _UNDRAWN:
            ignored[name] = None


def _parts(element: "Element", name: str) -> list[list[Point]] | None:
    """Return the points of each part of what is drawn; None where it is no stroke."""
    match name:
        case "path":
            return vertices(element.get("d", ""))
        case "polyline" | "polygon":
            numbers = numbers_of(element.get("points", ""))
            check_row_count(len(numbers) // 2)
            return [list(zip(numbers[::2], numbers[1::2], strict=False))]  # an odd number more says nothing
        case "line":
            x1, y1, x2, y2 = (_number(element, each) for each in ("x1", "y1", "x2", "y2"))
            return [[(x1, y1), (x2, y2)]]
        case "circle" | "ellipse":
            return [[(_number(element, "cx"), _number(element, "cy"))]]
    return None


def _number(element: "Element", name: str) -> float:
    numbers = numbers_of(element.get(name, "0").removesuffix("px"))
    if len(numbers) != 1:
        raise FormatError(f"{name} is not a number", expected="a number")
    return numbers[0]


def _is_outline(element: "Element", style: _Style) -> bool:
    """Tell a shape that is filled and has no line; where a style sheet speaks of it, nobody knows."""
    name = local_name(element)
    if name not in ("path", "polygon") or element.get("class") or element.get("data-pen"):
        return False
    if style.paint.get("stroke", "none") != "none":
        return False
    closed = name == "polygon" or element.get("d", "").rstrip()[-1:] in ("z", "Z")
    return closed or style.paint.get("fill", "none") != "none"


def _drawn(
    element: "Element", parts: list[list[Point]], style: _Style, ignored: dict[str, None]
) -> Iterator[_Stroke]:
    """Yield the parts with what is written beside them, if it is as many numbers as points."""
    if _is_outline(element, style):
        ignored["outlines"] = None
        return
    ignored |= {local_name(child): None for child in element}
    count = sum(map(len, parts))
    times, pressures = (_beside(element, names, count, ignored) for names in (TIMES, PRESSURES))
    place = 0
    for part in filter(None, parts):
        end = place + len(part)
        yield _Stroke(
            points=part if style.matrix == IDENTITY else [moved(style.matrix, point) for point in part],
            time_ms=None if times is None else times[place:end],
            pressure=None if pressures is None else pressures[place:end],
            hover=element.get("data-pen") == "up",
            joins=local_name(element) == "path",
        )
        place = end


def _beside(
    element: "Element", names: Sequence[str], count: int, ignored: dict[str, None]
) -> list[float] | None:
    text = next((element.attrib[name] for name in names if name in element.attrib), None)
    if text is None:
        return None
    numbers = numbers_of(text)
    if len(numbers) != count:
        ignored[names[0]] = None
        return None
    return numbers


def _joined(strokes: Iterator[_Stroke]) -> list[_Stroke]:
    """Join what goes on where the one before ended: pads write a path for each curve."""
    runs: list[list[_Stroke]] = []
    count = 0
    for stroke in strokes:
        goes_on = bool(runs) and _goes_on(runs[-1][-1], stroke)
        count += len(stroke.points) - goes_on
        check_row_count(count)
        if goes_on:
            runs[-1].append(stroke)
        else:
            runs.append([stroke])
    return [_one(run) for run in runs]


def _goes_on(before: _Stroke, stroke: _Stroke) -> bool:
    """Tell that two are one: with time, the same moment, too."""
    if not (before.joins and stroke.joins) or before.hover or stroke.hover:
        return False
    if min(len(before.points), len(stroke.points)) < 2:
        return False
    if before.time_ms and stroke.time_ms and before.time_ms[-1] != stroke.time_ms[0]:
        return False
    return before.points[-1] == stroke.points[0]


def _one(run: list[_Stroke]) -> _Stroke:
    first, *rest = run
    if not rest:
        return first
    return _Stroke(
        points=[*first.points, *chain(*(stroke.points[1:] for stroke in rest))],
        time_ms=_sewn([stroke.time_ms for stroke in run]),
        pressure=_sewn([stroke.pressure for stroke in run]),
        joins=True,
    )


def _sewn(rows: list[list[float] | None]) -> list[float] | None:
    """Join rows of which each begins with the last number of the one before; None where one is not there."""
    there = [row for row in rows if row is not None]
    return [*there[0], *chain(*(row[1:] for row in there[1:]))] if len(there) == len(rows) else None


def encode(recorded: Recording | Signature) -> bytes:
    """Write a drawing with time and pressure beside its lines; `decode` gives back the same.

    The form cannot say that the way to the very first sample carries ink, which means nothing anyway.
    """
    recording = Recording.of(recorded)
    x, y = recording[Quantity.X], recording[Quantity.Y]
    beside: dict[str, FloatArray] = {}
    if Quantity.TIME in recording.channels or recording.rate_hz:
        beside["data-time"] = recording.time_ms()
    if Quantity.PRESSURE in recording.channels:
        beside["data-pressure"] = recording[Quantity.PRESSURE]
    lines = [_polyline(run, hover, x, y, beside) for run, hover in _runs(recording)]
    return "\n".join([_head(x, y), *lines, "</svg>", ""]).encode("ascii")


def _runs(recording: Recording) -> Iterator[tuple[slice, bool]]:
    """Yield the samples of each stroke, and, as hover, of what lies between without ink."""
    starts = ~recording.ink
    starts[:1] = True
    begins = np.flatnonzero(starts)
    ends = [*begins[1:].tolist(), len(recording)]
    hover_from = None
    for begin, end in zip(begins.tolist(), ends, strict=True):
        if end - begin > 1:
            if hover_from is not None:
                yield slice(hover_from, begin), True
            hover_from = None
            yield slice(begin, end), False
        elif hover_from is None:
            hover_from = begin
    if hover_from is not None:
        yield slice(hover_from, len(recording)), True


def _polyline(run: slice, hover: bool, x: FloatArray, y: FloatArray, beside: Mapping[str, FloatArray]) -> str:
    points = " ".join(
        f"{_shown(a)},{_shown(b)}" for a, b in zip(x[run].tolist(), y[run].tolist(), strict=True)
    )
    up = ' data-pen="up" stroke="none"' if hover else ""
    rows = "".join(
        f' {name}="{" ".join(map(_shown, values[run].tolist()))}"' for name, values in beside.items()
    )
    return f'<polyline{up} points="{points}"{rows}/>'


def _head(x: FloatArray, y: FloatArray) -> str:
    """Return the first element: all that is drawn fits into it, with a margin."""
    left, top, right, bottom = (x.min(), y.min(), x.max(), y.max()) if len(x) else (0.0, 0.0, 1.0, 1.0)
    size = max(right - left, bottom - top) or 1.0
    margin = size / 50
    box = (left - margin, top - margin, right - left + 2 * margin, bottom - top + 2 * margin)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{" ".join(f"{each:.6g}" for each in box)}" '
        f'fill="none" stroke="black" stroke-width="{size / 150:.3g}" stroke-linecap="round" '
        f'stroke-linejoin="round" style="background:#fff">'  # black ink on a dark page would not be seen
    )


def _shown(value: float) -> str:
    return repr(value).removesuffix(".0")


_KEPT: Final = frozenset({Quantity.X, Quantity.Y, Quantity.TIME, Quantity.PRESSURE})
FORMAT: Final = Format(
    name=NAME,
    title="SVG",
    suffixes=(".svg",),
    specification="https://www.w3.org/TR/SVG2/, and docs/formats.md for time",
    begins='"<svg" (SVG)',
    recognizes=recognizes,
    decode=decode,
    encode=encode,
    keeps=_KEPT,
    loses=(units_and_ranges(_KEPT, position="px"), DEVICE_AND_FACTS),
    sure=True,
)
