"""Pen lifts, as a switch says them that is 1 where the pen touches.

Recordings say of each sample whether the way to it carries ink. A switch says so only of lifts during which
a sample was taken in the air: a lift between two samples that both touch gets one, midway in all channels, so
that the straight line between the two stays what it was.
"""

from collections.abc import Mapping

import numpy as np

from sigverify.arrays import BoolArray, FloatArray, IndexArray
from sigverify.formats.channel import Quantity
from sigverify.formats.pen_lift import ink_from_touch, touch_from_pressure
from sigverify.formats.recording import Recording

_UP = (Quantity.PRESSURE, Quantity.TIP)
"""What is 0 in the air."""


def columns_with_lifts(recording: Recording) -> tuple[dict[Quantity, FloatArray], BoolArray]:
    """Return the values of each channel, time in milliseconds, and `(n,)` whether the pen touches."""
    columns = {quantity: channel.values for quantity, channel in recording.channels.items()}
    columns[Quantity.TIME] = recording.time_ms()
    touching = _touching(recording)
    lifts: IndexArray = 1 + np.flatnonzero(~recording.ink[1:] & touching[:-1] & touching[1:])
    return (
        {quantity: _with_lifts(values, lifts, quantity in _UP) for quantity, values in columns.items()},
        np.insert(touching, lifts, False),
    )


def needs_switch(recording: Recording, columns: Mapping[Quantity, FloatArray], touching: BoolArray) -> bool:
    """Tell whether force alone, or nothing at all, would say something else about ink."""
    force = columns.get(Quantity.PRESSURE)
    told = np.ones_like(touching) if force is None else touch_from_pressure(force)
    return Quantity.TIP in recording.channels or not np.array_equal(told, touching)


def _touching(recording: Recording) -> BoolArray:
    """Return `(n,)` whether the pen touches: as the recording's switch says, if it agrees with the ink."""
    ink = recording.ink
    if (tip := recording.channels.get(Quantity.TIP)) is not None:
        touching = tip.values > 0
        if np.array_equal(ink_from_touch(touching)[1:], ink[1:]):
            return touching
    touching = ink.copy()
    touching[:1] = False  # the way to the first sample is none, whatever is said of it
    touching[:-1] |= ink[1:]
    return touching


def _with_lifts(values: FloatArray, lifts: IndexArray, up: bool) -> FloatArray:
    if not len(lifts):
        return values
    midway = (values[lifts - 1] + values[lifts]) / 2
    if (values == np.floor(values)).all():
        midway = np.floor(midway)
    return np.insert(values, lifts, 0.0 if up else midway)
