"""`fit`: numbers of a device, or of nobody knows what, in 8 or 16 bits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sigverify.arrays import FloatArray, IntArray
from sigverify.formats.channel import Channel
from sigverify.formats.iso19794_7.kinds import PER_UNIT, Kind
from sigverify.formats.iso19794_7.scaling import LARGEST, SMALLEST, bits_of, scaling_of

_EXPONENTS = 40
"""Halvings and doublings tried at most: of numbers beyond that nothing is known to be a position."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How values became counts: `counts = round((values - shift) * 2 ** exponent)`.

    Attributes:
        counts: `(n,)` int64 for each channel that was fitted together.
        exponent: of two; 0 keeps the counts of a device.
        shifts: what was taken from each channel first.
        scaling: counts that make one unit of the standard; None: not known, or more than can be said.
    """

    counts: tuple[IntArray, ...]
    exponent: int
    shifts: tuple[float, ...]
    scaling: float | None

    def limit(self, value: float | None, place: int, kind: Kind, bits: int = 16) -> int | None:
        """Return a limit of the sensor in these counts; None where it is not known or does not fit."""
        if value is None:
            return None
        count = round((value - self.shifts[place]) * 2.0**self.exponent)
        low, high = kind.limits(bits)
        return count if low <= count <= high else None


def counts_a_unit(channel: Channel, kind: Kind) -> float | None:
    """Return how many of a channel's counts make one unit of the standard, where its unit is known.

    >>> from sigverify.formats.iso19794_7.kinds import kind_of
    >>> counts_a_unit(Channel(np.zeros(3), "mm", 40), kind_of("x"))
    40000.0
    """
    factor = PER_UNIT.get(kind.unit, {}).get(channel.unit)
    return None if factor is None else channel.per_unit * factor


def fit(
    columns: Sequence[FloatArray], kind: Kind, counts_a_unit: Sequence[float | None], bits: int = 16
) -> Fit:
    """Fit channels that belong together, x and y, by one exponent: their proportions stay as they are.

    Whole numbers that fit are kept exactly. Others are doubled until they are whole or 16 bits are full, and
    halved until they fit; where they lie far off zero, they are shifted.
    """
    low, high = kind.limits(bits)
    scaling = next(iter(counts_a_unit)) if len(set(counts_a_unit)) == 1 else None
    shifts = tuple(_shift(column, low, high) for column in columns)
    moved = [column - shift for column, shift in zip(columns, shifts, strict=True)]
    exponent = _exponent(moved, low, high, scaling)
    counts = tuple(np.clip(np.round(each * 2.0**exponent), low, high).astype(np.int64) for each in moved)
    if scaling is not None:
        scaling *= 2.0**exponent
        scaling = scaling_of(bits_of(scaling)) if SMALLEST <= scaling <= LARGEST else None
    return Fit(counts=counts, exponent=exponent, shifts=shifts, scaling=scaling)


def _shift(values: FloatArray, low: int, high: int) -> float:
    """Return what to take away first: nothing, unless values do not fit or lie far off zero."""
    if not len(values) or low == 0:
        return 0.0
    least, largest = float(values.min()), float(values.max())
    far = max(abs(least), abs(largest)) > 4 * (largest - least)
    fits = low <= least and largest <= high
    whole = bool((values == np.round(values)).all())
    if (fits and (whole or not far)) or (not far and not (whole and largest - least <= high - low)):
        return 0.0
    return float(np.ceil((least + largest) / 2))


def _exponent(columns: Sequence[FloatArray], low: int, high: int, scaling: float | None) -> int:
    def fits(exponent: int) -> bool:
        factor = 2.0**exponent
        return all(
            low <= np.round(each.min() * factor) and np.round(each.max() * factor) <= high
            for each in columns
            if len(each)
        )

    def whole(exponent: int) -> bool:
        return all((each * 2.0**exponent == np.round(each * 2.0**exponent)).all() for each in columns)

    exponent = 0
    if whole(0) or not fits(0):
        while not fits(exponent) and exponent > -_EXPONENTS:
            exponent -= 1
        return exponent
    while (
        exponent < _EXPONENTS
        and not whole(exponent)
        and fits(exponent + 1)
        and (scaling is None or scaling * 2.0 ** (exponent + 1) <= LARGEST)
    ):
        exponent += 1
    # A resolution that cannot be said is made coarser, as long as no whole counts of a device are lost by it.
    while scaling is not None and scaling * 2.0**exponent > LARGEST and exponent > -_EXPONENTS:
        exponent -= 1
    return exponent
