"""Pressure as devices report it, mended where it is certain what is meant."""

from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, FloatArray
from sigverify.formats.notes import NoteKind, Notes
from sigverify.formats.pen_lift import ink_from_touch

MAX_INTERPOLATED: Final = 0.1
"""Share of samples whose missing pressure is interpolated; beyond, the pressure is left out."""


def whole_pressure(pressure: FloatArray, notes: Notes) -> FloatArray | None:
    """Fill a few missing values (NaN) from their neighbors; None where too many are missing.

    >>> whole_pressure(np.array([1, np.nan, 3, *range(9)]), Notes()).tolist()[:3]
    [1.0, 2.0, 3.0]
    """
    missing = np.isnan(pressure)
    count = int(missing.sum())
    if not count:
        return pressure
    if count > MAX_INTERPOLATED * len(pressure):
        notes.add(NoteKind.PRESSURE_DROPPED, count)
        return None
    notes.add(NoteKind.PRESSURE_INTERPOLATED, count)
    return np.interp(np.arange(len(pressure)), np.flatnonzero(~missing), pressure[~missing])


def without_negative(pressure: FloatArray, ink: BoolArray, notes: Notes) -> tuple[FloatArray, BoolArray]:
    """Return pressure of 0 and no ink where it is below 0: so some devices say that the pen hovers."""
    negative = pressure < 0
    if not negative.any():
        return pressure, ink
    notes.add(NoteKind.NEGATIVE_PRESSURE, int(negative.sum()))
    return np.maximum(pressure, 0), ink & ink_from_touch(~negative)
