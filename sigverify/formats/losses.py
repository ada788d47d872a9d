"""`Loss`: what a format cannot say, and whether a recording has any of it; and the losses that many share."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from sigverify.formats.channel import Quantity
from sigverify.formats.recording import Recording


@dataclass(frozen=True)
class Loss:
    """One thing that a format cannot say.

    Attributes:
        words: what it is.
        concerns: whether a recording has any of it.
    """

    words: str
    concerns: Callable[[Recording], bool]


def units_and_ranges(kept: Iterable[Quantity], *, position: str = "") -> Loss:
    """Return the loss of what is known of the numbers; what is not kept is named by itself.

    The unit of time is none that is lost: stamps are written in milliseconds.

    Args:
        kept: the channels that the format can say.
        position: the unit that x and y have in it without being said.
    """
    own = {Quantity.X: (position, 1.0), Quantity.Y: (position, 1.0)}
    chosen = frozenset(kept)

    def concerns(recording: Recording) -> bool:
        for quantity in chosen.intersection(recording.channels):
            its = recording.channels[quantity]
            unit = (its.unit, its.per_unit)
            is_said = quantity is Quantity.TIME or unit in (("", 1.0), own.get(quantity))
            if not is_said or (its.low, its.high) != (None, None):
                return True
        return False

    return Loss("units and ranges", concerns)


def device_and_facts(*own: str) -> Loss:
    """Return the loss of what else is known, but for facts that the format says of itself."""

    def concerns(recording: Recording) -> bool:
        # Where there are no stamps, these are made of the rate, and say it.
        rate = recording.rate_hz is not None and Quantity.TIME in recording.channels
        return bool(recording.device or set(recording.facts).difference(own) or rate)

    return Loss("the device and other facts", concerns)


DEVICE_AND_FACTS: Final = device_and_facts()
