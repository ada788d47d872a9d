"""`Repaired`: the time axis of a recording, mended, and the samples that carry ink."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, FloatArray

MAX_GAP_MS: Final = 150.0
"""A longer step counts as this long: people hesitate between strokes as they please, and SUSIG has stamps
that jump to 4.3e6. Anything from 100 to 200 does as well on three corpora; see docs/results.md."""

MIN_STEP_MS: Final = 1e-6
"""A shorter step counts as none: no clock has finer ones than a nanosecond, and slopes would overflow."""

_ASSUMED_STEP_MS: Final = 10.0
"""Where no step is usable: most tablets sample at 100 Hz."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Repaired:
    """What is computed once of a recording, and asked for by features, quality and pictures.

    Attributes:
        time_ms: `(n,)` float64, from 0, never decreasing.
        inked: `(n,)` bool: samples that write, and those from which an ink segment starts.
    """

    time_ms: FloatArray
    inked: BoolArray

    @property
    def duration_ms(self) -> float:
        """Milliseconds from the first to the last ink."""
        time = self.time_ms[self.inked]
        return float(time[-1] - time[0])


def repair(time_ms: FloatArray, ink: BoolArray) -> Repaired:
    """Mend the stamps `(n,)` of samples whose `ink` `(n,)` says whether the way to them is written.

    A step backwards or under `MIN_STEP_MS` becomes the median step (the sample was taken, its stamp is
    wrong), a step over `MAX_GAP_MS` becomes `MAX_GAP_MS`.
    """
    steps = np.diff(time_ms)
    advances = steps >= MIN_STEP_MS
    usable = steps[advances & (steps <= MAX_GAP_MS)]
    usual = median(usable) if len(usable) else _ASSUMED_STEP_MS
    steps = np.where(advances, np.minimum(steps, MAX_GAP_MS), usual)
    return Repaired(
        time_ms=np.concatenate([[0.0], np.cumsum(steps)]),
        inked=np.asarray(ink | np.concatenate([ink[1:], [False]])),
    )


def median(values: FloatArray) -> float:
    """Return the median of `(n,)`, n > 0, as `np.median` does, which loads 1.4 MB of numpy.ma."""
    ordered, middle = np.sort(values), len(values) // 2
    return float(ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)
