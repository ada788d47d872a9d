"""`Writing`: where a pen went, smooth and in shares of the height of the writing; `draw_ink` draws it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from sigverify.arrays import BoolArray, FloatArray
from sigverify.modality.pen.signature import Signature

if TYPE_CHECKING:
    from PIL.Image import Image

FINER: Final = 3
"""Steps that each step between two samples is drawn as, along a curve through both."""
LEVELS: Final = 12
"""Darknesses that are drawn, palest first: where lines cross, the darker one shows."""
SHARPEST: Final = 0.9
"""Cosine of the turn from which the gap between two straight pieces shows and is filled by a disc."""
DISCS: Final = 0.4
"""Widths between two discs, at most, that look like one line: its edge waves by 2 % of the width."""
MOST: Final = 6000
"""Samples that are drawn: a longer recording, of hours or of a broken clock, is thinned to so many."""


@dataclass(frozen=True, eq=False)
class Writing:
    """A movement of `n` points.

    Attributes:
        xy: `(n, 2)`, y downwards, in heights of the writing about its middle.
        ink: `(n,)` bool: the way to this point is written.
        pressure: `(n,)`, 1 where it is usual; 1 throughout where the device has none.
        speed: `(n,)`, 1 where it is usual.
    """

    xy: FloatArray
    ink: BoolArray
    pressure: FloatArray
    speed: FloatArray

    @classmethod
    def of(cls, signature: Signature, *, flip_y: bool = False) -> "Writing":
        """Take what is written of a signature."""
        repaired = signature.repaired
        kept = np.flatnonzero(repaired.kept)
        kept = kept[:: -(-len(kept) // MOST)]
        xy = np.stack([signature.x, signature.y if flip_y else -signature.y], axis=1)[kept]
        ink = repaired.ink[kept].copy()
        ink[0] = False
        xy = xy - xy[ink].mean(axis=0)
        xy = xy / _height(xy[ink])
        pressure = np.ones(len(kept)) if repaired.pressure is None else repaired.pressure[kept]
        pressure = pressure / max(float(np.median(pressure[ink])), 1e-9)
        return cls(*_refined(xy, ink, pressure, _speed(xy, ink, repaired.time_ms[kept])))


def _height(xy: FloatArray) -> float:
    """Return the height of most of the writing; of a dash an eighth of its width."""
    return float(max(4.0 * xy[:, 1].std(), np.ptp(xy[:, 0]) / 8, np.ptp(xy[:, 1]) / 4))


def _speed(xy: FloatArray, ink: BoolArray, time_ms: FloatArray) -> FloatArray:
    """Return `(n,)`, over the median; smoothed, since clocks of devices jitter."""
    way = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    step = np.diff(time_ms, prepend=time_ms[0])
    way, step = (np.convolve(np.where(ink, v, 0.0), np.ones(5), "same") for v in (way, step))
    speed = way / np.maximum(step, 1e-9)
    usual = float(np.median(speed[ink & (step > 0)])) if np.any(ink & (step > 0)) else 0.0
    return np.clip(speed / usual, 0.0, 10.0) if usual > 0 else np.ones(len(xy))


def _refined(
    xy: FloatArray, ink: BoolArray, pressure: FloatArray, speed: FloatArray
) -> tuple[FloatArray, BoolArray, FloatArray, FloatArray]:
    """Put `FINER` − 1 points between each two.

    Source: E. Catmull & R. Rom, "A class of local interpolating splines", 1974.
    """
    # Across a lift there is no curve: the end of a stroke takes itself for its neighbour.
    before = np.concatenate([xy[:1], xy[:-1]])
    before[~ink] = xy[~ink]
    after = np.concatenate([xy[1:], xy[-1:]])
    last = ~np.append(ink[1:], False)
    after[last] = xy[last]
    slope = (after - before) / 2
    share = (np.arange(1, FINER + 1) / FINER)[None, :, None]
    start, end, out, into = xy[:-1, None], xy[1:, None], slope[:-1, None], slope[1:, None]
    curve = (
        start * (2 * share**3 - 3 * share**2 + 1)
        + out * (share**3 - 2 * share**2 + share)
        + end * (3 * share**2 - 2 * share**3)
        + into * (share**3 - share**2)
    )
    place = np.linspace(0, len(xy) - 1, FINER * (len(xy) - 1) + 1)
    index = np.arange(len(xy))
    return (
        np.concatenate([xy[:1], curve.reshape(-1, 2)]),
        np.concatenate([ink[:1], np.repeat(ink[1:], FINER)]),
        np.interp(place, index, pressure),
        np.interp(place, index, speed),
    )


def draw_ink(
    xy: FloatArray, ink: BoolArray, width: FloatArray, dark: FloatArray, size: tuple[int, int]
) -> "Image":
    """Draw points `(n, 2)` in pixels with lines as wide as `width` `(n,)` pixels and as dark as `dark` 0..1.

    Returns a grey picture of that size, 0 where there is no ink to 255 for the darkest.
    """
    from PIL import Image, ImageDraw

    picture = Image.new("L", size)
    pen = ImageDraw.Draw(picture)
    level = np.rint(dark * LEVELS).astype(int)
    written = np.flatnonzero(ink & (level > 0))
    written = written[np.argsort(level[written], kind="stable")]
    whole = np.maximum(1, np.rint(width)).astype(int).tolist()
    shades = np.rint(level * (255 / LEVELS)).astype(int).tolist()
    round_at, short = _turning(xy, ink), _short(xy, width)
    disc_at = ((round_at | short) & (width > 2)).tolist()
    disc_before = (np.append(False, round_at[:-1]) & (width > 2)).tolist()
    line_to, radius, points = (~short).tolist(), (width / 2).tolist(), xy.tolist()
    for index in written.tolist():
        (left, top), (x, y), shade, r = points[index - 1], points[index], shades[index], radius[index]
        if line_to[index]:
            pen.line((left, top, x, y), shade, whole[index])
        if disc_at[index]:
            pen.ellipse((x - r, y - r, x + r, y + r), shade)
        if disc_before[index]:
            pen.ellipse((left - r, top - r, left + r, top + r), shade)
    return picture


def _short(xy: FloatArray, width: FloatArray) -> BoolArray:
    """Tell steps so much shorter than the line is wide that discs alone make it, without straight pieces.

    Pillow rounds the corners of a piece to whole pixels, which turns a short one by a wide angle.
    """
    step = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    return np.asarray((step < DISCS * width) & (width > 2))


def _turning(xy: FloatArray, ink: BoolArray) -> BoolArray:
    """Tell where a line begins, ends, or turns so that its outline would gape."""
    way = np.diff(xy, axis=0)
    length = np.hypot(*way.T)
    along = (way[1:] * way[:-1]).sum(axis=1) < SHARPEST * length[1:] * length[:-1]
    gaping = np.ones(len(xy), np.bool_)
    gaping[1:-1] = along | ~ink[1:-1] | ~ink[2:]
    return gaping
