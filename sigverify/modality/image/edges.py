"""`edges_of`: edges of light, straight or bent, beyond which a table, a scanner's lid or a shadow begins.

Light that fades is no such edge: `ink` follows it block by block, but not where it falls within a few pixels.
"""

from typing import Final, NamedTuple

import numpy as np

from sigverify.arrays import BoolArray
from sigverify.modality.image.grey import GreyArray
from sigverify.modality.image.runs import Places

DARKER: Final = 4, 5
"""What lies beyond an edge has less than 4 / 5 of the light of paper: `ink` follows less by itself."""
LEAST_DEPTH: Final = 3
"""Pixels that it reaches into the picture somewhere: less is a printed line at the very edge."""
LEAST_LENGTH: Final = 48
"""Pixels along which it is straight: no stroke leaves a picture so (6 blocks, as of a soft shadow)."""
LEAST_SHARE: Final = 0.6
"""The same, of its own length; strokes that touch it, and other edges, take the rest."""
OFF: Final = 2
"""Pixels, from the straight line, that still count as on it, in half-pixels 4: a scanner's edge is soft."""
SOFTEST: Final = 12
"""Pixels over which the light may fall; over more it fades."""
LEAST_BOW: Final = 96
"""Pixels along which an edge that bends is seen."""
_SMOOTHED: Final = 31
"""Pixels along it, of which the middle depth is taken: strokes that touch it are narrower than half of it."""
_STEP: Final = 8
_BENT: Final = 4
"""Pixels by which it bends over two steps of 8: so much as a circle of 16 pixels."""
_STEEPEST_BOW: Final = 1.5
"""Rise over run of an edge that bends."""
_LOOKED: Final = 24
"""Pixels on both sides of an edge in which its light is looked at."""
_STEPS: Final = 100
_STEEPEST: Final = 70
"""Slopes of up to ± 70 / 100 are tried."""
_SIDES: Final = 4


class Edge(NamedTuple):
    """An edge of light.

    Attributes:
        beyond: `(h, w)`, what lies on its dark side, the edge itself left out.
        itself: `(h, w)`, where the light falls: nothing is told from this there.
        light, paper: grey levels of its dark side, and of the paper at it.
    """

    beyond: BoolArray
    itself: BoolArray
    light: int
    paper: int


def edges_of(grey: GreyArray, usual: int) -> list[Edge]:
    """Find the edges of a picture whose paper has this light: at most one for each of its sides."""
    dark = DARKER[1] * grey.astype(np.int32) < DARKER[0] * usual
    found = []
    for turns in range(_SIDES):
        edge = _edge_above(np.rot90(grey, turns), np.rot90(dark, turns))
        if edge is not None:
            beyond, itself = (np.rot90(each, -turns) for each in edge[:2])
            found.append(Edge(beyond, itself, edge.light, edge.paper))
    return found


def _edge_above(grey: GreyArray, dark: BoolArray) -> Edge | None:
    """Find the edge of what is dark from the first row on, at each place along it."""
    height, width = dark.shape
    depth = np.where(dark.all(axis=0), height, dark.argmin(axis=0)).astype(np.int64)
    place = np.flatnonzero((depth >= LEAST_DEPTH) & (depth < height))
    if len(place) < LEAST_LENGTH:
        return None
    # The first row of paper, at each place.
    start, slope = straight(place, depth[place], (height, width))
    first = np.rint(start + slope * np.arange(width)).astype(np.int64)
    span = (first >= LEAST_DEPTH) & (first < height)
    on = span & (np.abs(depth - first) <= OFF)
    if int(on.sum()) >= max(LEAST_LENGTH, LEAST_SHARE * int(span.sum())):
        return _lit(grey, first, on, abs(slope))
    first, on = _bowed(depth, height)
    return _lit(grey, first, on, 1.0) if int(on.sum()) >= LEAST_BOW else None


def _bowed(depth: Places, height: int) -> tuple[Places, BoolArray]:
    """Return the first row of paper along an edge that bends, and where it is seen; elsewhere far outside."""
    width = len(depth)
    padded = np.pad(depth, _SMOOTHED // 2, mode="edge")
    first = np.median(np.lib.stride_tricks.sliding_window_view(padded, _SMOOTHED), axis=1).astype(np.int64)
    far = np.pad(first, _STEP, mode="edge")
    before, after = far[:width], far[2 * _STEP :]
    # Where it is steep the edge is that of the side at the left or right, which sees it lie flat.
    calm = (np.abs(after - before) <= 2 * _STEP * _STEEPEST_BOW) & (
        np.abs(after + before - 2 * first) <= _BENT
    )
    there = calm & (first >= LEAST_DEPTH) & (first < height)
    on = there & (np.abs(depth - first) <= 1)
    if int(on.sum()) < LEAST_SHARE * int(there.sum()):
        on = np.zeros_like(on)
    return np.where(there, first, -2 * height), on


def straight(place: Places, depth: Places, shape: tuple[int, int]) -> tuple[float, float]:
    """Return height at place 0 and slope of the line with most depths on it.

    Source: P. Hough, "Method and means for recognizing complex patterns", 1962.
    """
    height, width = shape
    slopes = np.arange(-_STEEPEST, _STEEPEST + 1)[:, np.newaxis]
    center = width // 2
    # Lines that meet the middle column above or below the picture count as well.
    rows = (_STEPS * depth - slopes * (place - center)) // _STEPS + height
    rows = np.clip(rows, 0, 3 * height) + np.arange(len(slopes))[:, np.newaxis] * (3 * height + 2)
    counts = np.bincount(rows.ravel(), minlength=len(slopes) * (3 * height + 2)).reshape(len(slopes), -1)
    # Where the picture ends by its limits, many lines are clipped: those are none.
    counts[:, [0, -2]] = 0
    near = counts[:, :-2] + counts[:, 1:-1] + counts[:, 2:]
    best, middle = divmod(int(near.argmax()), near.shape[1])
    slope = (best - _STEEPEST) / _STEPS
    start = middle + 1 - height - slope * center
    for _ in range(2):
        on = np.abs(depth - (start + slope * place)) <= OFF
        if not on.any():
            break
        start, slope = _fitted(place[on], depth[on])
    return start, slope


def _fitted(place: Places, depth: Places) -> tuple[float, float]:
    """Return the line of least squares, from sums of whole numbers, which no order of adding changes."""
    count, x, y = len(place), int(place.sum()), int(depth.sum())
    spread = count * int((place * place).sum()) - x * x
    slope = (count * int((place * depth).sum()) - x * y) / spread if spread else 0.0
    return (y - slope * x) / count, slope


def _lit(grey: GreyArray, first: Places, on: BoolArray, steep: float) -> Edge | None:
    """Look at the light on both sides of an edge so steep; None where it falls too little, or fades."""
    height = len(grey)
    steps = np.arange(-_LOOKED, _LOOKED)
    rows = first[on] + steps[:, np.newaxis]
    inside = (rows >= 0) & (rows < height)
    levels = grey[np.clip(rows, 0, height - 1), np.flatnonzero(on)]
    # Half of all places are paper, or table, at each step: strokes take less.
    light = np.array(
        [
            int(np.median(level[there])) if 2 * int(there.sum()) >= len(there) else -1
            for level, there in zip(levels, inside, strict=True)
        ]
    )
    within, outside = light[:_LOOKED][light[:_LOOKED] >= 0], light[_LOOKED:][light[_LOOKED:] >= 0]
    if len(within) < LEAST_DEPTH or len(outside) < LEAST_DEPTH:
        return None
    low, high = int(np.median(within)), int(np.median(outside))
    if DARKER[1] * low >= DARKER[0] * high:
        return None
    fall = 10 * (light - low)
    falling = np.flatnonzero((light >= 0) & (fall > high - low) & (fall < 9 * (high - low)))
    near = falling[np.abs(steps[falling]) <= SOFTEST]
    if len(near) < len(falling) or (len(near) and int(np.ptp(near)) + 1 > SOFTEST):
        return None
    # Some pixels more on each side: the line is known to a pixel or so across, so to more along the steps.
    off = OFF + round(steep)
    start = min(int(steps[near[0]]), 0) - off if len(near) else -off
    end = max(int(steps[near[-1]]) + 1, 0) + off if len(near) else off
    below = np.arange(height)[:, np.newaxis] - first
    return Edge(below < start, (below >= start) & (below < end), low, high)
