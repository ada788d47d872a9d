"""Where ink runs, told from which samples touch the surface."""

from itertools import pairwise

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


def runs_of_ink(ink: BoolArray) -> list[tuple[slice, bool]]:
    """Return the strokes (True) and what hovers between them (False), in order, each with its samples.

    A stroke begins with the sample before its first ink; ink on the way to the very first one means nothing.

    >>> runs_of_ink(np.array([False, False, True, True, False, True]))
    [(slice(0, 1, None), False), (slice(1, 4, None), True), (slice(4, 6, None), True)]
    """
    ink = ink & (np.arange(len(ink)) > 0)
    begins = ~ink & np.append(ink[1:], False)
    hovers = ~ink & ~begins
    first = begins | (hovers & ~np.concatenate([[False], hovers[:-1]]))
    bounds = [*np.flatnonzero(first).tolist(), len(ink)]
    return [(slice(start, stop), bool(begins[start])) for start, stop in pairwise(bounds)]
