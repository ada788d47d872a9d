"""Draw a signature: its ink, and its movement against time; and where two of them differ."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from sigverify.arrays import BoolArray, Float32Array, FloatArray
from sigverify.matching.comparison import present, without
from sigverify.matching.embedding import SERIES_SCALE, Embedding, References
from sigverify.matching.pairing import Pairing
from sigverify.modality.pen.pen import PEN
from sigverify.modality.pen.signature import Signature
from sigverify.plotting.figure import INK, cost_scale, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

THINNEST, THICKEST = 0.5, 3.5
"""Line width in points at no pressure and at the signature's highest."""
LEFT_OUT: Final = "0.75"
"""Gray of what is recorded as ink and not compared."""

_TINY: Final = 1e-9
_RANGE: Final = 1.5, 6.0
"""Costs of a frame at which the colour begins to turn, and at which it has turned. Of two genuine signatures
of synthetic writers half of all frames cost less than 1.6 and one in twenty more than 4.9; of one and a
skilled forgery, 2.8 and 7.3."""
_EVERY: Final = 4
"""Frames from one line of the alignment to the next."""


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


def plot_alignment(
    first: Signature,
    second: Signature,
    path: str | Path,
    *,
    titles: tuple[str, str] = ("", ""),
    flip_y: bool = False,
) -> Path:
    """Draw two signatures as they are compared, one over the other, to `path` (.png, .pdf or .svg).

    Both have one size and one middle. The first is coloured by what its frames cost where the matcher aligned
    the two; lines lead from it to where it was found in the second, which is gray.

    Raises:
        MissingExtra: matplotlib is not installed.
        ConfigError: another suffix, or the file cannot be written.
    """
    from matplotlib.collections import LineCollection

    figure = new_figure(9, 7)
    traces = [PEN.trace(each) for each in (first, second)]
    paths = _aligned(traces, (PEN.extent(first), PEN.extent(second))).paths
    cost = paths.cost[0].astype(np.float64) / SERIES_SCALE
    found = (paths.first[0].astype(np.int64) + paths.last[0]) // 2
    its, other = (trace[:, :2] * np.array([1, -1 if flip_y else 1]) for trace in traces)
    scale = cost_scale(*_RANGE)
    axes = figure.subplots()
    shown = np.flatnonzero(traces[0][:, 3])[::_EVERY]
    ways = np.stack([its[shown], other[found[shown]]], axis=1)
    axes.add_collection(
        LineCollection(list(ways), colors=list(scale.to_rgba(cost[shown])), linewidths=0.4, alpha=0.6)
    )
    for points, ink, colours in (
        (other, traces[1][:, 3], ["0.65"]),
        (its, traces[0][:, 3], scale.to_rgba(cost)[1:][traces[0][1:, 3] > 0]),
    ):
        pieces = np.stack([points[:-1], points[1:]], axis=1)[ink[1:] > 0]
        axes.add_collection(
            LineCollection(list(pieces), colors=list(colours), linewidths=2, capstyle="round")
        )
    axes.autoscale_view()
    axes.set_aspect("equal")
    axes.set_axis_off()
    names = " · ".join(filter(None, titles))
    # Not of the axes: theirs may reach above the figure where the drawing is wide and high at once.
    figure.suptitle(f"{names}\ncost of a frame, on the average: {cost.mean():.1f}".strip(), fontsize="small")
    figure.colorbar(scale, ax=axes, orientation="horizontal", shrink=0.5, label="cost of a frame")
    return save(figure, Path(path))


def _aligned(traces: list[Float32Array], extents: tuple[float, float]) -> Pairing:
    """Put two traces side by side by what both have; no network is run."""
    inputs = [PEN.encode(trace[np.newaxis]) for trace in traces]
    embedded = [
        Embedding.from_floats(PEN.series(each)[0], PEN.detail(each)[0], None, np.ones(1), extent)
        for each, extent in zip(inputs, extents, strict=True)
    ]
    optional = np.isin(np.arange(PEN.series_shape[1]), list(PEN.optional.values()))
    lacking = optional & ~(present(embedded[0].series) & present(embedded[1].series))
    probe, other = (without(each, lacking) for each in embedded)
    return Pairing(probe, References.stack([other]))


def draw_ink(axes: "Axes", signature: Signature, *, flip_y: bool = False) -> None:
    """Draw the strokes as they look on paper; width is pressure, hover is left out.

    What is not compared, as touches beside the name, is gray.
    """
    from matplotlib.collections import LineCollection

    kept, ink = signature.repaired.kept, signature.repaired.ink[signature.repaired.kept]
    everything = np.stack([signature.x, -signature.y if flip_y else signature.y], axis=1)
    points = everything[kept]
    left_out = _segments(everything)[signature.ink[1:] & ~(kept[1:] & kept[:-1])]
    pressure = None if signature.pressure is None else signature.pressure[kept]
    axes.add_collection(
        LineCollection(list(left_out), linewidths=THINNEST, colors=LEFT_OUT, capstyle="round", zorder=1)
    )
    axes.add_collection(
        LineCollection(
            list(_segments(points)[ink[1:]]), linewidths=_widths(pressure, ink), colors=INK, capstyle="round"
        )
    )
    margin = 0.05 * max(np.ptp(points[:, 0]), np.ptp(points[:, 1]))
    axes.set_xlim(points[:, 0].min() - margin, points[:, 0].max() + margin)
    axes.set_ylim(points[:, 1].min() - margin, points[:, 1].max() + margin)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _segments(points: FloatArray) -> FloatArray:
    """Return the ways from each of points `(n, 2)` to the next: `(n - 1, 2, 2)`."""
    return np.stack([points[:-1], points[1:]], axis=1)


def _widths(pressure: FloatArray | None, ink: BoolArray) -> FloatArray:
    """Line width of each inked segment, in points, of samples `(n,)`."""
    if pressure is None or pressure.max() == 0:
        return np.full(int(np.count_nonzero(ink[1:])), (THINNEST + THICKEST) / 2)
    mean = (pressure[1:] + pressure[:-1])[ink[1:]] / 2
    widths: FloatArray = THINNEST + (THICKEST - THINNEST) * mean / pressure.max()
    return widths


def _draw_series(axes: "list[Axes]", signature: Signature) -> None:
    time, kept = signature.repaired.time_ms, signature.repaired.kept
    # What is left out takes no time: drawn, it would be upright lines, and its speed without bounds.
    x, y, pressure = (
        None if values is None else values[kept] for values in (signature.x, signature.y, signature.pressure)
    )
    rows = {"x": x, "y": y, "speed\n(per ms)": _speed(signature), "pressure": pressure}
    for each, (name, values) in zip(axes, rows.items(), strict=True):
        if values is None:
            each.text(0.5, 0.5, "not recorded", ha="center", va="center", transform=each.transAxes)
            each.set_yticks([])
        else:
            each.plot(time[kept], values, color=INK, linewidth=1)
        _shade_lifts(each, time, signature)
        each.set_ylabel(name)
        each.set_xlim(time[0], time[-1])
        each.label_outer()
    axes[-1].set_xlabel("time (ms); gray: pen up")


def _speed(signature: Signature) -> FloatArray:
    """Return the speed at each kept sample, on the repaired time axis; NaN where no time passes."""
    kept = signature.repaired.kept
    x, y, time = (np.gradient(each[kept]) for each in (signature.x, signature.y, signature.repaired.time_ms))
    speed: FloatArray = np.divide(np.hypot(x, y), time, out=np.full(len(time), np.nan), where=time > _TINY)
    return speed


def _shade_lifts(axes: "Axes", time: FloatArray, signature: Signature) -> None:
    edges = np.diff(np.concatenate([[0], (~signature.ink[1:]).astype(np.int8), [0]]))
    for start, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        axes.axvspan(time[start], time[end], color="0.9", linewidth=0)
