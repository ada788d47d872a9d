"""Draw a picture of a signature: what was found in it, and where two of them differ."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sigverify.arrays import Float32Array, FloatArray
from sigverify.matching.embedding import SERIES_SCALE, Embedding, References
from sigverify.matching.pairing import Pairing
from sigverify.modality.image.image import IMAGE
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.plotting.figure import INK, cost_scale, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RANGE: Final = 4.0, 14.0
"""Costs of a column at which the colour begins to turn, and at which it has turned. Of two genuine signatures
(BHSig260 Hindi) half of all columns cost less than 6.6 and one in twenty more than 12.2; of one and a skilled
forgery, 8.7 and 14.9."""
_GAP: Final = 24
"""Rows between the two sheets, for the lines from column to column."""


def plot_image(image: SignatureImage, path: str | Path, *, title: str = "") -> Path:
    """Draw to `path` (.png, .pdf or .svg): the picture, its ink, the sheet it lies on, and its columns.

    Raises:
        MissingExtra: matplotlib is not installed.
        ConfigError: another suffix, or the file cannot be written.
    """
    columns = _embedded(image).series.astype(np.float32) / SERIES_SCALE
    figure = new_figure(9, 6)
    picture, ink, sheet, series = figure.subplots(2, 2).ravel()
    picture.imshow(image.grey, cmap="gray", vmin=0, vmax=255)
    picture.set_title(title or "picture", fontsize="small")
    ink.imshow(_tinted(image.ink.where.astype(np.float32)))
    ink.set_title("ink found", fontsize="small")
    sheet.imshow(_tinted(image.sheet.ink))
    sheet.set_title(
        f"levelled by {image.sheet.slope:+.2f}, width : height {image.sheet.aspect:.1f}", fontsize="small"
    )
    for each in (picture, ink, sheet):
        each.set_xticks([])
        each.set_yticks([])
    series.imshow(columns.T, aspect="auto", cmap="Blues", interpolation="nearest")
    series.set_title("what is compared: each zone's directions, column by column", fontsize="small")
    series.set_xlabel("column")
    series.set_yticks([])
    return save(figure, Path(path))


def plot_difference(
    first: SignatureImage, second: SignatureImage, path: str | Path, *, titles: tuple[str, str] = ("", "")
) -> Path:
    """Draw two pictures as they are compared, one above the other, to `path` (.png, .pdf or .svg).

    The ink is coloured by what its columns cost where the matcher aligned the two, as each of them is seen by
    the first; lines lead from a column to where it was found in the second.

    Raises:
        MissingExtra: matplotlib is not installed.
        ConfigError: another suffix, or the file cannot be written.
    """
    paths = Pairing(_embedded(first), References.stack([_embedded(second)])).paths
    cost = paths.cost[0].astype(np.float64) / SERIES_SCALE
    start, end = paths.first[0].astype(np.int64), paths.last[0].astype(np.int64)
    figure = new_figure(9, 9)
    scale = cost_scale(*_RANGE)
    axes = figure.subplots()
    height, width = first.sheet.ink.shape
    below = height + _GAP
    for top, each, costs in ((0, first, cost), (below, second, _carried(cost, start, end))):
        tint = scale.to_rgba(np.interp(_centres(width), _centres(len(costs), width), costs))
        axes.imshow(_tinted(each.sheet.ink, tint), extent=(0, width, top + height, top))
    _draw_lines(axes, (start + end) / 2, scale.to_rgba(cost), width, (height, below))
    axes.set(xlim=(0, width), ylim=(below + height, 0))
    axes.set_axis_off()
    distance = float(paths.total[0]) / len(cost) / SERIES_SCALE
    names = " · ".join(filter(None, titles))
    axes.set_title(f"{names}\ncost of a column, on the average: {distance:.1f}".strip(), fontsize="small")
    figure.colorbar(scale, ax=axes, orientation="horizontal", shrink=0.5, label="cost of a column")
    return save(figure, Path(path))


def _embedded(image: SignatureImage) -> Embedding:
    """Return what is compared by hand; no network is run."""
    inputs = IMAGE.encode(IMAGE.trace(image)[np.newaxis])
    series, detail = IMAGE.series(inputs)[0], IMAGE.detail(inputs)[0]
    return Embedding.from_floats(series, detail, None, np.ones(1), IMAGE.extent(image))


def _carried(cost: FloatArray, start: Any, end: Any) -> FloatArray:
    """Return the cost of each column of the second: the mean of those of the first that were found there."""
    total, count = np.zeros(len(cost)), np.zeros(len(cost), np.int64)
    for value, low, high in zip(cost, start, end, strict=True):
        total[low : high + 1] += value
        count[low : high + 1] += 1
    return np.asarray(total / np.maximum(count, 1))


def _centres(count: int, width: int | None = None) -> FloatArray:
    """Where the middles of so many columns lie on a sheet that is `width` wide."""
    return np.asarray((np.arange(count) + 0.5) * ((width or count) / count), np.float64)


def _tinted(ink: Float32Array, colours: FloatArray | None = None) -> FloatArray:
    """Return ink `(h, w)` in 0..1 as `(h, w, 4)`: of one colour, or of one a column `(w, 4)`."""
    from matplotlib.colors import to_rgba

    shown = np.broadcast_to(np.array(to_rgba(INK)) if colours is None else colours, (*ink.shape, 4)).copy()
    shown[..., 3] = ink
    return shown


def _draw_lines(
    axes: "Axes", found: FloatArray, colours: FloatArray, width: int, rows: tuple[int, int]
) -> None:
    """Draw a line from each column of the first sheet to where it was found in the second."""
    from matplotlib.collections import LineCollection

    places, step = _centres(len(found), width), width / len(found)
    lines = [[(x, rows[0]), ((y + 0.5) * step, rows[1])] for x, y in zip(places, found, strict=True)]
    axes.add_collection(LineCollection(lines, colors=list(colours), linewidths=0.8))
