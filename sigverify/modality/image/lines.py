"""`without_lines`: ink without the lines and boxes that are printed on a form.

A printed line is straight to a fraction of a pixel, as is hardly anything drawn by hand over this length. The
headlines of Devanagari come nearest: of 1,500 signatures the straightest was off by 0.30 pixels on the
average. One that is no straighter than these must go beyond all other ink, as no headline does, or from edge
to edge.
"""

from typing import Final, NamedTuple

import numpy as np

from sigverify.arrays import BoolArray
from sigverify.modality.image.runs import Places, Runs

THICKEST: Final = 6
"""Pixels of a printed line from edge to edge."""
LEAST_SHARE: Final = 0.4
"""Of the picture's side, that a line covers."""
LEAST_LENGTH: Final = 160
"""Pixels that it covers: over less the hand is straight, too."""
LEAST_HEIGHT: Final = 40
"""The same of an upright line, which must end at other lines besides."""
UNEVEN: Final = 0.28
"""Standard deviation of a printed line's middle from a straight one, in pixels; the grid makes 0.2 or so."""
UNEVEN_FROM_EDGE: Final = 0.35
"""The same of a line from one edge of the picture to the other."""
UNEVEN_BEYOND: Final = 0.55
"""The same of a line that goes beyond all other ink, which a photograph may bend …"""
BEYOND: Final = 0.05
"""… by so much of the picture's side at each end."""
SURE_LENGTH: Final = 270
"""All these hold for lines of so many pixels. Shorter headlines are straighter."""
_STEEPEST: Final = 20
_STEPS: Final = 200
"""Slopes of up to ± 20 / 200 are tried."""
_DOTS_APART: Final = 6
"""Dots so near to each other make a line."""
_LEAST_RUN: Final = 10
"""Pixels of a line that lie in one row: even rising by a tenth it has so many."""
COVERED: Final = 0.8
"""Share of a line that is parallel to another and goes from edge to edge, where it is seen …"""
FAINT: Final = 0.4
"""… and of one of `FAINT_LENGTH` pixels: as faint as the lightest ink it is seen in dashes. Half as much at
both of its ends: a headline does not go from edge to edge."""
FAINT_LENGTH: Final = 24
_MOST: Final = 16
"""Lines looked for in each direction."""
_TO_EDGE: Final = 6
"""An upright line ends so near to a level one, or to the picture's edge: others are strokes."""


class _Line(NamedTuple):
    """A line: `middle + slope · place` is its height, of `thick` pixels, from `first` to `last` place.

    It covers so many `pixels` of that length, and is off by `uneven` pixels.
    """

    slope: float
    middle: float
    thick: int
    first: int
    last: int
    pixels: int
    uneven: float

    def height(self, places: Places) -> Places:
        """Return its height at some places, doubled and rounded."""
        return np.asarray(np.rint(2 * (self.middle + self.slope * places)), np.int64)


def without_lines(ink: BoolArray) -> BoolArray:
    """Return ink without printed lines; strokes that cross them stay whole."""
    height, width = ink.shape
    across = Runs.of(ink.T)
    along = Runs.of(ink)
    level = _lines(along, across, (height, width), LEAST_LENGTH)
    level += _parallel(level, across, (height, width))
    upright = _lines(across, along, (width, height), LEAST_HEIGHT)
    upright = [line for line in upright if _ends_at_edges(line, level, height)]
    ink = _without(ink, across, along, level, upright)
    if level and upright:
        # Where two lines cross, each is a long run across the other, until the rest of both is gone.
        ink = _without(ink, Runs.of(ink.T), Runs.of(ink), level, upright)
    return ink


def _without(
    ink: BoolArray, across: Runs, along: Runs, level: list[_Line], upright: list[_Line]
) -> BoolArray:
    """Return ink, whose runs down and along the rows these are, without these lines."""
    height, width = ink.shape
    if level:
        ink = ink & across.taken(_outside(across, level)).drawn((width, height)).T
    if upright:
        ink = ink & along.taken(_outside(along, upright)).drawn((height, width))
    return ink


def _parallel(lines: list[_Line], across: Runs, shape: tuple[int, int]) -> list[_Line]:
    """Find the rest of ruled paper: lines parallel to these, from edge to edge, if only across a corner."""
    height, width = shape
    ruled = [line.slope for line in lines if max(line.first, width - 1 - line.last) < _LEAST_RUN]
    if not ruled:
        return []
    slope = float(np.median(ruled))
    thin = across.taken((across.length <= THICKEST) & _outside(across, lines))
    # Height of a line at place 0: all that meet the picture, and two more above and below.
    rise = slope * np.arange(width)
    lowest = int(np.floor(-max(rise[-1], 0.0))) - 2
    count = height + int(np.ceil(abs(rise[-1]))) + 6
    start = np.rint((thin.start + thin.end - 1) / 2 - slope * thin.row).astype(np.int64) - lowest
    on = np.zeros((count, width), np.bool_)
    inside = (start >= 1) & (start < count - 1)
    for step in (-1, 0, 1):
        on[start[inside] + step, thin.row[inside]] = True
    rows = np.rint(np.arange(count)[:, np.newaxis] + lowest + rise)
    shown = (rows >= 0) & (rows < height)
    length, covered = shown.sum(axis=1), (on & shown).sum(axis=1)
    least = np.where(length >= FAINT_LENGTH, FAINT, COVERED) * length
    whole = np.flatnonzero((length >= _LEAST_RUN) & (covered >= least))
    found: list[_Line] = []
    for place in whole[np.argsort(-covered[whole], kind="stable")]:
        middle, where = float(place + lowest), np.flatnonzero(shown[place])
        end = max(len(where) // 8, _LEAST_RUN)
        seen = all(part.mean() >= FAINT / 2 for part in (on[place, where[:end]], on[place, where[-end:]]))
        if seen and len(found) < _MOST and all(abs(line.middle - middle) > THICKEST for line in found):
            thick = int(np.median(thin.length[inside & (np.abs(start - place) <= 1)]))
            found.append(_Line(slope, middle, thick, int(where[0]), int(where[-1]), int(covered[place]), 0.0))
    return found


def _lines(along: Runs, across: Runs, shape: tuple[int, int], least_length: int) -> list[_Line]:
    """Find the lines that lie more or less along the rows of a picture of that shape."""
    least = max(least_length, LEAST_SHARE * shape[1])
    # A line is made of short runs across it whose middles lie in long runs along it.
    flat = _bridged(along)
    flat = flat.taken(flat.length >= _LEAST_RUN)
    thin = across.taken(across.length <= THICKEST)
    thin = thin.taken(flat.drawn(shape)[(thin.start + thin.end - 1) // 2, thin.row])
    found: list[_Line] = []
    for _ in range(_MOST):
        if len(thin.row) < least / 4 or shape[1] < least:
            break
        line = _straightest(thin, shape)
        if line.pixels < least / 2:
            break  # the next ones are shorter still, but for what bridges a gap
        if line.pixels >= least and _is_printed(line, across, shape[1]):
            found.append(line)
        # What was written by hand is looked at no more either.
        near = np.abs(thin.start + thin.end - 1 - line.height(thin.row)) <= 4
        if not near.any():
            break
        thin = thin.taken(~near)
    return found


def _bridged(runs: Runs) -> Runs:
    """Join runs of a row that are as near as the dots of a line."""
    apart = (np.diff(runs.row) != 0) | (runs.start[1:] - runs.end[:-1] > _DOTS_APART)
    first = np.concatenate([[True], apart]) if len(runs.row) else np.zeros(0, np.bool_)
    return Runs(runs.row[first], runs.start[first], runs.end[np.roll(first, -1)])


def _straightest(thin: Runs, shape: tuple[int, int]) -> _Line:
    """Return the line on which most middles lie."""
    place, doubled = thin.row, thin.start + thin.end - 1
    slope, middle = _most_on(place, doubled, shape)
    thick, chosen = THICKEST, np.ones(len(place), np.bool_)
    for near in (3, 2, 2):
        # Where a stroke runs along the line for a while, both together are thicker.
        on = (np.abs(doubled - 2 * (middle + slope * place)) <= 2 * near) & (thin.length <= thick + 1)
        if not on.any():
            break
        chosen = on
        thick = int(np.median(thin.length[chosen]))
        slope, middle = _fitted(place[chosen], doubled[chosen])
    members = place[chosen]
    covered = np.zeros(shape[1] + _DOTS_APART, np.bool_)
    for step in range(_DOTS_APART):
        covered[members + step] = True
    off = doubled[chosen] - 2 * (middle + slope * members)
    uneven = float(np.mean(off * off)) ** 0.5 / 2
    return _Line(slope, middle, thick, int(members.min()), int(members.max()), int(covered.sum()), uneven)


def _is_printed(line: _Line, across: Runs, width: int) -> bool:
    """Tell a line that is long enough from what is drawn by hand."""
    uneven = line.uneven / min(1.0, line.pixels / SURE_LENGTH)
    if uneven <= UNEVEN:
        return True
    if uneven > UNEVEN_BEYOND:
        return False
    if max(line.first, width - 1 - line.last) < _LEAST_RUN and uneven <= UNEVEN_FROM_EDGE:
        return True
    others = across.row[_outside(across, [line])]
    margin = BEYOND * width
    return len(others) > 0 and line.first <= others.min() - margin and line.last >= others.max() + margin


def _fitted(place: Places, doubled: Places) -> tuple[float, float]:
    """Return slope and height of the line of least squares, from sums of whole numbers."""
    count, x, y = len(place), int(place.sum()), int(doubled.sum())
    spread = count * int((place * place).sum()) - x * x
    rise = (count * int((place * doubled).sum()) - x * y) / spread if spread else 0.0
    return rise / 2, (y - rise * x) / count / 2


def _most_on(place: Places, doubled: Places, shape: tuple[int, int]) -> tuple[float, float]:
    """Return slope and height of the line with most middles within a pixel of it.

    Source: P. Hough, "Method and means for recognizing complex patterns", 1962.
    """
    height, width = shape
    slopes = np.arange(-_STEEPEST, _STEEPEST + 1)[:, np.newaxis]
    center = width // 2
    rows = (_STEPS * doubled - 2 * slopes * (place - center)) // (2 * _STEPS)
    rows = np.clip(rows, -1, height) + 1 + np.arange(len(slopes))[:, np.newaxis] * (height + 2)
    counts = np.bincount(rows.ravel(), minlength=len(slopes) * (height + 2)).reshape(len(slopes), height + 2)
    near = counts[:, :-2] + counts[:, 1:-1] + counts[:, 2:]
    best = int(near.argmax())
    slope = (best // height - _STEEPEST) / _STEPS
    return slope, best % height - slope * center


def _outside(runs: Runs, lines: list[_Line]) -> BoolArray:
    """Tell which runs across lines are no part of them: off them, or so long that a stroke crosses there."""
    outside = np.ones(len(runs.row), np.bool_)
    for line in lines:
        off = np.abs(runs.start + runs.end - 1 - line.height(runs.row))
        outside &= (off > 4) | (runs.length > line.thick + 2)
    return outside


def _ends_at_edges(line: _Line, level: list[_Line], height: int) -> bool:
    """Whether both ends of an upright line lie at level lines, or at the upper or lower edge."""
    for end in (line.first, line.last):
        column = line.middle + line.slope * end
        edges = [0.0, height - 1.0, *(each.middle + each.slope * column for each in level)]
        if min(abs(end - edge) for edge in edges) > _TO_EDGE:
            return False
    return True
