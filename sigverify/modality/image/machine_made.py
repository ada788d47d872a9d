"""`is_machine_made`: whether there are rows of print or a round stamp in the ink, as no hand draws them."""

import math
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray
from sigverify.modality.image.runs import Pieces, Places

LEAST_ROW: Final = 12
"""Letters of a printed row. Of all 8,640 signatures of BHSig260 one had 10 and two 9, of 1,700 others (of
Cross-media, and of SVC 2004, SUSIG and SigComp 2009 rendered) none had more than 4."""
LETTER: Final = 4, 48
"""Pixels that a printed letter is high."""
_WIDEST: Final = 3
"""Heights that it is wide: two or three of them run into one another."""
_LEAST_PIXELS: Final = 6
_APART: Final = 2
"""Heights between two letters of a row, at most: a space."""
_ALIKE: Final = 3, 5
"""No letter of a row is less than 3 / 5 as high as the highest."""
_STEPS: Final = 200
_STEEPEST: Final = 20
"""Slopes of up to ± 20 / 200 are tried, as of printed lines."""
_MOST_LETTERS: Final = 400
"""More are not looked at: they cannot but be print."""

ROUND: Final = 0.95
"""Share of a circle along which there is an edge of ink: that of a stamp, 1. Of every second writer of these
the roundest signature had 0.84."""
SMALLEST: Final = 24
"""Pixels of a stamp's radius: letters are as round."""
BESIDE: Final = 0.2
"""Share of the ink that is not on the ring, where it is a stamp and not itself what is to be compared …"""
_ON_RING: Final = 6
"""… of which each pixel is farther from it than so many."""
_TRIES: Final = 3_000
"""Circles through three points that are tried: of a ring that is an eighth of all edges five are found so."""
_ANGLES: Final = 180
_FEW: Final = 20
"""Places along each circle that are looked at first …"""
_BEST: Final = 24
"""… and the circles that are looked at in full."""


def is_machine_made(ink: BoolArray, *, beside: bool = False) -> bool:
    """Whether there is print or a stamp in ink `(h, w)`; with `beside`, and something else as well."""
    if longest_row(ink, least=LEAST_ROW):
        return True
    share, x, y, radius = roundest(ink)
    if share < ROUND:
        return False
    rows, columns = np.nonzero(ink)
    off = np.abs(np.hypot(columns - x, rows - y) - radius) > _ON_RING
    return not beside or float(off.mean()) >= BESIDE


def longest_row(ink: BoolArray, *, least: int = 1) -> int:
    """Return how many pieces of ink `(h, w)` stand in one row: as high as one another, near and even.

    They stand on one line to a pixel, as those of a hand do for a word at most. Rows of fewer than `least`
    are not looked for, which saves time; 0 where there is none.
    """
    _, _, pixels, top, bottom, left, right = Pieces.of(ink)
    height = bottom - top
    letters = (height >= LETTER[0]) & (height <= LETTER[1]) & (right - left <= _WIDEST * height)
    letters &= pixels >= _LEAST_PIXELS
    order = np.flatnonzero(letters)
    order = order[np.argsort(left[order], kind="stable")][:_MOST_LETTERS]
    left, right, bottom, height = left[order], right[order], bottom[order], height[order]
    longest = 0
    for seed in range(len(order)):
        # Of the highest letter of a row, all others are found.
        alike = (_ALIKE[1] * height >= _ALIKE[0] * height[seed]) & (height <= height[seed])
        if int(alike.sum()) >= max(least, longest + 1):
            down, along = bottom[alike] - bottom[seed], left[alike] - left[seed]
            reach = _APART * int(height[seed])
            longest = max(longest, _longest_through(down, along, right[alike] - left[seed], reach))
    return longest if longest >= least else 0


def _longest_through(down: Places, start: Places, end: Places, reach: int) -> int:
    """Return the letters of the longest row through the letter at 0, 0, of those that begin and end there."""
    longest = 0
    for step in range(-_STEEPEST, _STEEPEST + 1):
        on = np.abs(_STEPS * down - step * start) <= _STEPS
        if int(on.sum()) > longest:
            gap = start[on][1:] - np.maximum.accumulate(end[on])[:-1] > reach
            bounds = np.concatenate([[0], np.flatnonzero(gap) + 1, [int(on.sum())]])
            longest = max(longest, int(np.diff(bounds).max()))
    return longest


def roundest(ink: BoolArray) -> tuple[float, float, float, float]:
    """Return of the circle along most of which ink `(h, w)` has edges: that share, x, y, radius in pixels.

    Source: M. Fischler, R. Bolles, "Random sample consensus", 1981.
    """
    edges = _edges(ink)
    rows, columns = np.nonzero(edges)
    if not len(rows):
        return 0.0, 0.0, 0.0, 0.0
    # The same circles each time: a capture is judged alike wherever it is shown.
    picked = np.random.default_rng(0).integers(0, len(rows), (_TRIES, 3))
    x, y, radius = _circles(columns[picked].astype(np.float64), rows[picked].astype(np.float64))
    fits = (radius >= SMALLEST) & (radius <= max(ink.shape) / 2)
    if not fits.any():
        return 0.0, 0.0, 0.0, 0.0
    near = _spread(edges)
    circles = np.stack([x, y, radius], axis=1)[fits]
    best = circles[np.argsort(-_shares(near, circles, _FEW), kind="stable")[:_BEST]]
    shares = _shares(near, best, _ANGLES)
    across, down, size = (float(value) for value in best[shares.argmax()])
    return float(shares.max()), across, down, size


def _shares(near: BoolArray, circles: np.ndarray, angles: int) -> np.ndarray:
    """Return the share of each circle, `(n, 3)`, x, y and radius, that lies on `near`, `(n,)`."""
    turn = np.arange(angles) * 2 * math.pi / angles
    x, y, radius = (circles[:, which, np.newaxis] for which in range(3))
    across = np.rint(x + radius * np.cos(turn)).astype(np.int64)
    down = np.rint(y + radius * np.sin(turn)).astype(np.int64)
    height, width = near.shape
    inside = (across >= 0) & (across < width) & (down >= 0) & (down < height)
    on = inside & near[np.clip(down, 0, height - 1), np.clip(across, 0, width - 1)]
    return np.asarray(on.mean(axis=1))


def _circles(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return middles and radii of circles through three points `(n, 3)`; radius 0 where these lie in line."""
    ax, ay, bx, by = x[:, 1] - x[:, 0], y[:, 1] - y[:, 0], x[:, 2] - x[:, 0], y[:, 2] - y[:, 0]
    twice = 2 * (ax * by - ay * bx)
    line = twice == 0
    twice = np.where(line, 1.0, twice)
    a, b = ax * ax + ay * ay, bx * bx + by * by
    across, down = (by * a - ay * b) / twice, (ax * b - bx * a) / twice
    return x[:, 0] + across, y[:, 0] + down, np.where(line, 0.0, np.hypot(across, down))


def _edges(ink: BoolArray) -> BoolArray:
    """Return the pixels of ink beside which there is paper."""
    padded = np.pad(ink, 1)
    within = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(ink & ~within)


def _spread(ink: BoolArray) -> BoolArray:
    """Return ink and the pixels around it."""
    padded = np.pad(ink, 1)
    wide = padded[:, :-2] | padded[:, 1:-1] | padded[:, 2:]
    return np.asarray(wide[:-2] | wide[1:-1] | wide[2:])
