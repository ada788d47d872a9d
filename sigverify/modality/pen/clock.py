"""Mend the stamps of a recording: every clock that pads, browsers and serial lines are known to have.

A pen samples evenly; what is uneven is mostly the clock that stamps its samples. Stamps are mended in steps,
each of which leaves an exact clock's stamps as they are:

1. `unit_of` tells from what handwriting can be whether the stamps count milliseconds at all.
2. Counters that wrapped go on; stamps that begin anew with each stroke, and jumps of a clock that was set,
   are bridged; small steps backwards wait until the clock has caught up.
3. Samples that arrived in one burst share the time up to the next burst.
4. Where many steps are uneven still, the clock is coarser than the pen, or jitters: if a pen that samples
   evenly explains the stamps to within one tick of that clock, its samples are even; otherwise steps are
   averaged over a tick.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, FloatArray, IndexArray
from sigverify.modality.pen.repair import Repair
from sigverify.modality.quality import Flaw

MAX_GAP_MS: Final = 150.0
"""A longer step counts as this long: people hesitate between strokes as they please. Anything from 100 to 200
does as well on three corpora; see docs/results.md."""
LIFT_MS: Final = 100.0
"""Time between two strokes whose stamps tell nothing; SVC2004's median is 115."""
ASSUMED_INTERVAL_MS: Final = 10.0
"""Where no step tells anything: most tablets sample at 100 Hz."""
MIN_STEP_MS: Final = 1e-6
"""A nanosecond."""
BACK_MS: Final = 50.0
"""A step back by less is a clock's unrest; by more, a clock that was set or a counter that began anew."""
JUMP_MS: Final = 30_000.0
"""Nobody waits for so long within a name: the clock was set. After less, samples may be missing."""
WRAPS_MS: Final = (2.0**16, 2.0**32, 2.0**32 / 1000)
"""Counters of 16 and 32 bits, and one of microseconds in 32 bits, which SUSIG has."""
UNEVEN: Final = 0.3
"""A step this much shorter or longer than the pen's interval is uneven; half of it and double are not found
between samples of an even pen."""
UNEVEN_SHARE: Final = 0.2
"""More uneven steps than this come of the clock. At most 3 % are uneven in the recordings of four corpora."""

FASTEST_MS: Final = 0.25
"""4 kHz: no pad samples faster."""
SLOWEST_MS: Final = 250.0
"""4 Hz: slower, no letter can be seen."""
_UNITS: Final[tuple[tuple[float, Flaw], ...]] = (
    (1e3, Flaw.IN_SECONDS),
    (1e-3, Flaw.IN_MICROSECONDS),
    (1e-6, Flaw.IN_NANOSECONDS),
)
"""Milliseconds in a unit."""
INDEX_SAMPLES: Final = 1000
"""Stamps that count 1, 2, 3 … are milliseconds of a pad at 1 kHz, or an index; of fewer samples than this a
signature of a second at that rate would have, an index."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Mended:
    """A time axis.

    Attributes:
        time_ms: `(n,)` float64 from 0, never decreasing; gaps as long as they were.
        interval_ms: between two samples of the pen, within strokes.
        repairs: what was mended.
    """

    time_ms: FloatArray
    interval_ms: float
    repairs: tuple[Repair, ...]


def unit_of(time_ms: FloatArray, ink: BoolArray) -> Flaw | None:
    """Say what the stamps `(n,)` are if they are no milliseconds; None: they can be milliseconds.

    `NO_TIME`: all within a stroke are the same, or they are an index.
    """
    steps = np.maximum(np.diff(time_ms)[ink[1:]], 0.0)  # wraps and restarts say nothing of the unit
    if not len(steps):
        return None
    # Slopes over a quarter of the recording: bursts average out, and a jump spoils only the slopes over it.
    passed = np.concatenate([[0.0], np.cumsum(steps)])
    width = max(1, len(steps) // 4)
    interval = median((passed[width:] - passed[:-width]) / width)
    if interval == 0 or (len(time_ms) < INDEX_SAMPLES and bool((steps == 1).all())):
        return Flaw.NO_TIME
    if FASTEST_MS <= interval <= SLOWEST_MS:
        return None
    for factor, unit in _UNITS:
        if FASTEST_MS <= interval * factor <= SLOWEST_MS:
            return unit
    return Flaw.NO_TIME


def mend(time_ms: FloatArray, ink: BoolArray) -> Mended:
    """Mend the stamps `(n,)` of samples whose `ink` `(n,)` says whether the way to them is written."""
    written = ink[1:]
    steps, bridged = _bridge(np.diff(time_ms), written)
    interval = _interval(steps, written)
    steps = _lift(steps, written, interval)
    # Steps to which a clock's unrest may belong: within a stroke, and no gap.
    close = written & (steps <= MAX_GAP_MS)
    uneven = np.abs(steps - interval) > UNEVEN * interval
    coarse = np.count_nonzero(uneven & close) > UNEVEN_SHARE * max(1, int(close.sum()))
    shared = _share(steps, close, interval)
    if coarse:
        shared = _even(shared, close, interval, float(steps[close].max()))
    repairs = [*bridged, *([Repair.COARSE_CLOCK] if coarse else [])]
    return Mended(
        time_ms=np.concatenate([[0.0], np.cumsum(shared)]), interval_ms=interval, repairs=tuple(repairs)
    )


def median(values: FloatArray) -> float:
    """Return the median of `(n,)`, n > 0, as `np.median` does, which loads 1.4 MB of numpy.ma."""
    ordered, middle = np.sort(values), len(values) // 2
    return float(ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def total(values: FloatArray) -> float:
    """Add up `(n,)` from the first to the last, as C does: numpy adds in an order of its own."""
    return float(np.cumsum(values)[-1]) if len(values) else 0.0


def _bridge(steps: FloatArray, written: BoolArray) -> tuple[FloatArray, list[Repair]]:
    """Make steps `(n - 1,)` that are none of handwriting: wraps, restarts, jumps, small ones backwards."""
    repairs = []
    # Shorter than a nanosecond is nothing: no clock has such steps, and slopes over them would overflow.
    steps = np.where(np.abs(steps) < MIN_STEP_MS, 0.0, steps)
    longest = np.where(written, MAX_GAP_MS, JUMP_MS)
    for wrap in WRAPS_MS:
        over = (steps < -BACK_MS) & (steps + wrap >= 0) & (steps + wrap <= longest)
        if over.any():
            steps[over] += wrap
            repairs.append(Repair.COUNTER_WRAPPED)
    back = steps < -BACK_MS
    jump = back | (steps > JUMP_MS)
    if jump.any():
        usual = _interval(np.where(jump, np.inf, steps), written)
        # Strokes that begin anew come from a device that counts from each touch; anything else was set.
        anew = back & ~written
        repairs += [Repair.STAMPS_RESTART] if anew.any() else []
        repairs += [Repair.CLOCK_JUMPED] if (jump & ~anew).any() else []
        steps[jump] = np.where(written, usual, LIFT_MS)[jump]
    if (steps < 0).any():
        # The clock stands still until it has caught up with the latest stamp so far.
        latest = np.maximum.accumulate(np.concatenate([[0.0], np.cumsum(steps)]))
        steps = np.diff(latest)
    return steps, repairs


def _interval(steps: FloatArray, written: BoolArray) -> float:
    """Mean step within strokes, gaps apart: of bursts and ticks too it is the pen's interval."""
    close = steps[written & (steps >= 0) & (steps <= MAX_GAP_MS)]
    interval = total(close) / len(close) if len(close) else 0.0
    return interval if interval > 0 else ASSUMED_INTERVAL_MS


def _lift(steps: FloatArray, written: BoolArray, interval: float) -> FloatArray:
    """Give lifts their time where a burst held the end of one stroke and the beginning of the next.

    No pen lands again within a sample's interval. The time lies before the burst, where it seems that the pen
    waited within the stroke.
    """
    swallowed = np.flatnonzero(~written & (steps < UNEVEN * interval))
    if not len(swallowed):
        return steps
    steps = steps.copy()
    burst = np.flatnonzero(steps >= UNEVEN * interval)  # steps that lead to a burst
    for lift in swallowed.tolist():
        before = int(np.searchsorted(burst, lift)) - 1
        if before >= 0 and written[burst[before]] and steps[burst[before]] > interval:
            steps[lift] += steps[burst[before]] - interval
            steps[burst[before]] = interval
    return steps


def _share(steps: FloatArray, close: BoolArray, interval: float) -> FloatArray:
    """Let the samples of one burst share the time up to the next burst of the stroke.

    A burst begins with a stroke, after a gap, or after a step that is no short one. Its samples lie evenly up
    to the next burst; those of a stroke's last burst one interval apart, but never beyond the next stroke.
    """
    short = close & (steps < UNEVEN * interval)
    if not short.any():
        return steps
    time = np.concatenate([[0.0], np.cumsum(steps)])
    first = np.flatnonzero(np.concatenate([[True], ~short]))
    count = np.diff(np.append(first, len(time)))
    # Time up to the next burst; after the last one of all there is no limit.
    until = np.append(np.diff(time[first]), np.inf)
    ends_stroke = np.append(~close[first[1:] - 1], True)
    each = np.where(ends_stroke, np.minimum(interval, until / count), until / count)
    place = np.arange(len(time)) - np.repeat(first, count)
    return np.asarray(np.diff(np.repeat(time[first], count) + place * np.repeat(each, count)))


def _even(steps: FloatArray, close: BoolArray, interval: float, tick: float) -> FloatArray:
    """Make the steps of strokes even, if that moves no sample by more than a tick; otherwise average them."""
    time = np.concatenate([[0.0], np.cumsum(steps)])
    starts = np.flatnonzero(np.concatenate([[True], ~close]))
    ends = np.append(starts[1:], len(time))
    even = time.copy()
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        place = np.arange(end - start) - (end - start - 1) / 2
        even[start:end] = total(time[start:end]) / (end - start) + interval * place
    if not np.abs(even - time).max() <= tick:
        even = _average(time, starts, ends, int(np.ceil(tick / interval)))
    # Strokes were moved as a whole, by less than a tick: they keep their order.
    return np.diff(np.maximum.accumulate(even))


def _average(time: FloatArray, starts: IndexArray, ends: IndexArray, reach: int) -> FloatArray:
    """Average stamps over `reach` samples either side, fewer near the ends of a stroke."""
    passed = np.concatenate([[0.0], np.cumsum(time)])
    index = np.arange(len(time))
    start, end = np.repeat(starts, ends - starts), np.repeat(ends, ends - starts)
    side = np.minimum(reach, np.minimum(index - start, end - 1 - index))
    return np.asarray((passed[index + side + 1] - passed[index - side]) / (2 * side + 1))
