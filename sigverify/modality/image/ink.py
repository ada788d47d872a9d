"""`find_ink`: the ink of a picture, without its paper.

Only whole numbers are computed with, by numpy and Pillow's 8-bit filters: every platform finds the same ink.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from sigverify.arrays import BoolArray
from sigverify.modality.image.grey import GreyArray

LONGEST: Final = 512
"""Pictures are reduced to so many pixels: finer ones tell no more, see docs/images.md."""
_BLOCK: Final = 8
"""Paper is looked for in blocks of 8 × 8 pixels: wider than a stroke, narrower than a shadow."""
_REACH: Final = 9
"""A block takes the brightest of 9 × 9 blocks for its paper: so a wide blot is still ink."""
_LEAST_CONTRAST: Final = 24
"""Ink is darker than its paper by at least so much of 255: less is the noise of a camera."""


def find_ink(grey: GreyArray) -> BoolArray:
    """Return where there is ink, `(h, w)`, of a picture `(h, w)` reduced to `LONGEST` at most.

    A picture of light ink on a dark ground is turned round first.
    """
    picture = Image.fromarray(grey)
    if max(picture.size) > LONGEST:
        factor = LONGEST / max(picture.size)
        size = max(1, round(picture.width * factor)), max(1, round(picture.height * factor))
        picture = picture.resize(size, Image.Resampling.BOX)
    values = np.asarray(picture)
    if np.median(values) < 128:
        values = 255 - values
    darkness = _darkness(values)
    ink = darkness > max(_LEAST_CONTRAST, otsu(darkness))
    return without_specks(ink)


def _darkness(values: GreyArray) -> GreyArray:
    """Return how much darker than the paper around it each pixel is, 0 to 255 of the paper's brightness."""
    height, width = values.shape
    rows, columns = -(-height // _BLOCK), -(-width // _BLOCK)
    padding = (0, rows * _BLOCK - height), (0, columns * _BLOCK - width)
    blocks = np.pad(values, padding, mode="edge").reshape(rows, _BLOCK, columns, _BLOCK)
    paper = Image.fromarray(np.ascontiguousarray(blocks.max(axis=(1, 3))))
    paper = paper.filter(ImageFilter.MaxFilter(_REACH)).filter(ImageFilter.BoxBlur(_REACH // 2))
    paper = paper.resize((columns * _BLOCK, rows * _BLOCK), Image.Resampling.BILINEAR)
    light = np.maximum(np.asarray(paper)[:height, :width].astype(np.int32), 1)
    return np.asarray(255 * np.maximum(light - values, 0) // light, np.uint8)


def otsu(values: GreyArray) -> int:
    """Return the level that parts values into two classes of least variance.

    Source: N. Otsu, "A threshold selection method from gray-level histograms", 1979.
    """
    counts = np.bincount(values.ravel(), minlength=256).astype(np.int64)
    below = np.cumsum(counts)[:-1]
    moment = np.cumsum(counts * np.arange(256))
    above = below[-1] + counts[-1] - below
    parted = np.flatnonzero((below > 0) & (above > 0))
    if not len(parted):
        return 255
    low = moment[parted] / below[parted]
    high = (moment[-1] - moment[parted]) / above[parted]
    between = below[parted].astype(np.float64) * above[parted] * (high - low) ** 2
    return int(parted[np.argmax(between)])


_SPECK: Final = 3
"""A speck fits into a square of 2 · 3 + 1 pixels …"""
_CLEAR: Final = 8
"""… with nothing else within 8 pixels of its middle."""


def without_specks(ink: BoolArray) -> BoolArray:
    """Remove what is small and stands alone: dust, noise of the scanner, but for the dot of an i."""
    near, far = (_count_around(ink, reach) for reach in (_SPECK, _CLEAR))
    return np.asarray(ink & ~((near == far) & (far <= (2 * _SPECK - 1) ** 2 // 2)))


def _count_around(ink: BoolArray, reach: int) -> npt.NDArray[np.int32]:
    """Count the ink in the square of `2 · reach + 1` pixels around each."""
    padded = np.pad(ink.astype(np.int32), reach + 1)[: -1 or None, : -1 or None]
    sums = padded.cumsum(axis=0).cumsum(axis=1)
    side = 2 * reach + 1
    return np.asarray(
        sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side], np.int32
    )
