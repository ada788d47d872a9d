"""Scaling values: 16 bits that say how many counts make a unit.

`(1 + F/2^11) * 2^(E - 16)`: E of 5 bits, then F of 11. Source: ISO/IEC 19794-7:2007, annex B.
"""

import math
from typing import Final

FRACTION: Final = 2**11
BIAS: Final = 16
SMALLEST: Final = 2.0**-BIAS
LARGEST: Final = (2 - 1 / FRACTION) * 2.0**15


def scaling_of(bits: int) -> float:
    """Return the scaling that 16 bits say.

    >>> scaling_of(0x8000), scaling_of(0xCFA0), scaling_of(0)
    (1.0, 1000.0, 1.52587890625e-05)
    """
    exponent, fraction = divmod(bits, FRACTION)
    return (1 + fraction / FRACTION) * 2.0 ** (exponent - BIAS)


def bits_of(scaling: float) -> int:
    """Return the 16 bits nearest to a scaling, which is off by 1 in 4096 at most.

    >>> hex(bits_of(1.0)), hex(bits_of(1000.0)), scaling_of(bits_of(300 / 0.0254))
    ('0x8000', '0xcfa0', 11812.0)

    Raises:
        ValueError: below `SMALLEST` or above `LARGEST`.
    """
    if not SMALLEST <= scaling <= LARGEST:
        raise ValueError(f"no scaling: {scaling:g}")
    mantissa, exponent = math.frexp(scaling)  # 0.5 <= mantissa < 1
    # A fraction that is rounded up to 2048 is carried into the exponent by the sum, as it should.
    return min((exponent - 1 + BIAS) * FRACTION + round((2 * mantissa - 1) * FRACTION), 0xFFFF)
