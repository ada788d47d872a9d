"""Wacom's Universal Ink Model `.uim`, versions 3.0.0 and 3.1.0: what the sensors said of each stroke.

Source: Wacom, "Universal Ink Model", documentation and universal-ink-library 2.1 (Apache-2.0), whose messages
these are. That library needs protobuf below 4, which no current TensorFlow runs with, so that it is not used.

A file is RIFF of the kind `UINK`. In 3.1.0 the chunk `INPT` is the message `InputData`, in 3.0.0 the chunk
`DATA` holds it as field 1. Each of its `SensorData` is a stroke, or hover by its state: of each channel the
first value and the steps from one to the next, counted `resolution * 10**precision` to the unit of its metric
(m, s, N, rad). Stamps begin with that of the stroke. What is drawn, its brushes and its meaning are not read.
Applications that know no resolution write 1, which is no length of a pen's: the unit is unknown then.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, FloatArray
from sigverify.errors import FormatError
from sigverify.formats.channel import Channel, Quantity
from sigverify.formats.format import Format
from sigverify.formats.notes import NoteKind, Notes
from sigverify.formats.pressure import without_negative
from sigverify.formats.protobuf_wire import Message
from sigverify.formats.recording import Recording
from sigverify.formats.table import check_row_count

NAME: Final = "uim"
VERSIONS: Final = ((3, 0, 0), (3, 1, 0))
MAX_INPUT: Final = 2**23
"""Bytes of the input data; 100,000 samples of ten channels take three million."""
MAX_PRECISION: Final = 30
_PREFIX: Final = b"will://input/3.0/channel/"
_QUANTITIES: Final = {
    b"X": Quantity.X,
    b"Y": Quantity.Y,
    b"Z": Quantity.Z,
    b"Timestamp": Quantity.TIME,
    b"Pressure": Quantity.PRESSURE,
    b"Azimuth": Quantity.AZIMUTH,
    b"Altitude": Quantity.ALTITUDE,
    b"Rotation": Quantity.ROTATION,
}
_UNITS: Final = (("mm", 1e-3), ("s", 1.0), ("N", 1.0), ("deg", math.pi / 180), ("", 1.0))
"""By metric: the unit here, and how many of the file's make one of it; other metrics have the last."""
LEAST_PER_MM: Final = 1.0
_HOVERING: Final = (1, 3)


@dataclass(frozen=True)
class _Axis:
    """A sensor channel: what it measures, and how it counts."""

    name: str
    quantity: Quantity | None
    unit: str
    per_unit: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class _Stroke:
    """What the sensors said of one stroke, `(n,)` each."""

    values: dict[_Axis, FloatArray]
    down: bool

    def __len__(self) -> int:
        return len(next(iter(self.values.values()), ()))


def recognizes(data: bytes) -> bool:
    r"""Tell content of this format by its first bytes.

    >>> recognizes(b"RIFF\x24\0\0\0UINKHEAD"), recognizes(b"RIFF\x24\0\0\0WEBPVP8 ")
    (True, False)
    """
    return data[:4] == b"RIFF" and data[8:12] == b"UINK"


def decode(data: bytes, notes: Notes | None = None) -> Recording:
    """Read one signature: all strokes of the file.

    Raises:
        FormatError: not this format, damaged, compressed, or a drawing without sensor data.
        InvalidSignature: more samples than a signature may have.
    """
    notes = notes or Notes()
    version, message = _input_data(data)
    if len(message) > MAX_INPUT:
        raise FormatError("more sensor data than a signature has", expected=f"at most {MAX_INPUT} bytes")
    fields = Message.parse(message)
    configuration = fields.message(1)
    strokes = _strokes(fields, _contexts(configuration))
    if not strokes:
        raise FormatError(
            "a drawing without sensor data",
            expected="what the pen measured, sample by sample",
            hint="Have the application keep sensor data in the file: how the pen moved is what is compared",
        )
    return _recording(strokes, configuration, version, notes)


def _input_data(data: bytes) -> tuple[str, bytes]:
    """Return the version, and the message `InputData`; empty where the file has none."""
    if not recognizes(data) or data[12:16] != b"HEAD" or len(data) < 24:
        raise FormatError("not a file of the Universal Ink Model", expected='"RIFF", "UINK" and "HEAD"')
    size, version = int.from_bytes(data[16:20], "little"), tuple(data[20:23])
    if version not in VERSIONS:
        raise FormatError(
            "an unknown version of the Universal Ink Model",
            expected=" or ".join(".".join(map(str, each)) for each in VERSIONS),
            received=".".join(map(str, version)),
        )
    name = ".".join(map(str, version))
    if version == VERSIONS[0]:
        whole = _chunks(data, 20 + size + size % 2).get(b"DATA", b"")
        return name, Message.parse(whole).content(1)
    chunks = _chunks(data, 20 + size)
    place = list(chunks).index(b"INPT") if b"INPT" in chunks else -1
    described = data[24 + 8 * place : 32 + 8 * place] if place >= 0 else b"\3\1\0\1\0"
    if described[3:4] != b"\1" or described[4:5] != b"\0":
        raise FormatError("sensor data that is compressed, or no Protocol Buffers", expected="neither")
    return name, chunks.get(b"INPT", b"")


def _chunks(data: bytes, at: int) -> dict[bytes, bytes]:
    """Return the content of the chunks by their names, in their order.

    Raises:
        FormatError: one ends behind the file.
    """
    found: dict[bytes, bytes] = {}
    while at + 8 <= len(data) and len(found) < 16:
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if size > len(data) - at - 8:
            raise FormatError("the file is truncated", expected="whole chunks", hint="Copy the file again")
        found[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


def _contexts(configuration: Message) -> dict[bytes, dict[bytes, _Axis]]:
    """Return the channels by the input context that strokes refer to, each by its own id."""
    sensors = {
        sensor.content(1): {
            channel.content(1): _axis(channel)
            for group in sensor.messages(2)
            for channel in group.messages(2)
        }
        for sensor in configuration.messages(5)
    }
    return {each.content(1): sensors.get(each.content(3), {}) for each in configuration.messages(1)}


def _axis(channel: Message) -> _Axis:
    name = channel.content(2).removeprefix(_PREFIX)
    metric, precision = channel.integer(3), channel.integer(7)
    unit, factor = _UNITS[min(metric, len(_UNITS) - 1)]
    counts = channel.real(4) * 10.0 ** min(precision, MAX_PRECISION)
    if not 0 < counts < math.inf:
        unit, factor, counts = "", 1.0, 1.0
    if unit == "mm" and counts * factor < LEAST_PER_MM:
        unit, factor = "", 1.0
    low, high = channel.real(5), channel.real(6)
    bounded = low < high
    return _Axis(
        name.decode("utf-8", "replace"),
        _QUANTITIES.get(name),
        unit,
        counts * factor,
        low * counts if bounded else None,
        high * counts if bounded else None,
    )


def _strokes(fields: Message, contexts: dict[bytes, dict[bytes, _Axis]]) -> list[_Stroke]:
    """Return what the sensors said, stroke by stroke."""
    strokes = []
    count = 0
    for number, each in enumerate(fields.messages(2), 1):
        stroke = _stroke(each, contexts.get(each.content(2), {}), number)
        count += len(stroke)
        check_row_count(count)
        if len(stroke):
            strokes.append(stroke)
    return strokes


def _stroke(sensor_data: Message, axes: dict[bytes, _Axis], number: int) -> _Stroke:
    values = {}
    for channel in sensor_data.messages(5):
        axis = axes.get(channel.content(1))
        steps = channel.signed_integers(2)
        if axis is None:
            raise FormatError(f"stroke {number}: a channel that is described nowhere")
        if len(steps):
            start = sensor_data.integer(4) if axis.quantity == Quantity.TIME else 0
            values[axis] = start + np.cumsum(steps)
    if len({len(each) for each in values.values()}) > 1:
        raise FormatError(f"stroke {number}: channels of different lengths")
    return _Stroke(values, sensor_data.integer(3) not in _HOVERING)


def _recording(strokes: Sequence[_Stroke], configuration: Message, version: str, notes: Notes) -> Recording:
    ink = _ink(strokes)
    common = [axis for axis in strokes[0].values if all(axis in each.values for each in strokes)]
    channels = {}
    for axis in common:
        if axis.quantity is not None:
            values = np.concatenate([each.values[axis] for each in strokes])
            if axis.quantity == Quantity.PRESSURE:
                values, ink = without_negative(values, ink, notes)
            channels[axis.quantity] = Channel(values, _unit(axis, notes), axis.per_unit, axis.low, axis.high)
    others = {axis.name: None for each in strokes for axis in each.values if axis.quantity not in channels}
    if others:
        notes.add(NoteKind.IGNORED, *others)
    return Recording(
        format=NAME,
        channels=channels,
        ink=ink,
        rate_hz=_rate_hz(configuration),
        device=_device(configuration),
        facts={"version": version},
    )


def _unit(axis: _Axis, notes: Notes) -> str:
    if axis.quantity != Quantity.TIME or axis.unit == "s":
        return axis.unit
    notes.add(NoteKind.TIME_ASSUMED, axis.name)
    return "ms"


def _ink(strokes: Sequence[_Stroke]) -> BoolArray:
    parts = [np.full(len(each), each.down) for each in strokes]
    for part in parts:
        part[0] = False
    return np.concatenate(parts)


def _rate_hz(configuration: Message) -> float | None:
    """Return the first rate that the sensors hint at; 3.0.0 wraps it into a message."""
    for sensor in configuration.messages(5):
        for group in sensor.messages(2):
            if rate := group.integer(3) or group.message(3).integer(1):
                return float(rate)
    return None


def _device(configuration: Message) -> str:
    said = {
        each.content(1): each.content(2).decode("utf-8", "replace")
        for device in configuration.messages(3)
        for each in device.messages(2)
    }
    return " ".join(said[name] for name in (b"dev.manufacturer", b"dev.model") if said.get(name))


FORMAT: Final = Format(
    name=NAME,
    title="Universal Ink Model (UIM)",
    suffixes=(".uim",),
    specification="https://developer-docs.wacom.com/sdk-for-ink/docs/model, versions 3.0.0 and 3.1.0",
    begins='"RIFF" and "UINK" (UIM)',
    recognizes=recognizes,
    decode=decode,
    binary=True,
)
