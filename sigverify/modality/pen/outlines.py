"""Outlines: where the pen went, whatever the time it took, and how alike two of them are.

People sign alike and never the same: of two genuine signatures, turned, moved, sized and sheared to fit, one
lies beside the other nearly everywhere. A recording that was stretched in time, sampled anew, turned, or that
had a little noise added still runs along the same line. So copies are told by how far a line lies from
another one, not from its points: how fast it was written does not enter at all.

Source: the fit by turns of closest points and least squares is that of P. Besl, N. McKay, "A method for
registration of 3-D shapes", 1992, here with an affine map; the farthest points are left out of it as in
D. Chetverikov et al., "The trimmed iterative closest point algorithm", 2002.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from sigverify.arrays import FloatArray, IndexArray, Int8Array
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
_TINY: Final = 1e-9 * np.eye(3)
"""What is added to normal equations, so that a line that is a dot has an answer."""
_LIKELY: Final = 0.15
"""Outlines farther apart than this, point by point in radii, are not looked at closely: it takes long, and of
copies nine in ten lie within 0.1."""
_LOOKED_AT: Final = 2
"""How many of the nearest are: a copy is one of the nearest even before it is fitted."""
_CUTS: Final = tuple(1.5 * step for step in range(-9, 10))
"""Points left out of a known line, at its beginning or, less than 0, at its end: what a copy may lack."""
COPY: Final = 0.0055
"""Nearer than this, in radii, is a copy; benchmarks/policy.py --copies prints what is how near. Chosen on
five corpora: of 2858 genuine signatures after all before them none lies nearer, the nearest at 0.0056."""


def follow(signature: Signature) -> Int8Array:
    """Return `(POINTS - 1, 2)` int8: equal steps along the line, `_LONGEST` counts where it runs straight."""
    kept = signature.repaired.kept
    line = np.stack([signature.x[kept], signature.y[kept]], axis=1)
    places = _along(_smoothed(_along(line, _FINE * POINTS)), POINTS)
    steps = np.hypot(*np.diff(places, axis=0).T)
    counts = np.rint((places - places[0]) * (_LONGEST / max(float(steps.max()), 1e-12)))
    return np.asarray(np.diff(counts, axis=0), np.int8)


def places_of(steps: Int8Array) -> FloatArray:
    """Return where steps `(…, POINTS - 1, 2)` lead: `(…, POINTS, 2)`, in RMS radii from the middle."""
    ways = np.zeros((*steps.shape[:-2], 2, POINTS), np.int32)
    np.cumsum(np.ascontiguousarray(np.moveaxis(steps, -1, -2), np.int32), axis=-1, out=ways[..., 1:])
    return _normal(np.moveaxis(ways, -2, -1))


def _normal(places: FloatArray) -> FloatArray:
    """Move the middle of `(…, POINTS, 2)` to 0, and count in RMS radii."""
    # numpy is slow along an axis of two.
    axes = np.array(np.moveaxis(places, -1, -2), np.float64, order="C")
    axes -= axes.mean(axis=-1, keepdims=True)
    radius = np.sqrt(2 * np.mean(axes**2, axis=(-2, -1), keepdims=True))
    axes /= np.maximum(radius, 1e-12)
    return np.asarray(np.moveaxis(axes, -2, -1))


def is_copy(outline: bytes, known: Sequence[bytes]) -> bool:
    """Whether an outline is one of those known, of one device and hand and moment."""
    probe, lines = (
        np.frombuffer(each, np.int8).reshape(-1, POINTS - 1, 2) for each in (outline, b"".join(known))
    )
    return bool(apart(probe[0], lines).min() < COPY)


def apart(probe: Int8Array, known: Int8Array) -> FloatArray:
    """Return how far an outline `(POINTS - 1, 2)` lies from each of `(n, POINTS - 1, 2)`: `(n,)`, in radii.

    An outline that is the other's without its beginning or its end lies near it, too. Those that are far
    apart before they are fitted well get what they are apart then.
    """
    mine, lines = places_of(probe), places_of(known)
    by_cut = _point_by_point(mine, lines)
    distances = by_cut.min(axis=0)
    near = np.argpartition(by_cut, _LOOKED_AT - 1, axis=None)[:_LOOKED_AT]
    cut, which = np.unravel_index(near[by_cut.ravel()[near] < _LIKELY], by_cut.shape)
    if len(cut):
        fitted = _fitted(mine, _normal(_RESTS[cut] @ lines[which]))
        np.minimum.at(distances, which, fitted)
    return np.asarray(distances)


def _point_by_point(mine: FloatArray, lines: FloatArray) -> FloatArray:
    """Fit affinely, the n-th point to the n-th: root mean square of what is left, in radii.

    Of the rests of all lines `(n, POINTS, 2)`: `(len(_CUTS), n)`. A few points of each are enough for that.
    """
    basis, _ = np.linalg.qr(_with_ones(_FEW_OF_ALL @ mine))
    flat = lines.transpose(1, 0, 2).reshape(POINTS, -1)
    squares = _SQUARES @ flat**2 + _PRODUCTS @ (flat[:-1] * flat[1:])
    fitted = ((basis.T @ _FEW_OF_RESTS).reshape(-1, POINTS) @ flat).reshape(len(_CUTS), -1, flat.shape[1])
    left = squares - np.sum(fitted**2, axis=1)
    whole = squares - (_SUMS @ flat) ** 2 / _FEW
    left, whole = (part.reshape(len(_CUTS), -1, 2).sum(axis=2) for part in (left, whole))
    return np.asarray(np.sqrt(np.maximum(left, 0) / np.maximum(whole, 1e-12)))


def _fitted(mine: FloatArray, theirs: FloatArray) -> FloatArray:
    """Fit to the closest points of the other lines, by turns: root mean square of the share kept, `(n,)`."""
    rows, segments = _with_ones(mine), _Segments(theirs)
    targets, counted = theirs, np.ones(theirs.shape[:2])
    for turn in range(_TURNS):
        weighted = (rows * counted[..., np.newaxis]).transpose(0, 2, 1)
        maps = np.linalg.solve(weighted @ rows + _TINY, weighted @ targets)
        squares, shares = segments.squares(rows @ maps)
        gaps = squares.min(axis=1)
        if turn < _TURNS - 1:
            targets = segments.points(np.argmin(squares, axis=1), shares)
            counted = (gaps <= np.partition(gaps, _COUNTED, axis=1)[:, _COUNTED : _COUNTED + 1]) * 1.0
    return np.asarray(np.sqrt(np.mean(np.partition(gaps, _COUNTED, axis=1)[:, :_COUNTED], axis=1)))


class _Segments:
    """The segments of lines `(n, POINTS, 2)` near each of their points, `(n, window, POINTS)` for each axis.

    numpy is slow along short axes: so those of the plane stand apart, and the points come last.
    """

    def __init__(self, lines: FloatArray) -> None:
        """Look out the segments."""
        axes = np.ascontiguousarray(np.moveaxis(lines, -1, 0))
        self._start = np.take(axes, _SEGMENTS, axis=2)
        self._way = np.take(axes, _SEGMENTS + 1, axis=2) - self._start
        self._reach = self._way / np.maximum(self._way[0] ** 2 + self._way[1] ** 2, 1e-12)
        self._first = np.arange(len(lines))[:, np.newaxis] * _SEGMENTS.size + np.arange(POINTS)

    def squares(self, places: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return how far each of places `(n, POINTS, 2)` lies from each segment near it, squared.

        Also where on the segment it is nearest, as share of it.
        """
        offset = np.moveaxis(places, -1, 0)[:, :, np.newaxis] - self._start
        share = offset[0] * self._reach[0] + offset[1] * self._reach[1]
        share = np.minimum(np.maximum(share, 0.0), 1.0)
        offset -= share * self._way
        return offset[0] ** 2 + offset[1] ** 2, share

    def points(self, chosen: IndexArray, shares: FloatArray) -> FloatArray:
        """Return the points that lie at a share of the chosen segments, `(n, POINTS, 2)`."""
        at = self._first + POINTS * chosen
        share = shares.reshape(-1)[at]
        axes = [
            start[at] + share * way[at]
            for start, way in zip(self._start.reshape(2, -1), self._way.reshape(2, -1), strict=True)
        ]
        return np.stack(axes, axis=-1)


def _along(line: FloatArray, count: int) -> FloatArray:
    """Return `count` points at equal steps along a line `(n, 2)`: `(count, 2)`."""
    steps = np.hypot(*np.diff(line, axis=0).T)
    way = np.concatenate([[0.0], np.cumsum(steps)])
    places = np.linspace(0.0, way[-1], count)
    return np.stack([np.interp(places, way, axis) for axis in line.T], axis=1)


def _smoothed(line: FloatArray) -> FloatArray:
    half = len(_KERNEL) // 2
    longer = np.concatenate([np.repeat(line[:1], half, axis=0), line, np.repeat(line[-1:], half, axis=0)])
    return np.stack([np.convolve(axis, _KERNEL, "valid") for axis in longer.T], axis=1)


def _with_ones(points: FloatArray) -> FloatArray:
    return np.column_stack([points, np.ones(len(points))])


def _kernel() -> FloatArray:
    deviation = _SMOOTH * _FINE
    half = int(np.ceil(3 * deviation))
    weights: FloatArray = np.exp(-0.5 * (np.arange(-half, half + 1) / deviation) ** 2)
    return np.asarray(weights / weights.sum())


def _rests(count: int) -> FloatArray:
    """Return `(len(_CUTS), count, POINTS)`: by it a line gives `count` points of each of its rests."""
    ends = [(max(cut, 0), POINTS - 1 + min(cut, 0)) for cut in _CUTS]
    places = np.stack([np.linspace(start, end, count) for start, end in ends])
    return np.maximum(0.0, 1.0 - np.abs(places[..., np.newaxis] - np.arange(POINTS)))


_KERNEL: Final = _kernel()
_RESTS: Final = _rests(POINTS)
_FEW_OF_RESTS: Final = _rests(_FEW)
_SUMS: Final = _FEW_OF_RESTS.sum(axis=1)
"""By it a line gives the sum of those points; each lies between two of the line, so that the sum of their
squares is one of squares and of products of neighbors: `(len(_CUTS), POINTS)`, and one less."""
_SQUARES: Final = (_FEW_OF_RESTS**2).sum(axis=1)
_PRODUCTS: Final = 2 * (_FEW_OF_RESTS[..., :-1] * _FEW_OF_RESTS[..., 1:]).sum(axis=1)
_FEW_OF_ALL: Final = _FEW_OF_RESTS[_CUTS.index(0)]
_SEGMENTS: Final[IndexArray] = np.clip(
    np.arange(-_WINDOW, _WINDOW + 1)[:, np.newaxis] + np.arange(POINTS), 0, POINTS - 2
)
"""`(2 * _WINDOW + 1, POINTS)`: where the segments begin that are looked at for each point."""
