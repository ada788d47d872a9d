"""Which samples hover, of a recording that does not say when the pen is down.

A tablet senses the pen before it lands. Who hands in all of its samples, and no `pen_down`, has the ways
between strokes written as ink; only the pressure tells that the pen was away.
"""

from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, FloatArray

LEAST: Final = 3
"""Samples in a row without pressure: of one or two a sensor had none yet as the pen landed."""
MOST: Final = 0.5
"""Share of the samples that hover at most: of more the sensor failed."""
LEAST_INK: Final = 7
"""Samples of ink that are left, as any signature has."""


def without_hover(
    x: FloatArray, y: FloatArray, pressure: FloatArray | None, ink: BoolArray
) -> BoolArray | None:
    """Return the ink `(n,)` without the ways of a pen that hovers; None: none does, or somebody said when.

    All arrays are `(n,)` as in `Signature`.
    """
    if pressure is None or not ink[1:].all() or pressure.min() > 0:
        return None
    # Runs with and without pressure, each of so many samples.
    run = np.cumsum(np.diff(pressure > 0, prepend=pressure[0] > 0))
    hovers = (pressure <= 0) & (np.bincount(run)[run] >= LEAST)
    if not hovers.any() or np.count_nonzero(hovers) > MOST * len(hovers):
        return None
    touches = ~hovers
    written = ink & touches
    written[1:] &= touches[:-1]
    enough = np.count_nonzero(written) >= LEAST_INK
    return written if enough and (np.ptp(x[written]) or np.ptp(y[written])) else None
