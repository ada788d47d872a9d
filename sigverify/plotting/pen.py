"""Draw a signature: the ink, pressure as width, and its movement against time."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.modality.pen.signature import Signature
from sigverify.plotting.figure import INK, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

THINNEST, THICKEST = 0.5, 3.5
"""Line width in points at no pressure and at the signature's highest."""


_TINY: Final = 1e-9


def plot_signature(signature: Signature, path: str | Path, *, title: str = "", flip_y: bool = False) -> Path:
    """Draw to `path` (.png, .pdf or .svg): the strokes, and x, y, speed and pressure against time.

    Args:
        signature: what to draw.
        path: where to; the suffix says in which format.
        title: shown above the strokes.
        flip_y: for devices whose y grows downwards (browsers).

    Raises:
        MissingExtra: matplotlib is not installed.
        ConfigError: another suffix, or the file cannot be written.
    """
    figure = new_figure(9, 9)
    ink, *series = figure.subplots(
        5, 1, gridspec_kw={"height_ratios": [5, 1, 1, 1, 1]}, subplot_kw={"facecolor": "white"}
    )
    draw_ink(ink, signature, flip_y=flip_y)
    ink.set_title(title)
    _draw_series(series, signature)
    return save(figure, Path(path))


def draw_ink(axes: "Axes", signature: Signature, *, flip_y: bool = False) -> None:
    """Draw the strokes as they look on paper; width is pressure, hover is left out."""
    from matplotlib.collections import LineCollection

    y = -signature.y if flip_y else signature.y
    points = np.stack([signature.x, y], axis=1)
    segments = np.stack([points[:-1], points[1:]], axis=1)[signature.ink[1:]]
    axes.add_collection(
        LineCollection(list(segments), linewidths=_widths(signature), colors=INK, capstyle="round")
    )
    inked = _drawn(signature)
    margin = 0.05 * max(np.ptp(points[inked, 0]), np.ptp(points[inked, 1]))
    axes.set_xlim(points[inked, 0].min() - margin, points[inked, 0].max() + margin)
    axes.set_ylim(points[inked, 1].min() - margin, points[inked, 1].max() + margin)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _drawn(signature: Signature) -> Any:
    """`(n,)` bool: samples at either end of a piece of ink."""
    drawn = signature.ink.copy()
    drawn[:-1] |= signature.ink[1:]
    return drawn


def _widths(signature: Signature) -> FloatArray:
    """Line width of each inked segment, in points."""
    count = int(np.count_nonzero(signature.ink[1:]))
    if signature.pressure is None or signature.pressure.max() == 0:
        return np.full(count, (THINNEST + THICKEST) / 2)
    mean = (signature.pressure[1:] + signature.pressure[:-1])[signature.ink[1:]] / 2
    widths: FloatArray = THINNEST + (THICKEST - THINNEST) * mean / signature.pressure.max()
    return widths


def _draw_series(axes: "list[Axes]", signature: Signature) -> None:
    time = signature.repaired.time_ms
    way = np.hypot(np.gradient(signature.x), np.gradient(signature.y))
    speed = way / np.maximum(np.gradient(time), _TINY)
    rows = {"x": signature.x, "y": signature.y, "speed\n(per ms)": speed, "pressure": signature.pressure}
    for each, (name, values) in zip(axes, rows.items(), strict=True):
        if values is None:
            each.text(0.5, 0.5, "not recorded", ha="center", va="center", transform=each.transAxes)
            each.set_yticks([])
        else:
            each.plot(time, values, color=INK, linewidth=1)
        _shade_lifts(each, time, signature)
        each.set_ylabel(name)
        each.set_xlim(time[0], time[-1])
        each.label_outer()
    axes[-1].set_xlabel("time (ms); gray: pen up")


def _shade_lifts(axes: "Axes", time: FloatArray, signature: Signature) -> None:
    edges = np.diff(np.concatenate([[0], (~signature.ink[1:]).astype(np.int8), [0]]))
    for start, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        axes.axvspan(time[start], time[end], color="0.9", linewidth=0)
