"""`without_frame`: ink without a box around it, of lines that may be thicker than those of `lines`.

Four straight sides that hang together are nothing that a hand draws: its own boxes bend by more than a pixel.
"""

from typing import Final

import numpy as np

from sigverify.arrays import BoolArray
from sigverify.modality.image.edges import straight
from sigverify.modality.image.runs import Pieces, Places

THICKEST: Final = 24
"""Pixels of a side from edge to edge."""
LEAST_WIDTH: Final = 0.4
"""Of the picture's width and height, that the box covers."""
LEAST_SIDE: Final = 40
"""Pixels of its shorter side: less is a letter."""
STRAIGHT: Final = 0.85
"""Share of a side that lies on one line …"""
OFF: Final = 1.5
"""… but for so many pixels."""
EVEN: Final = 0.6
"""Share of a side that is as thick as half of it is, to 2 pixels: where strokes touch it, it is thicker."""


def without_frame(ink: BoolArray) -> BoolArray:
    """Return ink `(h, w)` without the box around it; as it was, where there is none."""
    pieces = Pieces.of(ink)
    top, bottom, left, right = pieces.top, pieces.bottom, pieces.left, pieces.right
    wide = (right - left >= LEAST_WIDTH * ink.shape[1]) & (bottom - top >= LEAST_WIDTH * ink.shape[0])
    for number in np.flatnonzero(wide & (np.minimum(right - left, bottom - top) >= LEAST_SIDE)):
        place = slice(int(top[number]), int(bottom[number])), slice(int(left[number]), int(right[number]))
        only = np.arange(len(top)) == number
        sides = _sides(pieces.drawn(only, ink.shape)[place])
        if sides is not None:
            ink = ink.copy()
            ink[place] &= ~sides
    return ink


def _sides(piece: BoolArray) -> BoolArray | None:
    """Return the four sides of a piece of ink, cut to its box; None where it is no frame."""
    sides = np.zeros(piece.shape, np.bool_)
    for turns in range(4):
        found = _side(np.rot90(piece, turns))
        if found is None:
            return None
        sides |= np.rot90(found, -turns)
    return sides


def _side(piece: BoolArray) -> BoolArray | None:
    """Return the upper side of a piece, from its first to its last column; None where it is not straight."""
    height, width = piece.shape
    along = np.arange(width)
    first = piece.argmax(axis=0)
    # Where this side ends, the first ink is that of the sides at its left and right.
    start, slope = straight(along, first, piece.shape)
    line = start + slope * along
    on = np.abs(first - line) <= OFF
    # A side that is open shows the one across.
    if int(on.sum()) < STRAIGHT * width or max(line[0], line[-1]) > height // 3:
        return None
    thick = _thickness(piece, first)
    usual = int(np.median(thick[on]))
    if usual > min(THICKEST, height // 4) or np.mean(np.abs(thick[on] - usual) <= 2) < EVEN:
        return None
    below = np.arange(height)[:, np.newaxis] - np.rint(line)
    return np.asarray((below >= -2) & (below <= usual + 1), np.bool_)


def _thickness(piece: BoolArray, first: Places) -> Places:
    """Return the pixels of the first run of each column."""
    height = len(piece)
    past = ~piece & (np.arange(height)[:, np.newaxis] >= first)
    end = np.where(past.any(axis=0), past.argmax(axis=0), height)
    return np.asarray(end - first, np.int64)
