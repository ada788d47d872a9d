"""Where ink runs, told from which samples touch the surface."""

import numpy as np

from sigverify.arrays import BoolArray, FloatArray


def ink_from_touch(touching: BoolArray) -> BoolArray:
    """Return `(n,)` bool, True where this sample and the one before touch: the way to it carries ink.

    >>> ink_from_touch(np.array([True, True, False, True, True])).tolist()
    [False, True, False, False, True]
    """
    ink = touching.copy()
    ink[1:] &= touching[:-1]
    ink[:1] = False
    return ink


def touch_from_pressure(pressure: FloatArray) -> BoolArray:
    """Return `(n,)` bool, True where there is pressure; all True from a device that never reports any.

    >>> touch_from_pressure(np.array([5.0, 0.0])).tolist(), touch_from_pressure(np.zeros(2)).tolist()
    ([True, False], [True, True])
    """
    touching = pressure > 0
    return touching if touching.any() else np.ones_like(touching)
