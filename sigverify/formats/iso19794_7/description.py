"""`Description`: what the header says of one channel: a preamble of flags, then what they announce."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from sigverify.arrays import IntArray
from sigverify.formats.iso19794_7.cursor import Cursor
from sigverify.formats.iso19794_7.kinds import Kind
from sigverify.formats.iso19794_7.scaling import bits_of, scaling_of
from sigverify.formats.iso19794_7.signs import HALF, Signs, other_signs

SCALING: Final = 0x80
CONSTANT: Final = 0x04
LINEAR_REMOVED: Final = 0x02
RESERVED: Final = 0x01
LIMITS: Final = {"min": 0x40, "max": 0x20, "mean": 0x10}
DEVIATION: Final = 0x08

_MEANINGS: Final = {
    "min": "the least that the sensor can say",
    "max": "the largest that the sensor can say",
    "mean": "the mean of the values",
}


@dataclass(frozen=True, kw_only=True)
class Description:
    """One channel, as the header describes it.

    Attributes:
        kind: which channel.
        scaling: counts that make one unit; None: unknown.
        low, high: what the sensor can say, in counts.
        mean, deviation: of the values, in counts.
        constant: the values are all the same, and no point has them.
        linear_removed: a line was taken out of the values, and is lost.
    """

    kind: Kind
    scaling: float | None = None
    low: int | None = None
    high: int | None = None
    mean: int | None = None
    deviation: int | None = None
    constant: bool = False
    linear_removed: bool = False

    @property
    def preamble(self) -> int:
        """Return the flags that say what is there."""
        announced = {SCALING: self.scaling, DEVIATION: self.deviation}
        announced |= dict(zip(LIMITS.values(), (self.low, self.high, self.mean), strict=True))
        flags = sum(bit for bit, value in announced.items() if value is not None)
        return flags | self.constant * CONSTANT | self.linear_removed * LINEAR_REMOVED

    @property
    def constant_value(self) -> int:
        """Return what a constant channel says: its mean, limits that are one, or else a single count."""
        if self.mean is not None:
            return self.mean
        return self.low if self.low is not None and self.low == self.high else 1

    @property
    def is_reversed(self) -> bool:
        """Tell whether the limits contradict each other."""
        return self.low is not None and self.high is not None and self.low > self.high

    def excludes(self, values: IntArray) -> bool:
        """Tell whether a value lies beyond the limits; limits that contradict each other exclude nothing."""
        if self.is_reversed or not len(values):
            return False
        below = self.low is not None and int(values.min()) < self.low
        return below or (self.high is not None and int(values.max()) > self.high)

    def with_other_signs(self) -> "Description":
        """Return the same bits in the other way to write values below 0."""
        if not self.kind.signed:
            return self
        low, high, mean = (
            None if value is None else int(other_signs(np.array([value]))[0])
            for value in (self.low, self.high, self.mean)
        )
        return replace(self, low=low, high=high, mean=mean)

    def to_bytes(self) -> bytes:
        """Write the preamble and what it announces; values below 0 as `Signs.OFFSET` has them."""
        offset = HALF if self.kind.signed else 0
        scaling = [] if self.scaling is None else [bits_of(self.scaling)]
        limits = [value + offset for value in (self.low, self.high, self.mean) if value is not None]
        spread = [] if self.deviation is None else [self.deviation]
        return bytes([self.preamble]) + b"".join(
            number.to_bytes(2, "big") for number in (*scaling, *limits, *spread)
        )


def read_description(cursor: Cursor, kind: Kind, signs: Signs) -> Description:
    """Read one description.

    Raises:
        FormatError: cut off; in strict reading also reserved bits, and a least value above the largest.
    """
    at, name = cursor.at, f"{kind.name} preamble"
    flags = cursor.number(1, name)
    words = _flags_said(flags)
    if flags & RESERVED:
        cursor.deviation(name, f"{flags:#04x}", at, "bit 0 to be 0", meaning=words)
    else:
        cursor.add(name, f"{flags:#04x}", f"{kind.meaning}: {words}", at)
    scaling = _scaling(cursor, kind) if flags & SCALING else None
    limits = _limits(cursor, kind, flags, signs)
    at = cursor.at
    deviation = cursor.number(2, f"{kind.name} std") if flags & DEVIATION else None
    if deviation is not None:
        cursor.add(f"{kind.name} std", deviation, "the standard deviation of the values, in counts", at)
    return Description(
        kind=kind,
        scaling=scaling,
        low=limits.get("min"),
        high=limits.get("max"),
        mean=limits.get("mean"),
        deviation=deviation,
        constant=bool(flags & CONSTANT),
        linear_removed=bool(flags & LINEAR_REMOVED),
    )


def _flags_said(flags: int) -> str:
    there = {SCALING: "scaling"} | {bit: name for name, bit in LIMITS.items()}
    there |= {DEVIATION: "std", CONSTANT: "constant", LINEAR_REMOVED: "linear component removed"}
    return ", ".join(name for bit, name in there.items() if flags & bit) or "nothing more is said"


def _scaling(cursor: Cursor, kind: Kind) -> float:
    at = cursor.at
    bits = cursor.number(2, f"{kind.name} scaling")
    unit = kind.unit or "unit"
    exponent, fraction = bits >> 11, bits & 0x7FF
    cursor.add(
        f"{kind.name} scaling",
        scaling_of(bits),
        f"counts that make 1 {unit} (E = {exponent}, F = {fraction})",
        at,
    )
    return scaling_of(bits)


def _limits(cursor: Cursor, kind: Kind, flags: int, signs: Signs) -> dict[str, int]:
    """Return what the flags announce of min, max and mean."""
    found: dict[str, int] = {}
    for each in (each for each, bit in LIMITS.items() if flags & bit):
        at, name = cursor.at, f"{kind.name} {each}"
        value = cursor.number(2, name) - (HALF if kind.signed else 0)
        if kind.signed and signs is Signs.TWOS_COMPLEMENT:
            value = int(other_signs(np.array([value]))[0])
        if each == "max" and value < found.get("min", value):
            cursor.deviation(name, value, at, "at least the min", meaning="below the min: neither is used")
        else:
            cursor.add(name, value, f"{_MEANINGS[each]}, in counts", at)
        found[each] = value
    return found
