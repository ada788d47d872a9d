"""What a notebook shows of strokes: the ink, and no more of it than is drawn."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from builders import signature
from hypothesis import given
from hypothesis import strategies as st

from sigverify import Signature
from sigverify.modality.pen.svg import MOST_POINTS, PLAIN_WIDTH, WIDTHS, to_svg

SPACE = "{http://www.w3.org/2000/svg}"


def lines(drawing):
    """Width and points `(n, 2)` of each line."""
    return [
        (
            float(line.get("stroke-width")),
            np.array([list(map(float, p.split(","))) for p in line.get("points").split()]),
        )
        for line in ET.fromstring(drawing).iter(f"{SPACE}polyline")  # noqa: S314  # made here
    ]


def joined(drawing):
    """Points of the strokes: lines that go on where the one before ended are one."""
    strokes = []
    for _, points in lines(drawing):
        if strokes and np.array_equal(strokes[-1][-1], points[0]):
            strokes[-1] = np.concatenate([strokes[-1], points[1:]])
        else:
            strokes.append(points)
    return strokes


def test_each_stroke_is_drawn_by_its_own_samples_and_nothing_between_them():
    first = [(0, 0, 0), (10, 0, 10), (20, 5, 20), (30, 5, 30), (40, 0, 40)]
    second = [(100, 0, 100), (100, 50, 110), (110, 50, 120), (110, 0, 130), (120, 0, 140)]
    strokes = joined(to_svg(Signature.from_strokes([first, second])))
    assert [len(stroke) for stroke in strokes] == [5, 5]
    scale = np.ptp(np.concatenate(strokes)[:, 0]) / 120
    for drawn, written in zip(strokes, (first, second), strict=True):
        steps = np.diff(np.array(written)[:, :2], axis=0) * [scale, -scale]
        assert np.diff(drawn, axis=0) == pytest.approx(steps, abs=0.11), "rounded to a tenth; up is up"


def test_y_that_grows_downwards():
    its = signature()
    up, down = (np.concatenate(joined(to_svg(its, flip_y=flip))) for flip in (False, True))
    assert up[:, 0] == pytest.approx(down[:, 0])
    assert np.ptp(up[:, 1] + down[:, 1]) <= 0.21


@given(st.integers(0, 50), st.sampled_from([1e-6, 1.0, 1e6]))
def test_all_ink_lies_on_the_paper(writer, size):
    its = signature(writer)
    drawing = to_svg(Signature(size * its.x, size * its.y, its.time_ms, its.pressure, its.pen_down))
    root = ET.fromstring(drawing)  # noqa: S314  # made here
    wide, high = (float(root.get(name)) for name in ("width", "height"))
    for _, points in lines(drawing):
        assert (points >= 0).all()
        assert (points <= [wide, high]).all()


def test_pressure_is_width():
    its = signature()
    rising = Signature(its.x, its.y, its.time_ms, np.arange(len(its)), its.pen_down)
    widths = [width for width, _ in lines(to_svg(rising))]
    assert widths == sorted(widths)
    assert widths[0] == WIDTHS[0]
    assert widths[-1] == WIDTHS[-1]
    for pressure in (None, np.zeros(len(its))):
        plain = Signature(its.x, its.y, its.time_ms, pressure, its.pen_down)
        assert {width for width, _ in lines(to_svg(plain))} == {PLAIN_WIDTH}


def test_a_long_recording_is_thinned_and_lifts_stay():
    count = 50_000
    turn = np.linspace(0, 40 * np.pi, count)
    ink = np.ones(count, bool)
    ink[10_001:10_333] = ink[20_002:20_444] = False
    drawing = to_svg(Signature(turn + np.cos(turn), np.sin(turn), np.arange(count), None, ink))
    assert sum(len(points) for _, points in lines(drawing)) < MOST_POINTS + 10
    assert len(joined(drawing)) == 3


def test_a_notebook_shows_it_and_a_log_does_not():
    its = signature()
    assert its._repr_svg_() == to_svg(its)
    said = repr(its)
    assert f'aria-label="{said[1:-1]}"' in its._repr_svg_()
    assert "polyline" not in said
    assert len(said) < 60
