"""Outlines: where the pen went, whatever the time it took, and how alike two of them are.

People sign alike and never the same: of two genuine signatures, turned, moved, sized and sheared to fit, one
lies beside the other nearly everywhere. A recording that was stretched in time, sampled anew, turned, or that
had a little noise added still runs along the same line. So copies are told by how far a line lies from
another one, not from its points: how fast it was written does not enter at all.

The core in C computes the same bits (`src/outlines.c` of libsigverify). So places and their sums are whole
numbers, exact in float64 in whatever order a matrix product adds them; everything else is added in an order
that is said.

Source: the fit by turns of closest points and least squares is that of P. Besl, N. McKay, "A method for
registration of 3-D shapes", 1992, here with an affine map; the farthest points are left out of it as in
D. Chetverikov et al., "The trimmed iterative closest point algorithm", 2002.
"""

import math
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Final, NamedTuple

import numpy as np

from sigverify.arrays import BoolArray, FloatArray, IndexArray, Int8Array
from sigverify.modality.pen.clock import sums, total
from sigverify.modality.pen.signature import Signature

POINTS: Final = 96
"""Of an outline; corners stay within 1 % of its size of where they were."""
_FINE: Final = 4
"""Points for each of them in which the line is smoothed."""
_SMOOTH: Final = 1.2
"""Standard deviation of the smoothing, in points of the outline: noise goes, letters stay."""
_LONGEST: Final = 120
"""Counts in one step along a straight line. Steps are rounded so that no error adds up, which takes room."""
_WINDOW: Final = 8
"""Points before and after the same place of the other line within which the closest is looked for."""
_FEW: Final = POINTS // 4
"""Points by which the nearest are chosen."""
_KEPT: Final = 0.8
"""Share of the points that are fitted and counted: those that lie closest."""
_COUNTED: Final = int(_KEPT * POINTS)
_TURNS: Final = 8
_TINY: Final = 1e-9
"""What is added to the diagonal of normal equations, so that a line that is a dot has an answer."""
_FLAT: Final = 1e-12
"""A line whose second axis is less than this share of its first is straight, up to rounding."""
_LIKELY: Final = 0.15
"""Outlines farther apart than this, point by point in radii, are not looked at closely: it takes long, and of
copies nine in ten lie within 0.1."""
_LOOKED_AT: Final = 2
"""How many of the nearest are: a copy is one of the nearest even before it is fitted."""
_CUTS: Final = range(-27, 28, 3)
"""Half points left out of a known line, at its beginning or, below 0, at its end: what a copy may lack."""
LINES: Final = 2
"""Of a signature, by which a copy of it is found."""
ENDS: Final = 0.06
"""Share of the ink that strokes at either end have at most, without which a line is looked for too: whoever
shows a copy may touch the pad before it, or draw a little behind it."""
COPY: Final = 0.0055
"""Nearer than this, in radii, is a copy; benchmarks/policy.py --copies prints what is how near. Chosen on
five corpora: of 2858 genuine signatures after all before them none lies nearer, the nearest at 0.0056."""


def follow(signature: Signature) -> Int8Array:
    """Return equal steps along the line, `(LINES, POINTS - 1, 2)` int8; straight ones have `_LONGEST` counts.

    The first is that of the whole line, the second that without short strokes at its ends, see `ENDS`: the
    same where there are none.
    """
    kept = signature.repaired.kept
    line = np.stack([signature.x[kept], signature.y[kept]])
    core = _core(line, signature.repaired.ink[kept])
    whole = _steps(line)
    return np.stack([whole, whole if core == (0, line.shape[1]) else _steps(line[:, slice(*core)])])


def distinct(lines: Int8Array) -> tuple[bytes, ...]:
    """Return those of lines `(n, POINTS - 1, 2)` that are not there already."""
    return tuple(dict.fromkeys(line.tobytes() for line in lines))


def _core(line: FloatArray, ink: BoolArray) -> tuple[int, int]:
    """Return where a line `(2, n)` begins, and behind which point it ends, without short strokes there."""
    written = sums(np.where(ink[1:], _lengths(line), 0.0))
    few = ENDS * written[-1]
    starts = np.flatnonzero(np.concatenate([[True], ~ink[1:]]))
    ends = np.append(starts[1:], len(ink)) - 1
    begin = int(starts[written[starts] <= few][-1])
    end = int(ends[written[-1] - written[ends] <= few][0])
    return (begin, end + 1) if begin < end else (0, len(ink))


def _steps(line: FloatArray) -> Int8Array:
    """Return equal steps along a line `(2, n)`."""
    places = _along(_smoothed(_along(line, _FINE * POINTS)), POINTS)
    longest = max(float(_lengths(places).max()), 1e-12)
    counts = np.rint((places - places[:, :1]) * (_LONGEST / longest))
    return np.asarray(np.diff(counts, axis=1).T, np.int8, order="C")


def is_copy(outline: bytes, known: Sequence[bytes]) -> bool:
    """Whether an outline is one of those known, of one device and hand and moment."""
    probe, lines = unpacked(outline, known)
    return bool(apart(probe, lines).min() < COPY)


def unpacked(outline: bytes, known: Sequence[bytes]) -> tuple[Int8Array, Int8Array]:
    """Return what `apart` takes of an outline and those known."""
    probe, lines = (
        np.frombuffer(each, np.int8).reshape(-1, POINTS - 1, 2) for each in (outline, b"".join(known))
    )
    return probe[0], lines


def apart(probe: Int8Array, known: Int8Array) -> FloatArray:
    """Return how far an outline `(POINTS - 1, 2)` lies from each of `(n, POINTS - 1, 2)`: `(n,)`, in radii.

    An outline that is the other's without its beginning or its end lies near it, too. Those that are far
    apart before they are fitted well get what they are apart then.
    """
    mine, lines = _ways(probe), _ways(known)
    by_cut = _point_by_point(mine, lines)
    distances = by_cut.min(axis=0)
    looked_at = [place for place in _least(by_cut.ravel(), _LOOKED_AT) if by_cut.flat[place] < _LIKELY]
    if looked_at:
        cuts, which = np.unravel_index(looked_at, by_cut.shape)
        rests = np.stack([_rest(_CUTS[cut], POINTS) for cut in cuts.tolist()])
        fitted = _fitted(_normal(mine), _normal(lines[which] @ rests.transpose(0, 2, 1)))
        np.minimum.at(distances, which, fitted)
    return np.asarray(distances)


def _ways(steps: Int8Array) -> FloatArray:
    """Return where steps `(…, POINTS - 1, 2)` lead from 0 on: `(…, 2, POINTS)`, whole numbers."""
    ways = np.zeros((*steps.shape[:-2], 2, POINTS))
    np.cumsum(np.moveaxis(steps, -1, -2), axis=-1, dtype=np.float64, out=ways[..., 1:])
    return ways


def _normal(ways: FloatArray) -> FloatArray:
    """Move the middle of whole numbers `(…, 2, n)` to 0, and count in RMS radii.

    A sum of squares may have more digits than a float64: it is added up in int64.
    """
    whole = ways.astype(np.int64)
    count, sums = whole.shape[-1], whole.sum(axis=-1, keepdims=True)
    squares = (whole**2).sum(axis=(-2, -1), keepdims=True)
    radius = np.sqrt((count * squares - (sums**2).sum(axis=-2, keepdims=True)).astype(np.float64))
    return np.asarray((count * whole - sums) / np.maximum(radius, 1.0))


def _least(values: FloatArray, count: int) -> list[int]:
    """Return the places of the least of `(n,)`, the least first; of equals the first one."""
    left, found = values.copy(), []
    for _ in range(min(count, len(left))):
        found.append(int(left.argmin()))
        left[found[-1]] = np.inf
    return found


def _point_by_point(mine: FloatArray, lines: FloatArray) -> FloatArray:
    """Fit affinely, the n-th point to the n-th: root mean square of what is left, in radii.

    Of the rests of all lines `(n, 2, POINTS)`: `(len(_CUTS), n)`. A few points of each are enough for that.
    """
    rests = _few_of_rests()
    few = mine @ _rest(0, _FEW).T
    # The longer axis is fitted first; the other by what it has beside.
    few = few[np.argsort(-_varying(few, few), kind="stable")]
    long, both, short = (float(_varying(few[i], few[j])) for i, j in ((0, 0), (0, 1), (1, 1)))
    long = max(long, 1.0)
    beside = both / long
    rest = max(short - beside * both, _FLAT * long)
    # Of each rest: sums, and sums of products with both axes and with itself, as whole numbers.
    flat = lines.transpose(2, 0, 1).reshape(POINTS, -1)
    sums, one, other = (
        (weights @ rests.points @ flat).reshape(len(_CUTS), -1) for weights in (np.ones(_FEW), *few)
    )
    squares = rests.squares @ flat**2 + rests.products @ (flat[:-1] * flat[1:])
    whole = _FEW * squares - sums**2
    along = _FEW * one - few[0].sum() * sums
    across = (_FEW * other - few[1].sum() * sums) - beside * along
    left = whole - along * along / long - across * across / rest
    left, whole = (part[:, 0::2] + part[:, 1::2] for part in (left, whole))
    return np.asarray(np.sqrt(np.maximum(left, 0.0) / np.maximum(whole, 1.0)))


def _varying(one: FloatArray, other: FloatArray) -> FloatArray:
    """How whole numbers `(…, n)` vary together: n² times their covariance, a whole number."""
    count = one.shape[-1]
    return np.asarray(count * (one * other).sum(axis=-1) - one.sum(axis=-1) * other.sum(axis=-1))


def _fitted(mine: FloatArray, theirs: FloatArray) -> FloatArray:
    """Fit `(2, POINTS)` to the closest points of other lines `(n, 2, POINTS)`, by turns.

    Returns:
        `(n,)`: root mean square of the share of the gaps that is kept.
    """
    segments = _Segments(theirs)
    targets, counted = theirs, np.ones((len(theirs), POINTS))
    for turn in range(_TURNS):
        squares, shares = segments.squares(_mapped(mine, targets, counted))
        gaps = squares.min(axis=1)
        if turn < _TURNS - 1:
            targets = segments.points(np.argmin(squares, axis=1), shares)
            counted = (gaps <= np.partition(gaps, _COUNTED, axis=1)[:, _COUNTED : _COUNTED + 1]) * 1.0
    return np.asarray(np.sqrt(np.sort(gaps, axis=1)[:, :_COUNTED].sum(axis=1) / _COUNTED))


def _mapped(mine: FloatArray, targets: FloatArray, counted: FloatArray) -> FloatArray:
    """Map a line `(2, POINTS)` affinely to targets `(n, 2, POINTS)`, by the points `(n, POINTS)` that count.

    The normal equations of 1, x and y, taken apart into a lower triangle, its mirror and a diagonal.
    """
    x, y = mine
    ones = np.ones(POINTS)
    own = np.stack([ones, x, y, x * x, x * y, y * y])[:, np.newaxis] * counted
    s, sx, sy, sxx, sxy, syy = own.sum(axis=-1)
    weighted = np.stack([ones, x, y])[:, np.newaxis] * counted
    to_one, to_x, to_y = (weighted[:, :, np.newaxis] * targets).sum(axis=-1)  # each (n, 2)
    first = s + _TINY
    x_of_one, y_of_one = sx / first, sy / first
    second, mixed = (sxx + _TINY) - x_of_one * sx, sxy - x_of_one * sy
    y_of_x = mixed / second
    third = ((syy + _TINY) - y_of_one * sy) - y_of_x * mixed
    first, x_of_one, y_of_one, second, y_of_x, third = (
        each[:, np.newaxis] for each in (first, x_of_one, y_of_one, second, y_of_x, third)
    )
    to_x = to_x - x_of_one * to_one
    to_y = (to_y - y_of_one * to_one) - y_of_x * to_x
    by_y = to_y / third
    by_x = to_x / second - y_of_x * by_y
    moved = (to_one / first - x_of_one * by_x) - y_of_one * by_y
    return np.asarray((by_x[..., np.newaxis] * x + by_y[..., np.newaxis] * y) + moved[..., np.newaxis])


class _Segments:
    """The segments of lines `(n, 2, POINTS)` near each of their points, `(2, n, window, POINTS)`.

    numpy is slow along short axes: so those of the plane stand first, and the points come last.
    """

    def __init__(self, lines: FloatArray) -> None:
        """Look out the segments."""
        axes = np.ascontiguousarray(lines.transpose(1, 0, 2))
        self._start = np.take(axes, _SEGMENTS, axis=2)
        self._way = np.take(axes, _SEGMENTS + 1, axis=2) - self._start
        self._reach = self._way / np.maximum(self._way[0] ** 2 + self._way[1] ** 2, 1e-12)
        self._first = np.arange(len(lines))[:, np.newaxis] * _SEGMENTS.size + np.arange(POINTS)

    def squares(self, places: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return how far each of places `(n, 2, POINTS)` lies from each segment near it, squared.

        Also where on the segment it is nearest, as share of it.
        """
        offset = places.transpose(1, 0, 2)[:, :, np.newaxis] - self._start
        share = offset[0] * self._reach[0] + offset[1] * self._reach[1]
        share = np.minimum(np.maximum(share, 0.0), 1.0)
        offset -= share * self._way
        return offset[0] ** 2 + offset[1] ** 2, share

    def points(self, chosen: IndexArray, shares: FloatArray) -> FloatArray:
        """Return the points that lie at a share of the chosen segments, `(n, 2, POINTS)`."""
        at = self._first + POINTS * chosen
        share = shares.reshape(-1)[at]
        axes = [
            start[at] + share * way[at]
            for start, way in zip(self._start.reshape(2, -1), self._way.reshape(2, -1), strict=True)
        ]
        return np.stack(axes, axis=1)


def _along(line: FloatArray, count: int) -> FloatArray:
    """Return `count` points at equal steps along a line `(2, n)`: `(2, count)`."""
    way = sums(_lengths(line))
    places = np.linspace(0.0, way[-1], count)
    return np.stack([np.interp(places, way, axis) for axis in line])


def _lengths(line: FloatArray) -> FloatArray:
    """Return how long the steps of a line `(2, n)` are, `(n - 1,)`; of `hypot` there are several."""
    x, y = np.diff(line, axis=1)
    return np.asarray(np.sqrt(x * x + y * y))


def _smoothed(line: FloatArray) -> FloatArray:
    """Average `(2, n)` by the kernel, from its first weight to its last; beyond an end lies the end."""
    half = len(_KERNEL) // 2
    longer = np.concatenate([np.repeat(line[:, :1], half, 1), line, np.repeat(line[:, -1:], half, 1)], axis=1)
    smoothed = np.zeros_like(line)
    for place, weight in enumerate(_KERNEL):
        smoothed += weight * longer[:, place : place + line.shape[1]]
    return smoothed


def _kernel() -> list[float]:
    """Return the weights of the smoothing, by the exponential of the machine's C library, as C does."""
    deviation = _SMOOTH * _FINE
    half = math.ceil(3 * deviation)
    weights = [math.exp(-0.5 * (place / deviation) ** 2) for place in range(-half, half + 1)]
    whole = total(np.array(weights))
    return [weight / whole for weight in weights]


@lru_cache(maxsize=len(_CUTS) + 2)
def _rest(cut: int, count: int) -> FloatArray:
    """Return `(count, POINTS)`: by it a line gives `count` points of what a cut leaves of it.

    These are 2 · (count - 1) times as large, so that they are whole numbers.
    """
    parts = 2 * (count - 1)
    places = max(cut, 0) * (count - 1) + (2 * (POINTS - 1) - abs(cut)) * np.arange(count)
    return np.asarray(np.maximum(0.0, parts - np.abs(places[:, np.newaxis] - parts * np.arange(POINTS))))


class _Rests(NamedTuple):
    """By these a line gives a few points of each of its rests.

    Attributes:
        points: the points, `(len(_CUTS), _FEW, POINTS)`.
        squares: with `products` the sum of their squares, `(len(_CUTS), POINTS)`: each of those points lies
            between two of the line, so that it is one of squares and of products of neighbors.
        products: one less.
    """

    points: FloatArray
    squares: FloatArray
    products: FloatArray


@cache
def _few_of_rests() -> _Rests:
    """Return what only numpy needs, once it does: the core in C keeps no such tables."""
    points = np.stack([_rest(cut, _FEW) for cut in _CUTS])
    return _Rests(
        points=points,
        squares=(points**2).sum(axis=1),
        products=2 * (points[..., :-1] * points[..., 1:]).sum(axis=1),
    )


_KERNEL: Final = _kernel()
_SEGMENTS: Final[IndexArray] = np.clip(
    np.arange(-_WINDOW, _WINDOW + 1)[:, np.newaxis] + np.arange(POINTS), 0, POINTS - 2
)
"""`(2 * _WINDOW + 1, POINTS)`: where the segments begin that are looked at for each point."""
