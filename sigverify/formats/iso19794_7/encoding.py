"""`encode`, `encode_all`: from recordings to bytes of the full format."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from sigverify.arrays import FloatArray, IntArray
from sigverify.errors import FormatError
from sigverify.formats.channel import Channel, Quantity
from sigverify.formats.iso19794_7.body import MAX_EXTENDED
from sigverify.formats.iso19794_7.description import Description
from sigverify.formats.iso19794_7.fitting import Fit, counts_a_unit, fit
from sigverify.formats.iso19794_7.kinds import KINDS, Kind, kind_of
from sigverify.formats.iso19794_7.lifts import columns_with_lifts, needs_switch
from sigverify.formats.iso19794_7.record import Record
from sigverify.formats.iso19794_7.signs import jumps, other_signs
from sigverify.formats.iso19794_7.timing import timing_of
from sigverify.formats.recording import Recording
from sigverify.modality.pen.signature import MAX_SAMPLES, Signature

Fitted = dict[Kind, tuple[Description, IntArray]]

FARTHEST: Final = 1e15
"""Larger numbers are no measurements, and are refused before arithmetic on them fails."""
_TURN: Final = {"deg": 360.0, "rad": 2 * np.pi}
_CYCLIC: Final = (Quantity.AZIMUTH, Quantity.ROTATION)


def encode(recorded: Recording | Signature, *, extended_data: bytes = b"") -> bytes:
    """Write one recording in the full format of 2007.

    Whole numbers that fit 16 bits are kept exactly; for the rest see `FORMAT.loses`.

    Raises:
        FormatError: no samples, more than a signature may have, or too much extended data.
        InvalidSignature: it does not say when the samples were taken.
    """
    return record_of(Recording.of(recorded), extended_data).to_bytes()


def encode_all(recorded: Iterable[Recording | Signature]) -> bytes:
    """Write recordings one behind the other; `read_all` reads them.

    Raises:
        FormatError, InvalidSignature: as of `encode`.
    """
    return b"".join(map(encode, recorded))


def record_of(recording: Recording, extended_data: bytes = b"") -> Record:
    """Say in the terms of the standard what a recording says.

    Raises:
        FormatError, InvalidSignature: as of `encode`.
    """
    if len(extended_data) > MAX_EXTENDED:
        raise FormatError("too much extended data", expected=f"at most {MAX_EXTENDED} bytes",
                          received=f"{len(extended_data)}")  # fmt: skip
    fitted = fitted_to(recording)
    ordered = [fitted[kind] for kind in KINDS if kind in fitted]
    return Record(
        descriptions=tuple(_told_apart(each, values) for each, values in ordered),
        points={each.kind: values for each, values in ordered},
        extended_data=extended_data,
    )


def fitted_to(recording: Recording, bits: int = 16) -> Fitted:
    """Return the description and the values of each channel in values of 8 or 16 bits.

    Raises:
        FormatError, InvalidSignature: as of `encode`.
    """
    if not 0 < len(recording) <= MAX_SAMPLES:
        raise FormatError("cannot write this many samples", expected=f"1 to {MAX_SAMPLES}",
                          received=str(len(recording)))  # fmt: skip
    if far := [each.value for each, its in recording.channels.items() if _is_far(its, each)]:
        raise FormatError("numbers that no sensor gives", expected=f"at most {FARTHEST:g}",
                          received=f"more in {', '.join(far)}")  # fmt: skip
    columns, touching = columns_with_lifts(recording)
    fitted = _position(recording, columns, bits)
    timing = timing_of(columns.pop(Quantity.TIME), bits, steps=bits == 8)
    fitted[timing.kind] = (Description(kind=timing.kind, scaling=timing.scaling), timing.counts)
    if needs_switch(recording, columns, touching):
        fitted[kind_of("s")] = (Description(kind=kind_of("s")), touching.astype(np.int64))
    return fitted | _others(recording, columns, bits)


def _is_far(channel: Channel, quantity: Quantity) -> bool:
    return quantity is not Quantity.TIME and float(np.abs(channel.values).max()) > FARTHEST


def _position(recording: Recording, columns: dict[Quantity, FloatArray], bits: int) -> Fitted:
    kinds = [kind_of("x"), kind_of("y")]
    channels = [recording.channels[kind.quantity] for kind in kinds]
    values = [columns.pop(kind.quantity) for kind in kinds]
    units = [counts_a_unit(channel, kind) for channel, kind in zip(channels, kinds, strict=True)]
    if None not in units and units[0] != units[1]:
        # Axes that count differently: both in the finer counts, so that one scaling holds for both.
        finest = max(units)  # type: ignore[type-var]  # none is None
        values = [each * (finest / own) for each, own in zip(values, units, strict=True)]  # type: ignore[operator]
        channels, units = [Channel(each) for each in values], [finest, finest]
    found = fit(values, kinds[0], units, bits)
    return {
        kind: (_described(kind, channel, found, place, bits), found.counts[place])
        for place, (kind, channel) in enumerate(zip(kinds, channels, strict=True))
    }


def _others(recording: Recording, columns: dict[Quantity, FloatArray], bits: int) -> Fitted:
    """Fit each other channel by itself; one that would need values below 0 and may have none is left out."""
    fitted: Fitted = {}
    for kind in KINDS:
        if kind.quantity not in columns or kind.quantity is Quantity.TIP:
            continue
        channel = recording.channels[kind.quantity]
        values = _not_below(columns[kind.quantity], channel, kind)
        if values is None:
            continue
        found = fit([values], kind, [counts_a_unit(channel, kind)], bits)
        fitted[kind] = (_described(kind, channel, found, 0, bits), found.counts[0])
    return fitted


def _not_below(values: FloatArray, channel: Channel, kind: Kind) -> FloatArray | None:
    """Return values that are not below 0 where they may not be: full turns added, or force of none."""
    if kind.signed or values.min() >= 0:
        return values
    if kind.quantity is Quantity.PRESSURE:
        return np.maximum(values, 0.0)
    if kind.quantity in _CYCLIC and channel.unit in _TURN:
        turned: FloatArray = values % (_TURN[channel.unit] * channel.per_unit)
        return turned
    return None


def _described(kind: Kind, channel: Channel, found: Fit, place: int, bits: int) -> Description:
    low, high = (found.limit(value, place, kind, bits) for value in (channel.low, channel.high))
    values = found.counts[place]
    if low is not None and int(values.min()) < low:
        low = None  # a sensor that says less than it can
    if high is not None and int(values.max()) > high:
        high = None
    return Description(kind=kind, scaling=found.scaling, low=low, high=high)


def _told_apart(each: Description, values: IntArray) -> Description:
    """Give limits to position that another reader, or ours, could take for two's complement."""
    if each.kind.name not in ("x", "y") or not jumps(values) or jumps(other_signs(values)):
        return each
    return Description(kind=each.kind, scaling=each.scaling, low=int(values.min()), high=int(values.max()))
