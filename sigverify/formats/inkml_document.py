"""`Document`: the elements of an InkML file, and what they say of each trace.

Contexts, trace formats and ink sources are followed where they are referred to, contexts also in the order in
which they stand (streaming); where nothing refers to the only trace format of a file, it is meant.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.errors import FormatError
from sigverify.formats.channel import Quantity
from sigverify.formats.inkml_trace import trace_points
from sigverify.formats.notes import listed
from sigverify.formats.xml_tree import local_name

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_CHANNELS: Final = 64
MAX_REFERENCES: Final = 16
"""Contexts that refer to each other, in a row; more are a circle."""
_XML_ID: Final = "{http://www.w3.org/XML/1998/namespace}id"
QUANTITIES: Final = {
    "X": Quantity.X,
    "Y": Quantity.Y,
    "Z": Quantity.Z,
    "T": Quantity.TIME,
    "F": Quantity.PRESSURE,
    "S": Quantity.TIP,
    "OTx": Quantity.X_TILT,
    "OTy": Quantity.Y_TILT,
    "OA": Quantity.AZIMUTH,
    "OE": Quantity.ALTITUDE,
    "OR": Quantity.ROTATION,
}
_UNITS: Final = {
    "m": ("mm", 1e-3),
    "cm": ("mm", 0.1),
    "mm": ("mm", 1.0),
    "in": ("mm", 1 / 25.4),
    "pt": ("mm", 72 / 25.4),
    "pc": ("mm", 6 / 25.4),
    "himetric": ("mm", 100.0),
    "s": ("s", 1.0),
    "ms": ("ms", 1.0),
    "us": ("us", 1.0),
    "µs": ("us", 1.0),
    "ns": ("ns", 1.0),
    "deg": ("deg", 1.0),
    "degree": ("deg", 1.0),
    "rad": ("deg", math.pi / 180),
    "N": ("N", 1.0),
}
"""The unit that a channel is given in here, and how many of the file's make one of it."""
_DEVICE: Final = ("", "dev")


@dataclass(frozen=True)
class _Source:
    """What an `<inkSource>` says: counts a unit by channel, samples a second, and the device."""

    resolutions: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    rate_hz: float | None = None
    device: str = ""


@dataclass(frozen=True)
class Axis:
    """One channel of a trace format; `default` is None of a regular one, `quantity` where it is not used."""

    name: str
    quantity: Quantity | None = None
    unit: str = ""
    per_unit: float = 1.0
    low: float | None = None
    high: float | None = None
    backward: bool = False
    default: float | None = None


@dataclass(frozen=True)
class _Context:
    """What holds for a trace; None where nothing was said."""

    layout: "Element | None" = None
    source: "Element | None" = None


@dataclass(frozen=True)
class Trace:
    """One trace, read: `points` `(n, k)`, a column an axis."""

    points: FloatArray
    axes: tuple[Axis, ...]
    rate_hz: float | None
    offset_ms: float | None
    down: bool
    goes_on: bool

    def column(self, quantity: Quantity) -> FloatArray:
        """Return the values of one quantity, `(n,)`."""
        index = next(place for place, axis in enumerate(self.axes) if axis.quantity == quantity)
        return self.points[:, index]


class Document:
    """The elements of a file, and what refers to what."""

    def __init__(self, root: "Element") -> None:
        """Find what can be referred to."""
        self.root = root
        everything = list(root.iter())
        self.by_id = {
            name: element for element in everything if (name := element.get(_XML_ID) or element.get("id"))
        }
        self.only = _Context(_only(everything, "traceFormat"), _only(everything, "inkSource"))
        self.axes: dict[tuple[int, int], tuple[Axis, ...]] = {}
        self.sources: dict[int, _Source] = {}
        self.device = ""

    def traces(self) -> Iterator[tuple["Element", _Context]]:
        """Yield the traces in their order, each with what holds for it."""
        yield from self._within(self.root, _Context())

    def _within(self, parent: "Element", context: _Context) -> Iterator[tuple["Element", _Context]]:
        for element in parent:
            match local_name(element):
                case "context":
                    context = self._with(element, context)
                case "traceGroup":
                    yield from self._within(element, self._with(element, context))
                case "trace":
                    yield element, self._with(element, context)

    def _with(self, element: "Element", context: _Context, steps: int = 0) -> _Context:
        """Return the context of an element: its own, of those that it refers to, of what stands around it."""
        if steps > MAX_REFERENCES:
            raise FormatError("contexts refer to each other in a circle")
        referred = self._referred(element, "contextRef")
        if referred is not None:
            context = self._with(referred, context, steps + 1)
        layout = _child(element, "traceFormat", self._referred(element, "traceFormatRef"))
        source = _child(element, "inkSource", self._referred(element, "inkSourceRef"))
        if layout is None and source is not None:
            layout = _child(source, "traceFormat", None)
        return _Context(
            context.layout if layout is None else layout, context.source if source is None else source
        )

    def _referred(self, element: "Element", attribute: str) -> "Element | None":
        """Return what an attribute points to; None for what is not in the file, such as `#DefaultContext`."""
        return self.by_id.get(element.get(attribute, "").removeprefix("#"))

    def read(self, trace: "Element", context: _Context, number: int) -> Trace:
        """Read the points of a trace."""
        source = self._source(self.only.source if context.source is None else context.source)
        axes = self._axes(self.only.layout if context.layout is None else context.layout, source)
        points = trace_points(trace.text or "", [axis.default for axis in axes], f"trace {number}, ")
        backward = np.array([-1.0 if axis.backward else 1.0 for axis in axes])
        self.device = self.device or source.device
        return Trace(
            points * backward,
            axes,
            source.rate_hz,
            _number(trace.get("timeOffset")),
            trace.get("type") != "penUp",
            trace.get("continuation") in ("middle", "end"),
        )

    def _source(self, element: "Element | None") -> _Source:
        if element is None:
            return _Source()
        if id(element) not in self.sources:
            self.sources[id(element)] = _source_of(element)
        return self.sources[id(element)]

    def _axes(self, layout: "Element | None", source: _Source) -> tuple[Axis, ...]:
        key = (id(layout), id(source))
        if key not in self.axes:
            self.axes[key] = _axes_of(layout, source)
        return self.axes[key]


def _only(elements: Sequence["Element"], name: str) -> "Element | None":
    """Return the only element of that name, None where there are more."""
    found = [element for element in elements if local_name(element) == name]
    return found[0] if len(found) == 1 else None


def _child(element: "Element", name: str, otherwise: "Element | None") -> "Element | None":
    return next((child for child in element if local_name(child) == name), otherwise)


def points_in(trace: "Element") -> int:
    """Count the points of a trace before they are read."""
    text = (trace.text or "").strip().removesuffix(",")
    return text.count(",") + 1 if text else 0


def _source_of(element: "Element") -> _Source:
    resolutions = {}
    rate_hz = None
    for child in element.iter():
        if local_name(child) == "channelProperty" and child.get("name") == "resolution":
            value, unit = _number(child.get("value")), child.get("units", "")
            if value is not None and value > 0 and unit.startswith("1/"):
                resolutions[child.get("channel", "")] = (value, unit.removeprefix("1/"))
        elif local_name(child) == "sampleRate" and child.get("uniform", "true") in ("true", "1"):
            rate_hz = _number(child.get("value"))
    device = " ".join(filter(None, (element.get("manufacturer"), element.get("model"))))
    return _Source(resolutions, rate_hz if rate_hz is not None and rate_hz > 0 else None, device)


def _axes_of(layout: "Element | None", source: _Source) -> tuple[Axis, ...]:
    """Return the channels of a trace format, regular ones first; x and y where there is none."""
    if layout is None:
        return (Axis("X", Quantity.X), Axis("Y", Quantity.Y))
    regular = [child for child in layout if local_name(child) == "channel"]
    others = [child for group in layout if local_name(group) == "intermittentChannels" for child in group]
    if len(regular) + len(others) > MAX_CHANNELS:
        raise FormatError("too many channels", expected=f"at most {MAX_CHANNELS}")
    axes = (
        *(_axis(channel, source, None) for channel in regular),
        *(
            _axis(channel, source, _default(channel))
            for channel in others
            if local_name(channel) == "channel"
        ),
    )
    names = [axis.name for axis in axes]
    if not {"X", "Y"}.issubset(names) or len(set(names)) < len(names):
        raise FormatError("a trace format without x and y, or a channel twice", received=listed(names))
    return axes


def _axis(channel: "Element", source: _Source, default: float | None) -> Axis:
    name = channel.get("name", "")
    quantity = QUANTITIES.get(name)
    units = channel.get("units", "")
    if name in source.resolutions and (units in _DEVICE or channel.get("type") == "integer"):
        counts, units = source.resolutions[name]
    else:
        counts = 1.0
    unit, factor = _UNITS.get(units, ("" if units in _DEVICE else units, 1.0))
    if quantity == Quantity.TIME and not unit:
        unit = "ms"
    return Axis(
        name,
        quantity,
        unit,
        counts * factor,
        _number(channel.get("min")),
        _number(channel.get("max")),
        quantity in (Quantity.X, Quantity.Y, Quantity.Z) and channel.get("orientation") == "-ve",
        default,
    )


def _default(channel: "Element") -> float:
    text = channel.get("default", "")
    return float(text == "T") if text in ("T", "F") else _number(text) or 0.0


def _number(text: str | None) -> float | None:
    """Return what an attribute says; None where it is no finite number."""
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
