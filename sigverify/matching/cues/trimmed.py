"""The elastic distance of the hand-made functions where the two agree best.

A genuine signature has frames that fail: a stroke left out, a hesitation. A forgery is a little off
throughout. So the most expensive frames of the path are left out. From 50 to 75 % kept, and smoothed over 1
to 25 frames, measure alike on synthetic writers.
"""

from typing import Final

import numpy as np

from sigverify.arrays import Float32Array
from sigverify.matching.cue import Cue
from sigverify.matching.embedding import SERIES_SCALE
from sigverify.matching.pairing import Pairing

KEPT_PERCENT: Final = 62
SMOOTHED: Final = 9
"""Frames averaged, so that a cheap frame between two expensive ones is not kept."""
FRACTION: Final = 16
"""A frame's mean cost is rounded down to a sixteenth of the unit: an integer, the same on every platform."""


def measure(pairing: Pairing) -> Float32Array:
    """Mean of the lowest `KEPT_PERCENT` of the path's smoothed costs, in the unit of the cue "series".

    A frame of the probe costs what its cells of the path do on the average. Frames beyond the ends cost what
    the last one does.
    """
    paths = pairing.paths
    frames = paths.cost.shape[1]
    cost = FRACTION * paths.cost // (paths.last - paths.first + 1)
    padded = np.pad(cost, ((0, 0), (SMOOTHED // 2, SMOOTHED // 2)), mode="edge")
    smooth = np.lib.stride_tricks.sliding_window_view(padded, SMOOTHED, axis=1).sum(axis=2)
    kept = frames * KEPT_PERCENT // 100
    lowest = np.partition(smooth, kept - 1, axis=1)[:, :kept].sum(axis=1)
    return np.asarray(lowest / (kept * SMOOTHED * FRACTION), np.float32) / np.float32(SERIES_SCALE)


TRIMMED: Final = Cue(name="trimmed", measure=measure, elastic=True, relative=True)
