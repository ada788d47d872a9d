"""`lay_out`: ink on a sheet of fixed size, levelled and placed by where most of it lies.

Where the ink lies on the sheet decides how well signatures are told apart, more than anything else here.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, Float32Array

HEIGHT: Final = 64
WIDTH: Final = 128
STEEPEST: Final = 0.6
"""Largest slope, rise over run, that is levelled: a steeper one is no base line."""
MARGIN: Final = 0.04
"""Share of the ink's width left free at each end."""
REACH: Final = 2.5
"""Standard deviations of the ink's height, above and below its middle, that the sheet shows."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """Ink on a sheet.

    Attributes:
        ink: `(HEIGHT, WIDTH)` float32, whole multiples of 1/255 from 0 (paper) to 1 (ink).
        slope: that was levelled, rise over run, y downwards.
        box: left, top, width and height of what the sheet shows, in pixels of the levelled ink, whose row 0
            is that of the picture.
    """

    ink: Float32Array
    slope: float
    box: tuple[float, float, float, float]

    @property
    def aspect(self) -> float:
        """Width over height of what the sheet shows."""
        return self.box[2] / self.box[3]


def lay_out(ink: BoolArray) -> Sheet:
    """Level ink `(h, w)`, of which there is some, and place it on the sheet."""
    rows, columns = np.nonzero(ink)
    slope = level(rows, columns)
    middle = int(columns.sum()) / len(columns)
    # Each column moves by whole pixels, as far as the base line rises there.
    shift = np.rint(slope * (np.arange(ink.shape[1]) - middle)).astype(np.int64)
    rows = rows - shift[columns]
    left, right = int(columns.min()), int(columns.max()) + 1
    width = (right - left) * (1 + 2 * MARGIN)
    # Means and deviations come from sums of whole numbers, which no order of adding changes.
    count, total, squares = len(rows), int(rows.sum()), int((rows * rows).sum())
    deviation = max(0.0, squares / count - (total / count) ** 2) ** 0.5
    # A dash has no height of its own: it is shown as high as a tenth of its width, at least.
    height = max(2 * REACH * deviation, width / 10, 1.0)
    box = (left - (right - left) * MARGIN, total / count + 0.5 - height / 2, width, height)
    return Sheet(_drawn(rows, columns, box), slope, box)


def level(rows: np.ndarray, columns: np.ndarray) -> float:
    """Return the slope of the line through pixels of least squared distance in height, within ±`STEEPEST`."""
    count, x, y = len(rows), int(columns.sum()), int(rows.sum())
    spread = count * int((columns * columns).sum()) - x * x
    if spread == 0:
        return 0.0
    slope = (count * int((columns * rows).sum()) - x * y) / spread
    return min(max(slope, -STEEPEST), STEEPEST)


def _drawn(rows: np.ndarray, columns: np.ndarray, box: tuple[float, float, float, float]) -> Float32Array:
    """Draw pixels into the sheet, each one averaged over those that it covers."""
    from PIL import Image

    left, top, width, height = box
    first = int(np.floor(left)) - 1, int(np.floor(top)) - 1
    canvas = np.zeros((int(np.ceil(height)) + 4, int(np.ceil(width)) + 4), np.uint8)
    down, across = rows - first[1], columns - first[0]
    shown = (down >= 0) & (down < canvas.shape[0])
    canvas[down[shown], across[shown]] = 255
    place = (left - first[0], top - first[1], left - first[0] + width, top - first[1] + height)
    drawn = Image.fromarray(canvas).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR, box=place)
    return np.asarray(drawn, np.float32) / np.float32(255)
