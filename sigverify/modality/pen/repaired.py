"""`Repaired`: a recording without its device's and its surroundings' faults."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, FloatArray
from sigverify.modality.pen import clock, marks
from sigverify.modality.pen.hover import without_hover
from sigverify.modality.pen.repair import Repair
from sigverify.modality.pen.strays import find_strays
from sigverify.modality.quality import Flaw

LOST_PRESSURE: Final = 0.1
"""Share of the ink that may have no pressure: sensors report 0 for a sample or two as the pen lands."""
CLIPPED_PRESSURE: Final = 0.45
"""Share of the ink that may have the largest pressure of all: more was cut off by the sensor's range. In 2 %
of the signatures of SVC2004 Task 2 and SUSIG it is a quarter and more, and pressure tells still."""

STEADY_PRESSURE: Final = 0.025
"""Standard deviation, of the mean, below which pressure is a touchscreen's guess and not a hand's. Of 5135
signatures of four corpora two have less than 0.03: of SVC2004 Task 2 the least is 0.107, of SUSIG 0.031."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Repaired:
    """What is computed once of a recording, and asked for by features, quality and pictures.

    Attributes:
        time_ms: `(n,)` float64 milliseconds from 0, never decreasing. Between two kept samples at most
            `clock.MAX_GAP_MS` pass; what is left out takes no time.
        kept: `(n,)` bool: the writing. Hover, wrong places, touches and rests are left out.
        ink: `(n,)` bool: the way to this sample, from the last one kept, is written.
        pressure: `(n,)` float64, or None where the device has none, or one that says nothing.
        interval_ms: the pen's, between two samples.
        lost: 0 to 1, share of the ink's time in steps longer than `clock.MAX_GAP_MS`: samples are missing.
        repairs: what was mended, in the order it was.
        flaw: why the time axis cannot be believed at all; None: it can.
    """

    time_ms: FloatArray
    kept: BoolArray
    ink: BoolArray
    pressure: FloatArray | None
    interval_ms: float
    lost: float
    repairs: tuple[Repair, ...]
    flaw: Flaw | None

    @property
    def duration_ms(self) -> float:
        """Milliseconds from the first to the last ink."""
        time = self.time_ms[self.kept]
        return float(time[-1] - time[0])


def repair(
    x: FloatArray, y: FloatArray, time_ms: FloatArray, pressure: FloatArray | None, ink: BoolArray
) -> Repaired:
    """Mend a recording of `n` samples, all arrays `(n,)` as in `Signature`."""
    written = without_hover(x, y, pressure, ink)
    if written is None:
        return _without_strays(x, y, time_ms, pressure, ink)
    rest = _without_strays(x, y, time_ms, pressure, written)
    return replace(rest, repairs=(Repair.HOVER_UNSAID, *rest.repairs))


def _without_strays(
    x: FloatArray, y: FloatArray, time_ms: FloatArray, pressure: FloatArray | None, ink: BoolArray
) -> Repaired:
    """Mend a recording whose ink is known."""
    strays = find_strays(x, y, ink)
    if not strays.any():
        return _repair(x, y, time_ms, pressure, ink)
    right = np.flatnonzero(~strays)
    # A stroke begins with its first sample in a right place: the way to it carries no ink.
    stroke = np.cumsum(~ink)
    begins = np.diff(stroke[right], prepend=0 if right[0] == 0 else -1) > 0
    its_pressure = None if pressure is None else pressure[right]
    rest = _repair(x[right], y[right], time_ms[right], its_pressure, ink[right] & ~begins)
    # A sample that is left out has the time of the last one before it.
    latest = np.maximum(np.cumsum(~strays) - 1, 0)
    return replace(
        rest,
        time_ms=rest.time_ms[latest],
        kept=rest.kept[latest] & ~strays,
        ink=rest.ink[latest] & ~strays,
        pressure=None if rest.pressure is None else rest.pressure[latest],
        repairs=(Repair.STRAY_POSITION, *rest.repairs),
    )


def _repair(
    x: FloatArray, y: FloatArray, time_ms: FloatArray, pressure: FloatArray | None, ink: BoolArray
) -> Repaired:
    """Mend a recording whose positions are right."""
    mended = clock.mend(time_ms, ink)
    touches, said = marks.find_touches(x, y, mended.time_ms, ink)
    # What writes, and the samples that lines start from.
    kept = (ink | np.concatenate([ink[1:], [False]])) & ~touches
    rests = marks.find_rests(x, y, mended.time_ms, np.flatnonzero(kept), ink)
    if np.count_nonzero(kept) - len(rests) >= 2:  # two are the least that a line needs
        kept[rests] = False
    usable = _usable(pressure, kept, ink)
    repairs = [*mended.repairs, *said]
    repairs += [Repair.PEN_RESTED] if len(rests) else []
    repairs += [Repair.PRESSURE_LOST] if pressure is not None and usable is None else []
    return Repaired(
        time_ms=_shortened(mended.time_ms, kept),
        kept=kept,
        ink=ink,
        pressure=usable,
        interval_ms=mended.interval_ms,
        lost=_lost(mended.time_ms, ink),
        repairs=tuple(repairs),
        flaw=clock.unit_of(time_ms, ink),
    )


def _shortened(time_ms: FloatArray, kept: BoolArray) -> FloatArray:
    """Return the time axis `(n,)` on which gaps between kept samples are no longer than `MAX_GAP_MS`."""
    index = np.flatnonzero(kept)
    steps = np.minimum(np.diff(time_ms[index]), clock.MAX_GAP_MS)
    time = clock.sums(steps)
    # A sample that is left out has the time of the last one kept before it.
    latest = np.searchsorted(index, np.arange(len(time_ms)), side="right") - 1
    return np.asarray(time[np.maximum(latest, 0)])


def _lost(time_ms: FloatArray, ink: BoolArray) -> float:
    steps = np.diff(time_ms)[ink[1:]]
    total = clock.total(steps)
    return clock.total(steps[steps > clock.MAX_GAP_MS]) / total if total > 0 else 0.0


def _usable(pressure: FloatArray | None, kept: BoolArray, ink: BoolArray) -> FloatArray | None:
    """Return pressure that varies, is there throughout and is not cut off; None otherwise."""
    if pressure is None:
        return None
    written = pressure[kept & ink]
    if not len(written) or np.ptp(written) == 0:
        return None
    lost = np.count_nonzero(written <= 0) > LOST_PRESSURE * len(written)
    clipped = np.count_nonzero(written == written.max()) > CLIPPED_PRESSURE * len(written)
    return None if lost or clipped or _is_steady(written) else pressure


def _is_steady(pressure: FloatArray) -> bool:
    """Whether it hardly varies: standardized, as it is compared, it would be noise."""
    mean = clock.total(pressure) / len(pressure)
    away, most = pressure - mean, STEADY_PRESSURE * mean
    return clock.total(away * away) / len(pressure) < most * most
