"""`Recording`: all that a file says of one signature."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from sigverify.arrays import BoolArray, FloatArray
from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats.channel import Channel, Quantity
from sigverify.formats.notes import Note
from sigverify.modality.pen.signature import TIME_UNITS, Signature


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """What a file held, in the units of the device; `signature` is what the SDK takes.

    Attributes:
        format: the name of the `Format` that it was read as.
        channels: what was measured, by quantity; x and y at least, all of one length `n`.
        ink: `(n,)` bool: the way *to* this sample carries ink; False on hover and on the first sample after
            a lift.
        rate_hz: samples a second, where the file states it; it stands in for stamps that are not there.
        device: what the file says of the device.
        facts: what else the file says, by a name of one word: version, title, writer …
        notes: what was ignored, converted or filled in.

    Raises:
        FormatError: no x or y, or channels of different lengths.
    """

    format: str
    channels: Mapping[Quantity, Channel]
    ink: BoolArray
    rate_hz: float | None = None
    device: str = ""
    facts: Mapping[str, str | int | float] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        """Check the shape of the whole, and freeze it."""
        ink = np.array(self.ink, np.bool_)
        if missing := {Quantity.X, Quantity.Y} - set(self.channels):
            raise FormatError(
                "a recording without position", expected="x and y", received=f"no {min(missing)}"
            )
        if {channel.values.shape for channel in self.channels.values()} != {ink.shape}:
            raise FormatError("channels of different lengths", expected=f"{len(ink)} values each")
        ink.flags.writeable = False
        object.__setattr__(self, "ink", ink)
        object.__setattr__(self, "channels", MappingProxyType(dict(self.channels)))
        object.__setattr__(self, "facts", MappingProxyType(dict(self.facts)))

    @classmethod
    def of(cls, recorded: "Recording | Signature") -> "Recording":
        """Return a recording as it is, of a signature what it says."""
        if isinstance(recorded, Recording):
            return recorded
        channels = {
            Quantity.X: Channel(recorded.x),
            Quantity.Y: Channel(recorded.y),
            Quantity.TIME: Channel(recorded.time_ms, "ms"),
        }
        if recorded.pressure is not None:
            channels[Quantity.PRESSURE] = Channel(recorded.pressure)
        return cls(format="", channels=channels, ink=recorded.ink)

    def __len__(self) -> int:
        """Count the samples, hover included."""
        return len(self.ink)

    def __repr__(self) -> str:
        """Describe without the ink."""
        what = f"{self.format}, " if self.format else ""
        return f"<Recording {what}{len(self)} samples of {', '.join(self.channels)}, {len(self.notes)} notes>"

    def __getitem__(self, quantity: Quantity) -> FloatArray:
        """Return the values of one channel, `(n,)`, as the device counts; `KeyError` where it has none."""
        return self.channels[quantity].values

    def signature(self) -> Signature:
        """Return what is compared: position, time in ms, pressure and ink.

        Pressure stays in the device's units, and so does position, unless the two axes count differently.

        Raises:
            InvalidSignature: no time in it, or numbers that are no signature.
        """
        across, along = self.channels[Quantity.X], self.channels[Quantity.Y]
        x, y = across.values, along.values
        if across.unit == along.unit and across.per_unit != along.per_unit:
            x, y = across.in_units, along.in_units
        pressure = self.channels.get(Quantity.PRESSURE)
        return Signature(x, y, self.time_ms(), None if pressure is None else pressure.values, self.ink)

    def time_ms(self) -> FloatArray:
        """Return `(n,)` float64, milliseconds from any origin.

        Raises:
            InvalidSignature: the file says neither when the samples were taken nor how many a second.
        """
        if (time := self.channels.get(Quantity.TIME)) is not None:
            factor = TIME_UNITS.get(time.unit, 1.0)
            return time.values if factor == time.per_unit else time.values * (factor / time.per_unit)
        if self.rate_hz:
            return np.arange(len(self), dtype=np.float64) * (1000 / self.rate_hz)
        raise InvalidSignature(
            "the file does not say when the samples were taken",
            expected="a time for each sample, or a sampling rate",
            hint="How the pen moved is what is compared: record the time, too",
        )
