"""What of a recording the full format cannot say."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from sigverify.formats.channel import Channel, Quantity
from sigverify.formats.iso19794_7.fitting import Fit, counts_a_unit, fit
from sigverify.formats.iso19794_7.kinds import KINDS, Kind, kind_of
from sigverify.formats.iso19794_7.lifts import columns_with_lifts
from sigverify.formats.iso19794_7.timing import timing_of
from sigverify.formats.losses import Loss, device_and_facts
from sigverify.formats.recording import Recording

_POSITION: Final = (Quantity.X, Quantity.Y)
_TOLERANCE_MS: Final = 1e-6
"""What arithmetic in float64 leaves of exact stamps."""


def _has_origin(recording: Recording) -> bool:
    time = recording.channels.get(Quantity.TIME)
    return time is not None and bool(time.values[:1].any())


def _fits(recording: Recording) -> Iterator[tuple[Channel, Kind, Fit, int]]:
    """Yield what each channel becomes, and its place among those fitted with it; x and y go together."""
    x, y = (recording.channels[quantity] for quantity in _POSITION)
    across = kind_of("x")
    both = fit([x.values, y.values], across, [counts_a_unit(each, across) for each in (x, y)])
    yield from ((channel, across, both, place) for place, channel in enumerate((x, y)))
    for kind in KINDS:
        channel = recording.channels.get(kind.quantity)
        if channel is None or kind.quantity in (*_POSITION, Quantity.TIME, Quantity.TIP):
            continue
        yield channel, kind, fit([channel.values], kind, [counts_a_unit(channel, kind)]), 0


def _is_rounded(recording: Recording) -> bool:
    """Whether some number is read back as another."""
    for channel, _, found, place in _fits(recording):
        again = found.counts[place] / 2.0**found.exponent
        # Counts of another size are the same numbers only where a unit says so.
        if not np.array_equal(again, channel.values) or (found.exponent and found.scaling is None):
            return True
    time_ms = recording.time_ms()
    timing = timing_of(time_ms)
    counts = np.cumsum(timing.counts) if timing.kind.name == "dt" else timing.counts
    stamps = counts * (1000 / timing.scaling)
    return bool((np.abs(stamps - (time_ms - time_ms.min())) > _TOLERANCE_MS).any())


def _lacks_a_unit(recording: Recording) -> bool:
    return any(channel.unit and found.scaling is None for channel, _, found, _ in _fits(recording))


def _gets_lifts(recording: Recording) -> bool:
    columns, _ = columns_with_lifts(recording)
    return len(columns[Quantity.X]) > len(recording)


def _unless_refused(loss: Loss) -> Loss:
    """Say nothing of what is not written at all: no samples, or no time."""
    return Loss(
        loss.words,
        lambda recording: (
            len(recording) > 0
            and (Quantity.TIME in recording.channels or bool(recording.rate_hz))
            and loss.concerns(recording)
        ),
    )


LOSSES: Final = (
    *map(
        _unless_refused,
        (
            Loss("the origin of time", _has_origin),
            Loss("decimals, and the origin of position, beyond 16 bits", _is_rounded),
            Loss(
                "a unit that is not known there, or of above 65520 counts a metre, second, newton or degree",
                _lacks_a_unit,
            ),
            Loss("lifts without a sample in the air, which get one", _gets_lifts),
        ),
    ),
    device_and_facts("version", "edition"),
)
