"""`Kind`: one of the sixteen channels that the standard knows, in its order."""

from dataclasses import dataclass
from typing import Final

from sigverify.errors import FormatError
from sigverify.formats.channel import Quantity


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What the standard says of a channel.

    Attributes:
        name: its letters, in lower case.
        quantity: what it is here; t and dt are both time.
        signed: whether values may be below 0.
        size: bytes of one value in the full format.
        unit: what its values are in, divided by their scaling.
        meaning: in words.
    """

    name: str
    quantity: Quantity
    signed: bool = False
    size: int = 2
    unit: str
    meaning: str

    def limits(self, bits: int = 16) -> tuple[int, int]:
        """Return the least and the largest value of `bits` bits.

        >>> kind_of("x").limits(), kind_of("f").limits(8), kind_of("s").limits()
        ((-32768, 32767), (0, 255), (0, 255))
        """
        bits = min(bits, 8 * self.size)
        half = 1 << (bits - 1)
        return (-half, half - 1) if self.signed else (0, 2 * half - 1)


KINDS: Final = (
    Kind(name="x", quantity=Quantity.X, signed=True, unit="m", meaning="position across"),
    Kind(name="y", quantity=Quantity.Y, signed=True, unit="m", meaning="position along"),
    Kind(name="z", quantity=Quantity.Z, unit="m", meaning="height above the surface"),
    Kind(name="vx", quantity=Quantity.X_VELOCITY, signed=True, unit="m/s", meaning="velocity across"),
    Kind(name="vy", quantity=Quantity.Y_VELOCITY, signed=True, unit="m/s", meaning="velocity along"),
    Kind(
        name="ax", quantity=Quantity.X_ACCELERATION, signed=True, unit="m/s2", meaning="acceleration across"
    ),
    Kind(name="ay", quantity=Quantity.Y_ACCELERATION, signed=True, unit="m/s2", meaning="acceleration along"),
    Kind(name="t", quantity=Quantity.TIME, unit="s", meaning="time"),
    Kind(name="dt", quantity=Quantity.TIME, unit="s", meaning="time since the point before"),
    Kind(name="f", quantity=Quantity.PRESSURE, unit="N", meaning="force of the tip"),
    Kind(name="s", quantity=Quantity.TIP, size=1, unit="", meaning="tip switch: 1 where the pen touches"),
    Kind(name="tx", quantity=Quantity.X_TILT, signed=True, unit="deg", meaning="tilt across"),
    Kind(name="ty", quantity=Quantity.Y_TILT, signed=True, unit="deg", meaning="tilt along"),
    Kind(name="az", quantity=Quantity.AZIMUTH, unit="deg", meaning="azimuth of the pen"),
    Kind(name="el", quantity=Quantity.ALTITUDE, unit="deg", meaning="elevation of the pen"),
    Kind(name="r", quantity=Quantity.ROTATION, unit="deg", meaning="rotation about the pen's own axis"),
)
"""In the order of the bitmap, of the descriptions and of the values of a point."""

_BY_NAME: Final = {kind.name: kind for kind in KINDS}

PER_UNIT: Final = {
    "m": {"m": 1.0, "cm": 100.0, "mm": 1000.0, "um": 1e6, "in": 1 / 0.0254},
    "m/s": {"m/s": 1.0, "cm/s": 100.0, "mm/s": 1000.0},
    "m/s2": {"m/s2": 1.0, "cm/s2": 100.0, "mm/s2": 1000.0},
    "s": {"s": 1.0, "ms": 1000.0, "us": 1e6, "ns": 1e9},
    "N": {"N": 1.0, "mN": 1000.0},
    "deg": {"deg": 1.0, "rad": 0.017453292519943295},
}
"""How many of a unit that recordings have make one of the standard's."""


def kind_of(name: str) -> Kind:
    """Return the channel of that name.

    Raises:
        FormatError: there is none.
    """
    if name not in _BY_NAME:
        raise FormatError("unknown channel", expected=", ".join(_BY_NAME), received=repr(name))
    return _BY_NAME[name]
