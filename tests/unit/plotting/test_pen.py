import re

import numpy as np
import pytest
from builders import signature
from PIL import Image

from sigverify import Signature
from sigverify.errors import ConfigError
from sigverify.evaluation.page.drawings import draw
from sigverify.modality.pen.svg import to_svg
from sigverify.plotting.figure import new_figure
from sigverify.plotting.pen import _draw_series, draw_ink, plot_alignment

pytest.importorskip("matplotlib")
ORANGE, BLUE = (213, 94, 0), (31, 58, 104)


def close_to(path, colour):
    """Count the pixels of a written picture that are of that colour, nearly."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)[:700]  # without the scale of colours
    return int((np.abs(pixels - colour).max(axis=-1) < 12).sum())


def test_where_two_differ_the_first_is_of_another_colour(tmp_path):
    same = plot_alignment(signature(0), signature(0), tmp_path / "same.png", titles=("a", "a"))
    assert close_to(same, ORANGE) == 0
    assert close_to(same, BLUE) > 1000
    other = plot_alignment(signature(0), signature(2), tmp_path / "other.png", flip_y=True)
    assert close_to(other, ORANGE) > 500


@pytest.mark.parametrize("suffix", [".svg", ".pdf"])
def test_without_pressure_on_one_side(tmp_path, suffix):
    its = signature(0)
    plain = Signature(its.x, its.y, its.time_ms, None, its.ink)
    assert plot_alignment(plain, its, tmp_path / f"x{suffix}").stat().st_size > 5000


def test_no_such_format(tmp_path):
    with pytest.raises(ConfigError, match=r"expected .png or .pdf or .svg; received '.gif'"):
        plot_alignment(signature(0), signature(1), tmp_path / "x.gif")


def test_a_pen_that_rested_leaves_no_spikes_of_speed():
    its = signature(0)
    rest = np.full(60, 100)  # samples at which the pen lies still
    order = np.sort(np.concatenate([np.arange(len(its)), rest]))
    time = np.arange(len(order)) * 10.0
    pressure = None if its.pressure is None else its.pressure[order]
    rested = Signature(its.x[order], its.y[order], time, pressure, its.ink[order])
    assert "pen_rested" in rested.repaired.repairs
    axes = new_figure(4, 4).subplots(4, 1)
    _draw_series(list(axes), rested)
    speed = np.asarray(axes[2].lines[0].get_ydata())
    steps = np.hypot(np.diff(its.x), np.diff(its.y)).max() / 10
    assert np.nanmax(speed) <= steps + 1e-9
    assert {len(each.lines[0].get_ydata()) for each in axes if each.lines} == {rested.repaired.kept.sum()}


def misplaced():
    """A signature whose first position is far outside of it."""
    its = signature(0)
    x, y = its.x.copy(), its.y.copy()
    x[0], y[0] = its.x.min() - 5000, its.y.min() - 5000
    return its, Signature(x, y, its.time_ms, its.pressure, its.ink)


def test_what_is_not_compared_is_gray_and_does_not_count_for_the_size():
    its, wrong = misplaced()
    boxes, shown = [], []
    for each in (its, wrong):
        axes = new_figure(4, 4).subplots()
        draw_ink(axes, each)
        boxes.append(axes.get_xlim() + axes.get_ylim())
        shown.append([len(lines.get_segments()) for lines in axes.collections])
    np.testing.assert_allclose(boxes[1], boxes[0], atol=30)
    assert shown == [[0, sum(its.ink[1:])], [1, sum(its.ink[1:]) - 1]]


@pytest.mark.parametrize("drawn", [to_svg, draw])
def test_other_drawings_leave_it_out(drawn):
    """Places are tenths of a pixel: the rest of the name is as large as it was."""
    first, second = (np.array(re.findall(r"-?\d+\.\d", str(drawn(each))), float) for each in misplaced())
    assert np.ptp(second) == pytest.approx(np.ptp(first), rel=0.05)
    assert len(first) - 4 <= len(second) <= len(first)
