"""Mend the stamps of a recording: every clock that pads, browsers and serial lines are known to have.

A pen samples evenly; what is uneven is mostly the clock that stamps its samples. Stamps are mended in steps,
each of which leaves an exact clock's stamps as they are:

1. `unit_of` tells from what handwriting can be whether the stamps count milliseconds at all.
2. Counters that wrapped go on; stamps that begin anew with each stroke, and jumps of a clock that was set,
   are bridged; small steps backwards wait until the clock has caught up.
3. Samples that arrived in one burst share the time up to the next burst.
4. Where many steps are uneven still, the clock is coarser than the pen, or jitters: if a pen that samples
   evenly explains the stamps to within one tick of that clock, its samples are even; otherwise steps are
   averaged over a tick, except where all are whole multiples of one: there samples are missing.
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
LONGEST_TICK_MS: Final = 500.0
"""Ticks of a clock may be longer than such a gap, up to here: beyond, the times of most strokes are lost."""
TICKS: Final = 1.5
"""Of the median tick, where that is longer than a gap: up to here a step is a tick too."""
LIFT_MS: Final = 100.0
"""Time between two strokes whose stamps tell nothing; SVC2004's median is 115."""
SHORT_LIFT: Final = 1.5
"""Intervals within which no pen lands again."""
LEAST_LIFTS: Final = 2
"""Of a recording whose lifts have no time: a single one so short may be a pen that skipped."""
FEW_LIFTS: Final = 0.1
"""Share of the lifts that may be longer where those of a recording have no time."""
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

OFF_TICK: Final = 0.15
"""Of a step, and in addition a millisecond, to which many stamps are rounded: by so much a multiple of it may
be off …"""
OFF_TICK_MS: Final = 1.0
MOST_OFF_TICK: Final = 0.3
"""… but by no more than this share: any step is off by half of one at most."""
FEW_OFF: Final = 0.1
"""Share of the steps that may be off by more."""
FEW_SHORT: Final = 0.03
"""Share of the steps that may be shorter than half of one: of bursts, many are."""

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
    passed = sums(steps)
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
    steps, repairs = _bridge(np.diff(time_ms), written)
    gap = _gap(steps[written])
    interval = _interval(steps, written, gap)
    steps = _lift(steps, written, interval)
    steps, assumed = _assume_lifts(steps, written, interval)
    repairs += [Repair.LIFTS_WITHOUT_TIME] if assumed else []
    # Steps to which a clock's unrest may belong: within a stroke, and no gap.
    close = written & (steps <= gap)
    uneven = np.abs(steps - interval) > UNEVEN * interval
    if np.count_nonzero(uneven & close) > UNEVEN_SHARE * max(1, int(close.sum())):
        steps, evened = _mend_coarse(steps, close, interval)
        repairs += [Repair.COARSE_CLOCK] if evened else []
    else:
        steps = _share(steps, close, interval)
    return Mended(time_ms=sums(steps), interval_ms=interval, repairs=tuple(repairs))


def _mend_coarse(steps: FloatArray, close: BoolArray, interval: float) -> tuple[FloatArray, bool]:
    """Mend the steps of a clock that is coarser than the pen, or that jitters.

    Returns:
        The steps, and whether any was changed: where samples are missing, they stay.
    """
    tick = _tick(steps[close], interval)
    longest = float(steps[close].max())
    time = sums(_share(steps, close, interval) if tick is None else steps)
    even = _even(time, close, interval, longest if tick is None else tick)
    if even is None and tick is not None:
        return steps, False
    if even is None:
        even = _average(time, close, int(np.ceil(longest / interval)))
    # Strokes were moved as a whole, by less than a tick: they keep their order.
    return np.diff(np.maximum.accumulate(even)), True


def median(values: FloatArray) -> float:
    """Return the median of `(n,)`, n > 0, as `np.median` does, which loads 1.4 MB of numpy.ma."""
    ordered, middle = np.sort(values), len(values) // 2
    return float(ordered[middle] if len(values) % 2 else (ordered[middle - 1] + ordered[middle]) / 2)


def total(values: FloatArray) -> float:
    """Add up `(n,)` from the first to the last, as C does: numpy adds in an order of its own."""
    return float(np.cumsum(values)[-1]) if len(values) else 0.0


def sums(values: FloatArray) -> FloatArray:
    """Return 0 and the sums of `(n,)` up to each, `(n + 1,)`: of steps the time, of lengths the way."""
    return np.concatenate([[0.0], np.cumsum(values)])


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
        usual = _interval(np.where(jump, np.inf, steps), written, MAX_GAP_MS)
        # Strokes that begin anew come from a device that counts from each touch; anything else was set.
        anew = back & ~written
        repairs += [Repair.STAMPS_RESTART] if anew.any() else []
        repairs += [Repair.CLOCK_JUMPED] if (jump & ~anew).any() else []
        steps[jump] = np.where(written, usual, LIFT_MS)[jump]
    if (steps < 0).any():
        # The clock stands still until it has caught up with the latest stamp so far.
        latest = np.maximum.accumulate(sums(steps))
        steps = np.diff(latest)
    return steps, repairs


def _gap(written: FloatArray) -> float:
    """Return up to what steps of strokes `(n,)` are none over which samples are missing.

    Where most are 0, the others are the ticks of a clock, which may be longer than `MAX_GAP_MS`.
    """
    ticks = written[written > 0]
    if not len(ticks) or len(ticks) > len(written) / 2:
        return MAX_GAP_MS
    tick = median(ticks)
    return TICKS * tick if MAX_GAP_MS < tick <= LONGEST_TICK_MS else MAX_GAP_MS


def _interval(steps: FloatArray, written: BoolArray, gap: float) -> float:
    """Mean step within strokes, gaps apart: of bursts and ticks too it is the pen's interval."""
    close = steps[written & (steps >= 0) & (steps <= gap)]
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


def _assume_lifts(steps: FloatArray, written: BoolArray, interval: float) -> tuple[FloatArray, bool]:
    """Give all lifts a time where nearly none has one: a device counts only samples that touch.

    Returns:
        The steps, and whether any was changed.
    """
    begin = np.flatnonzero(written[:-1] & ~written[1:]) + 1
    end = np.flatnonzero(~written[:-1] & written[1:]) + 1
    # What comes before the first stroke and after the last one is no lift.
    end = end if written[0] else end[1:]
    begin = begin[: len(end)]
    time = sums(steps)
    short = time[end] - time[begin] < SHORT_LIFT * interval
    if np.count_nonzero(short) < max(LEAST_LIFTS, (1 - FEW_LIFTS) * len(short)):
        return steps, False
    steps = steps.copy()
    steps[end[short] - 1] = LIFT_MS
    return steps, True


def _share(steps: FloatArray, close: BoolArray, interval: float) -> FloatArray:
    """Let the samples of one burst share the time up to the next burst of the stroke.

    A burst begins with a stroke, after a gap, or after a step that is no short one. Its samples lie evenly up
    to the next burst; those of a stroke's last burst one interval apart, but never beyond the next stroke.
    """
    short = close & (steps < UNEVEN * interval)
    if not short.any():
        return steps
    time = sums(steps)
    first = np.flatnonzero(np.concatenate([[True], ~short]))
    count = np.diff(np.append(first, len(time)))
    # Time up to the next burst; after the last one of all there is no limit.
    until = np.append(np.diff(time[first]), np.inf)
    ends_stroke = np.append(~close[first[1:] - 1], True)
    each = np.where(ends_stroke, np.minimum(interval, until / count), until / count)
    place = np.arange(len(time)) - np.repeat(first, count)
    return np.asarray(np.diff(np.repeat(time[first], count) + place * np.repeat(each, count)))


def _even(time: FloatArray, close: BoolArray, interval: float, tick: float) -> FloatArray | None:
    """Make the samples of each stroke even; None: that moves one by more than a tick."""
    even = time.copy()
    for start, end in zip(*map(np.ndarray.tolist, _strokes(close)), strict=True):
        place = np.arange(end - start) - (end - start - 1) / 2
        even[start:end] = total(time[start:end]) / (end - start) + interval * place
    return even if np.abs(even - time).max() <= tick else None


def _strokes(close: BoolArray) -> tuple[IndexArray, IndexArray]:
    """Return where runs of close steps start, and behind which sample they end."""
    starts = np.flatnonzero(np.concatenate([[True], ~close]))
    return starts, np.append(starts[1:], len(close) + 1)


def _tick(close: FloatArray, interval: float) -> float | None:
    """Return the step of which nearly all of `(n,)` are whole multiples, one at least; None: there is none.

    An exact clock counts those, of a pen that samples evenly, where samples are missing.
    """
    few = len(close) // 4
    tick = float(np.partition(close, few)[few])
    if tick < UNEVEN * interval:
        return None  # a quarter of the samples came in bursts
    times = np.rint(close / tick)
    off = np.abs(close - times * tick) > np.minimum(OFF_TICK * tick + OFF_TICK_MS, MOST_OFF_TICK * tick)
    if np.count_nonzero(times < 1) > FEW_SHORT * len(close) or np.count_nonzero(off) > FEW_OFF * len(close):
        return None
    return tick


def _average(time: FloatArray, close: BoolArray, reach: int) -> FloatArray:
    """Average stamps over `reach` samples either side, fewer near the ends of a stroke."""
    starts, ends = _strokes(close)
    passed = sums(time)
    index = np.arange(len(time))
    start, end = np.repeat(starts, ends - starts), np.repeat(ends, ends - starts)
    side = np.minimum(reach, np.minimum(index - start, end - 1 - index))
    return np.asarray((passed[index + side + 1] - passed[index - side]) / (2 * side + 1))
