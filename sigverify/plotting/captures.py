"""`draw_capture`: a capture of any kind, as people see it; `plot_captures`: several beside each other."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sigverify.modality.image.signature_image import SignatureImage
from sigverify.plotting.figure import new_figure, save
from sigverify.plotting.pen import draw_ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_captures(rows: Sequence[Sequence[tuple[str, Any]]], path: str | Path) -> Path:
    """Draw several captures, a row of `(title, capture)` beside each other.

    Raises:
        MissingExtra: matplotlib is not installed.
        ConfigError: the suffix names no picture format, or the file cannot be written.
    """
    columns = max(len(row) for row in rows)
    figure = new_figure(4 * columns, 2.5 * len(rows))
    for axes, row in zip(figure.subplots(len(rows), columns, squeeze=False), rows, strict=True):
        for each in axes:
            each.set_axis_off()
        for each, (title, capture) in zip(axes, row, strict=False):
            draw_capture(each, capture)
            each.set_title(title, fontsize="small")
    return save(figure, Path(path))


def draw_capture(axes: "Axes", capture: Any) -> None:
    """Draw pen strokes or a picture, without axes."""
    if isinstance(capture, SignatureImage):
        axes.imshow(capture.grey, cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()
    else:
        draw_ink(axes, capture)
