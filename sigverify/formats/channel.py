"""`Channel`: one thing that a device measured at every sample, in the device's own units."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.errors import FormatError


class Quantity(StrEnum):
    """What a channel measures. The names, where they are there, are those of ISO/IEC 19794-7."""

    X = "x"
    Y = "y"
    Z = "z"
    X_VELOCITY = "x_velocity"
    Y_VELOCITY = "y_velocity"
    X_ACCELERATION = "x_acceleration"
    Y_ACCELERATION = "y_acceleration"
    TIME = "time"
    PRESSURE = "pressure"
    TIP = "tip"
    """Whether the pen touches: 1 or 0."""
    X_TILT = "x_tilt"
    Y_TILT = "y_tilt"
    AZIMUTH = "azimuth"
    ALTITUDE = "altitude"
    ROTATION = "rotation"


@dataclass(frozen=True, eq=False)
class Channel:
    """The values of one quantity, one a sample.

    Attributes:
        values: `(n,)` float64, as the device counts; missing or impossible ones were mended by the reader,
            which notes it.
        unit: what is counted: "mm", "ms", "N", "deg" …; empty where the file does not say.
        per_unit: how many of the device's counts make one `unit`: 1000 for microseconds in "ms".
        low, high: the least and the largest that the device can say, where the file tells.

    Raises:
        FormatError: values that are not finite, or `per_unit` that is not above 0.
    """

    values: FloatArray
    unit: str = ""
    per_unit: float = 1.0
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        """Check and freeze the values."""
        values = np.array(self.values, np.float64)
        if values.ndim != 1 or not np.isfinite(values).all():
            raise FormatError("a channel is no row of finite numbers", expected="one number a sample")
        if not 0 < self.per_unit < np.inf:
            raise FormatError("a channel has an impossible resolution", expected="a number above 0")
        values.flags.writeable = False
        object.__setattr__(self, "values", values)

    def __repr__(self) -> str:
        """Describe without the values, which are personal."""
        return f"<Channel of {len(self.values)} values, {self.per_unit:g} a {self.unit or 'unit'}>"

    @property
    def in_units(self) -> FloatArray:
        """`(n,)` float64, the values in `unit`."""
        return self.values / self.per_unit
