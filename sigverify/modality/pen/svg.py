"""`to_svg`: the ink of a signature as a small SVG picture, by hand: no plotting package is loaded."""

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Final

import numpy as np

from sigverify.arrays import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from sigverify.modality.pen.signature import Signature

WIDTH: Final = 420
"""Pixels of the longer side; the other follows from the proportion."""
SHORTEST: Final = 60
MARGIN: Final = 10
MOST_POINTS: Final = 2000
"""More samples are thinned out evenly: nobody sees them, and a notebook keeps them all."""
WIDTHS: Final = np.linspace(1.0, 4.0, 7)
"""Widths of lines, from no pressure to the highest of the signature."""
PLAIN_WIDTH: Final = 2.0
"""Where the device has no pressure."""
INK: Final = "#1f3a68"
PAPER: Final = "#ffffff"
"""Its own, so that ink is dark on light on a dark page too."""


def to_svg(signature: "Signature", *, flip_y: bool = False) -> str:
    """Draw the strokes, thicker where the pen pressed harder; what is not compared, as hover, is not drawn.

    Args:
        signature: what to draw.
        flip_y: for devices whose y grows downwards (browsers); otherwise up is up.
    """
    kept = np.flatnonzero(signature.repaired.kept)
    ink = signature.repaired.ink[kept]
    # The ends of strokes stay: a line between two strokes would be ink that nobody wrote.
    ends = np.flatnonzero(ink != np.append(ink[1:], False))
    chosen = np.union1d(np.arange(0, len(kept), -(-len(kept) // MOST_POINTS)), ends)
    kept, ink = kept[chosen], ink[chosen]
    points, size = _placed(signature.x[kept], signature.y[kept], ink, flip_y=flip_y)
    level = _levels(None if signature.pressure is None else signature.pressure[kept], ink)
    lines = "".join(_line(points[start:end], width) for start, end, width in _runs(ink, level))
    wide, high = size
    said = escape(repr(signature).strip("<>"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" '
        f'role="img" aria-label="{said}"><title>{said}</title>'
        f'<rect width="{wide}" height="{high}" rx="6" fill="{PAPER}"/>'
        f'<g fill="none" stroke="{INK}" stroke-linecap="round" stroke-linejoin="round">{lines}</g></svg>'
    )


def _placed(
    x: FloatArray, y: FloatArray, written: BoolArray, *, flip_y: bool
) -> tuple[FloatArray, tuple[int, int]]:
    """Return points `(n, 2)` in pixels, and the size of the picture that holds those that are written."""
    points = np.stack([x, y if flip_y else -y], axis=1)  # in a picture y grows downwards
    # Where a line starts from is no ink by its flag, but is drawn.
    drawn = points[written | np.append(written[1:], False)]
    low, extent = drawn.min(axis=0), np.ptp(drawn, axis=0)
    scale = (WIDTH - 2 * MARGIN) / extent.max()
    wide, high = (max(SHORTEST, round(side)) for side in extent * scale + 2 * MARGIN)
    middle = (np.array([wide, high]) - extent * scale) / 2
    return (points - low) * scale + middle, (wide, high)


def _levels(pressure: FloatArray | None, written: BoolArray) -> IntArray:
    """Return the index in `WIDTHS` of each sample, -1 where there is no pressure."""
    if pressure is None or not pressure[written].max() > 0:
        return np.full(len(written), -1)
    share = np.clip(pressure / pressure[written].max(), 0.0, 1.0)
    return np.asarray(np.rint(share * (len(WIDTHS) - 1)), np.int64)


def _runs(written: BoolArray, level: IntArray) -> Iterator[tuple[int, int, float]]:
    """Yield start, end and width of each line of one width; it begins where it leads away from."""
    start = None
    for index in range(1, len(written)):
        if not written[index]:
            continue
        start = index - 1 if not written[index - 1] or start is None else start
        last = index + 1 == len(written) or not written[index + 1] or level[index + 1] != level[index]
        if last:
            width = PLAIN_WIDTH if level[index] < 0 else float(WIDTHS[level[index]])
            yield start, index + 1, width
            start = index


def _line(points: FloatArray, width: float) -> str:
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline stroke-width="{width:g}" points="{corners}"/>'
