"""Which samples are writing: touches before, after and beside the name are not, nor is a pen that rests.

A touch is told from a dot or a flourish by the writing itself: it is small beside the rest, and it comes much
longer before or after than this hand takes between its strokes, or it lies far from all other ink.
"""

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from sigverify.arrays import BoolArray, FloatArray, IndexArray
from sigverify.modality.pen import clock
from sigverify.modality.pen.repair import Repair

SMALL: Final = 0.05
"""Share of all ink that a touch has at most. A dot has less too, but a dot comes soon and lies near."""
LONE_MS: Final = 700.0
"""A touch is at least so long apart from the name; 99 % of the lifts in SVC2004 are shorter, or nearly so."""
LONE_LIFTS: Final = 4.0
"""And so many times as long apart as this hand's median lift."""
FAR: Final = 0.25
"""Or it lies so far from all other ink, as share of the diagonal of its box: the dot of an i lies nearer."""
MOST_STROKES: Final = 100
"""Of a recording with more no touch is looked for: no name has so many, and time grows with their square."""
MOST_TOUCHES: Final = 8
"""More are not taken off: each has all strokes looked at again."""
REST: Final = 0.01
"""A pen that moves by less than this share of the diagonal rests: letters are larger."""
_OVER: Final = 2.001
"""Radii; a little more than the two between opposite points of a circle, for rounding."""
REST_MS: Final = 150.0
"""A shorter rest is part of the writing; a longer one within it counts as a gap does (`clock.MAX_GAP_MS`)."""


class _Stroke(NamedTuple):
    """A run of ink: its first and last sample, and the length of its line."""

    start: int
    end: int
    length: float


def find_touches(
    x: FloatArray, y: FloatArray, time_ms: FloatArray, ink: BoolArray
) -> tuple[BoolArray, list[Repair]]:
    """Return which samples `(n,)` are of touches, and what to say of them.

    All arrays are `(n,)`: positions, mended times, and the ink as in `Signature`.
    """
    strokes = _strokes(x, y, ink)
    touches = np.zeros(len(x), np.bool_)
    repairs: list[Repair] = []
    if len(strokes) > MOST_STROKES:
        return touches, repairs
    # One by one: two touches before the name stand between each other and the name.
    for _ in range(MOST_TOUCHES):
        found = _find_touch(strokes, x, y, time_ms) if len(strokes) > 1 else None
        if found is None:
            break
        number, repair = found
        touches[strokes[number].start : strokes[number].end + 1] = True
        repairs += [] if repair in repairs else [repair]
        del strokes[number]
    return touches, repairs


def find_rests(
    x: FloatArray, y: FloatArray, time_ms: FloatArray, kept: IndexArray, ink: BoolArray
) -> IndexArray:
    """Return which of the kept samples add nothing to where the pen rested: places in the signature.

    Of a rest at either end only the sample next to the writing stays, of one within it the first and last.
    """
    px, py, time = x[kept], y[kept], time_ms[kept]
    radius = REST * float(np.hypot(np.ptp(px), np.ptp(py)))
    # Whoever rests is near after REST_MS still: if nobody is, there is no rest, and no loop.
    later = np.minimum(np.searchsorted(time, time + REST_MS, side="right"), len(time) - 1)
    still = (np.hypot(px[later] - px, py[later] - py) <= radius) & (time[later] - time > REST_MS)
    if not still.any():
        return kept[:0]
    # Nobody rests on a sample whose next one is not near: as it is nearly everywhere. No rest goes over a
    # step of more than twice the radius: between two such there is one only where somebody is near still.
    step = np.hypot(np.diff(px), np.diff(py))
    near = ink[kept[1:]] & (step <= radius)
    part = np.concatenate([[0], np.cumsum(step > _OVER * radius)])
    near &= np.bincount(part, still)[part[:-1]] > 0
    written, path = ink[kept].tolist(), list(map(complex, px.tolist(), py.tolist()))
    resting: list[int] = []
    begin = 0
    for start in np.flatnonzero(near).tolist():
        if start < begin:
            continue
        end = start + 1
        while end + 1 < len(path) and written[end + 1] and abs(path[end + 1] - path[start]) <= radius:
            end += 1
        if time[end] - time[start] > REST_MS:
            first = start if start == 0 else start + 1
            last = end + 1 if end == len(kept) - 1 else end
            resting += range(first, last)
        begin = end + 1
    return kept[resting]


def _find_touch(
    strokes: list[_Stroke], x: FloatArray, y: FloatArray, time_ms: FloatArray
) -> tuple[int, Repair] | None:
    """Return the number of a stroke that is a touch, and what to say of it; None: there is none."""
    last = len(strokes) - 1
    total = clock.total(np.array([stroke.length for stroke in strokes]))
    small = [number for number, stroke in enumerate(strokes) if stroke.length <= SMALL * total]
    if not small:
        return None
    lifts = [float(time_ms[after.start] - time_ms[before.end]) for before, after in pairwise(strokes)]
    # How long this hand takes from one part of the name to the next; touches and dots say nothing of that.
    own = sorted(lift for place, lift in enumerate(lifts) if not {place, place + 1} & set(small))
    lone_ms = max(LONE_MS, LONE_LIFTS * own[len(own) // 2] if own else 0.0)
    for number in small:
        apart = lifts[0] if number == 0 else lifts[-1]
        lone = number in (0, last) and apart >= lone_ms
        if lone or _is_far(strokes, number, x, y):
            repair = {0: Repair.MARK_BEFORE, last: Repair.MARK_AFTER}.get(number, Repair.MARK_BETWEEN)
            return number, repair
    return None


def _is_far(strokes: list[_Stroke], number: int, x: FloatArray, y: FloatArray) -> bool:
    """Whether a stroke lies far from all other ink."""
    own = slice(strokes[number].start, strokes[number].end + 1)
    others = np.zeros(len(x), np.bool_)
    for place, stroke in enumerate(strokes):
        others[stroke.start : stroke.end + 1] |= place != number
    rest_x, rest_y = x[others], y[others]
    diagonal = np.hypot(np.ptp(rest_x), np.ptp(rest_y))
    # To the box around the stroke, which is small: so the time is that of one look at all samples.
    right = np.maximum(x[own].min() - rest_x, rest_x - x[own].max())
    up = np.maximum(y[own].min() - rest_y, rest_y - y[own].max())
    nearest = np.hypot(np.maximum(right, 0.0), np.maximum(up, 0.0)).min()
    return bool(nearest > FAR * diagonal)


def _strokes(x: FloatArray, y: FloatArray, ink: BoolArray) -> list[_Stroke]:
    """Return the runs of ink; the way to the first sample of each carries none."""
    following = np.concatenate([ink[1:], [False]])
    starts = np.flatnonzero(following & ~ink)
    if ink[0]:
        starts = np.concatenate([[0], starts])
    ends = np.flatnonzero(ink & ~following)
    line = clock.sums(np.where(ink[1:], np.hypot(np.diff(x), np.diff(y)), 0.0))
    return [
        _Stroke(start, end, float(line[end] - line[start]))
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
