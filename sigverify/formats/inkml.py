"""InkML `.inkml`: traces of points in XML, whose channels a `<traceFormat>` names.

Source: W3C, Ink Markup Language (InkML), Recommendation of 2011-09-20.

A `<trace>` is a stroke, one of type `penUp` is hover. Traces within `<definitions>` are no ink by themselves;
views of traces are not followed.

Values of a channel count its `units`; where that is none, `dev`, or the channel is of whole numbers, they
count what the source's resolution says (`1000`, `1/cm`), as Microsoft Office writes it. Time is that of
channel T, in ms where it says no unit; without T that of `timeOffset` and a uniform sampling rate.
"""

import html
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from sigverify.arrays import BoolArray, FloatArray
from sigverify.errors import FormatError
from sigverify.formats.channel import Channel, Quantity
from sigverify.formats.decimal_text import decimal_text
from sigverify.formats.format import Format
from sigverify.formats.inkml_document import QUANTITIES, Axis, Document, Trace, points_in
from sigverify.formats.losses import Loss
from sigverify.formats.notes import NoteKind, Notes, listed
from sigverify.formats.pen_lift import ink_from_touch, runs_of_ink
from sigverify.formats.pressure import whole_pressure, without_negative
from sigverify.formats.recording import Recording
from sigverify.formats.table import check_row_count
from sigverify.formats.xml_tree import local_name, parse_xml
from sigverify.modality.pen.signature import TIME_UNITS, Signature

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

NAME: Final = "inkml"
_TRACES: Final = "traces"
"""A fact that is counted anew whenever it is read, and so never lost."""
NAMESPACE: Final = "http://www.w3.org/2003/InkML"
_LOOKED_AT: Final = 4096
_TYPES: Final = ("penUp", "penDown")
_ROOT: Final = re.compile(
    rb"(?>\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>)*+<(?:[\w.-]+:)?ink[\s/>]", re.DOTALL
)
_NAMES: Final = {quantity: name for name, quantity in QUANTITIES.items()}
_STRUCTURE: Final = frozenset(
    {
        "ink", "definitions", "context", "inkSource", "traceFormat", "intermittentChannels", "channel",
        "trace", "traceGroup", "channelProperties", "channelProperty", "sampleRate", "timestamp",
    }
)  # fmt: skip
"""Elements that are understood, or say nothing about a signature; what else there is, is noted."""


def recognizes(data: bytes) -> bool:
    """Tell content of this format by its first element.

    >>> recognizes(b'<?xml version="1.0"?><ink>'), recognizes(b"<svg><ink/></svg>")
    (True, False)
    """
    return data.lstrip()[:1] == b"<" and _ROOT.match(data[:_LOOKED_AT]) is not None


def decode(data: bytes, notes: Notes | None = None) -> Recording:
    """Read one signature: all traces of the file.

    Raises:
        FormatError: not InkML, or traces that are no numbers.
        InvalidSignature: more samples than a signature may have.
    """
    notes = notes or Notes()
    root = parse_xml(data, "InkML")
    if local_name(root) != "ink":
        raise FormatError("not InkML", expected="<ink>", received=f"<{listed([local_name(root)])}>")
    document = Document(root)
    found = list(document.traces())
    check_row_count(sum(points_in(trace) for trace, _ in found))
    traces = [document.read(trace, context, number) for number, (trace, context) in enumerate(found, 1)]
    traces = [trace for trace in traces if len(trace.points)]
    if not traces:
        raise FormatError("no trace with points", expected="<trace>x y, x y, …</trace>")
    _note_ignored(root, traces, notes)
    return _recording(traces, document.device, notes)


def _note_ignored(root: "Element", traces: Sequence[Trace], notes: Notes) -> None:
    """Note channels that are not used, or not of all traces, and elements that are not followed."""
    used = _common(traces)
    channels = dict.fromkeys(
        axis.name for trace in traces for axis in trace.axes if axis.quantity not in used
    )
    elements = dict.fromkeys(
        local_name(element) for element in root.iter() if local_name(element) not in _STRUCTURE
    )
    if ignored := [*channels, *elements]:
        notes.add(NoteKind.IGNORED, *(name or "a channel without a name" for name in ignored))


def _common(traces: Sequence[Trace]) -> list[Quantity]:
    """Return what all traces say, in the order of the first."""
    found = [[axis.quantity for axis in trace.axes if axis.quantity] for trace in traces]
    return [quantity for quantity in found[0] if all(quantity in each for each in found)]


def _recording(traces: Sequence[Trace], device: str, notes: Notes) -> Recording:
    ink = _ink(traces)
    channels: dict[Quantity, Channel] = {}
    for quantity in _common(traces):
        values = _values(traces, quantity, notes)
        if values is None:
            continue
        if quantity == Quantity.PRESSURE:
            values, ink = without_negative(values, ink, notes)
        if quantity == Quantity.TIP:
            ink = ink & ink_from_touch(values != 0)
        channels[quantity] = _channel(values, _agreed(traces, quantity))
    rates = {trace.rate_hz for trace in traces}
    rate_hz = rates.pop() if len(rates) == 1 else None
    if (time := _time(traces, channels.get(Quantity.TIME), rate_hz)) is not None:
        channels[Quantity.TIME] = time
    elif rate_hz and len(traces) > 1:
        notes.add(NoteKind.LIFTS_UNTIMED)
    return Recording(
        format=NAME,
        channels=channels,
        ink=ink,
        rate_hz=rate_hz,
        device=device,
        facts={_TRACES: len(traces)},
    )


def _values(traces: Sequence[Trace], quantity: Quantity, notes: Notes) -> FloatArray | None:
    """Return `(n,)`, one quantity of all traces; None where it has gaps and can be done without.

    Raises:
        FormatError: a sample without position or time.
    """
    values = np.concatenate([trace.column(quantity) for trace in traces])
    if quantity == Quantity.PRESSURE:
        return whole_pressure(values, notes)
    if not np.isnan(values).any():
        return values
    if quantity in (Quantity.X, Quantity.Y, Quantity.TIME):
        raise FormatError(f"samples without {quantity}", expected="x, y and time of every sample")
    notes.add(NoteKind.IGNORED, quantity.value)
    return None


def _agreed(traces: Sequence[Trace], quantity: Quantity) -> Axis:
    """Return how all traces count a quantity.

    Raises:
        FormatError: they count differently.
    """
    axes = [next(axis for axis in trace.axes if axis.quantity == quantity) for trace in traces]
    if any((axis.unit, axis.per_unit) != (axes[0].unit, axes[0].per_unit) for axis in axes):
        raise FormatError(f"traces that count {quantity} differently", expected="one unit in all traces")
    return axes[0]


def _channel(values: FloatArray, axis: Axis) -> Channel:
    if axis.backward:
        return Channel(values, axis.unit, axis.per_unit)
    return Channel(values, axis.unit, axis.per_unit, axis.low, axis.high)


def _ink(traces: Sequence[Trace]) -> BoolArray:
    """Return `(n,)` bool: a trace is a stroke of its own unless it says that it goes on."""
    parts = []
    for place, trace in enumerate(traces):
        part = np.full(len(trace.points), trace.down)
        part[0] = trace.down and trace.goes_on and place > 0 and traces[place - 1].down
        parts.append(part)
    return np.concatenate(parts)


def _time(traces: Sequence[Trace], time: Channel | None, rate_hz: float | None) -> Channel | None:
    """Return when the samples were taken; None where the file does not say."""
    offsets = [trace.offset_ms for trace in traces if trace.offset_ms is not None]
    if len(offsets) < len(traces):
        return time
    lengths = [len(trace.points) for trace in traces]
    starts = np.repeat(offsets, lengths)
    if time is not None:
        # Where every trace begins at zero, its times are from its own start.
        restarts = len(traces) > 1 and all(trace.column(Quantity.TIME)[0] == 0 for trace in traces)
        if not restarts:
            return time
        per_ms = time.per_unit / TIME_UNITS.get(time.unit, 1.0)
        return Channel(time.values + starts * per_ms, time.unit, time.per_unit)
    if rate_hz is None:
        return None
    within = np.concatenate([np.arange(length) for length in lengths])
    return Channel(starts + within * (1000 / rate_hz), "ms")


def encode(recorded: Recording | Signature) -> bytes:
    """Write one signature so that `decode` gives back the same channels, units and ink.

    >>> lines = encode(Signature(range(8), range(8), range(8))).decode().splitlines()
    >>> lines[-2].strip()
    '<trace contextRef="#context" type="penDown">0 0 0,1 1 1,2 2 2,3 3 3,4 4 4,5 5 5,6 6 6,7 7 7</trace>'
    """
    recording = Recording.of(recorded)
    channels = {_NAMES[quantity]: each for quantity, each in recording.channels.items() if quantity in _NAMES}
    columns = [[decimal_text(value) for value in each.values.tolist()] for each in channels.values()]
    points = [" ".join(row) for row in zip(*columns, strict=True)]
    traces = [
        f'  <trace contextRef="#context" type="{_TYPES[down]}">{",".join(points[run])}</trace>'
        for run, down in runs_of_ink(recording.ink)
    ]
    return "\n".join([*_head(recording, channels), *traces, "</ink>", ""]).encode()


def _head(recording: Recording, channels: Mapping[str, Channel]) -> list[str]:
    """Return the lines before the traces: what the channels are, and the device."""
    model = "".join(character for character in recording.device if character.isprintable())
    rate = (
        f'        <sampleRate uniform="true" value="{decimal_text(recording.rate_hz)}"/>'
        if recording.rate_hz
        else ""
    )
    return [
        line
        for line in [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<ink xmlns="{NAMESPACE}">',
            "  <definitions>",
            '    <context xml:id="context">',
            f'      <inkSource xml:id="source"{f" model={_quoted(model)}" if model else ""}>',
            rate,
            "        <traceFormat>",
            *(f"          {_channel_element(name, each)}" for name, each in channels.items()),
            "        </traceFormat>",
            "        <channelProperties>",
            *(
                f'          <channelProperty channel="{name}" name="resolution"'
                f' value="{decimal_text(each.per_unit)}" units={_quoted("1/" + each.unit)}/>'
                for name, each in channels.items()
                if each.unit and each.per_unit != 1
            ),
            "        </channelProperties>",
            "      </inkSource>",
            "    </context>",
            "  </definitions>",
        ]
        if line
    ]


def _channel_element(name: str, channel: Channel) -> str:
    unit = channel.unit if channel.per_unit == 1 and channel.unit else "dev"
    bounds = [
        f' {key}="{decimal_text(value)}"'
        for key, value in (("min", channel.low), ("max", channel.high))
        if value is not None
    ]
    return f'<channel name="{name}" type="decimal"{"".join(bounds)} units={_quoted(unit)}/>'


def _quoted(text: str) -> str:
    return f'"{html.escape(text)}"'


FORMAT: Final = Format(
    name=NAME,
    title="InkML",
    suffixes=(".inkml",),
    specification="W3C, Ink Markup Language (InkML), Recommendation of 2011-09-20",
    begins='"<ink" (InkML)',
    recognizes=recognizes,
    decode=decode,
    encode=encode,
    keeps=frozenset(_NAMES),
    loses=(Loss("facts", lambda recording: bool(set(recording.facts) - {_TRACES})),),
    sure=True,
)
