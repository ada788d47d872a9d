import numpy as np
import pytest

from sigverify.modality.image.lines import LEAST_LENGTH, without_lines

SHAPE = 200, 400


def line(slope=0.0, y=100, thick=2, first=0, last=400, wobble=0.0):
    """A line from place to place, wobbling as a hand does, in waves of 60 pixels."""
    ink = np.zeros(SHAPE, bool)
    for x in range(first, last):
        top = round(y + slope * (x - 200) + wobble * np.sin(x / 9.5))
        ink[top : top + thick, x] = True
    return ink


@pytest.mark.parametrize("slope", [0.0, 0.01, -0.05, 0.09])
@pytest.mark.parametrize("thick", [1, 2, 4])
def test_straight_lines_go(slope, thick):
    assert without_lines(line(slope, thick=thick)).sum() == 0


def test_strokes_that_cross_a_line_stay_whole():
    strokes = np.zeros(SHAPE, bool)
    strokes[60:160, 100:104] = strokes[80:150, 250:253] = True
    kept = without_lines(strokes | line())
    assert (kept & strokes).sum() == strokes.sum()
    assert (kept & ~strokes).sum() < 20


@pytest.mark.parametrize("wobble", [0.8, 1.5, 3])
def test_what_a_hand_draws_stays(wobble):
    ink = line(first=60, last=340, wobble=wobble)
    assert np.array_equal(without_lines(ink), ink)


def test_a_short_line_stays():
    ink = line(first=100, last=100 + LEAST_LENGTH - 20)
    assert np.array_equal(without_lines(ink), ink)


def test_boxes_go_and_upright_strokes_stay():
    box = np.zeros(SHAPE, bool)
    box[20:22, 20:380] = box[178:180, 20:380] = box[20:180, 20:22] = box[20:180, 378:380] = True
    stroke = np.zeros(SHAPE, bool)
    stroke[50:150, 200:203] = True
    kept = without_lines(box | stroke)
    assert (kept & stroke).sum() == stroke.sum()
    assert (kept & ~stroke).sum() < 20


def test_dots_in_a_row_are_a_line():
    ink = np.zeros(SHAPE, bool)
    for x in range(30, 370, 5):
        ink[150:152, x : x + 2] = True
    assert not without_lines(ink).any()


def test_of_ruled_paper_the_lines_across_a_corner_go_as_well():
    ink = np.zeros(SHAPE, bool)
    whole = line(0.08, 100)
    for y in (-30, 20, 60, 180, 220):
        for x in range(400):
            top = round(y + 0.08 * (x - 200))
            ink[max(top, 0) : max(top + 2, 0), x] = True
    assert without_lines(whole | ink).sum() == 0
    short = np.zeros(SHAPE, bool)
    short[40:42, 100:160] = True
    kept = without_lines(whole | short)
    assert np.array_equal(kept, short), "a dash that ends on the paper"


def test_where_lines_cross_nothing_is_left():
    box = np.zeros(SHAPE, bool)
    box[20:25, 20:380] = box[175:180, 20:380] = box[20:180, 20:25] = box[20:180, 375:380] = True
    box[20:180, 200:205] = True
    assert not without_lines(box).any()


def test_many_lines():
    ink = np.zeros(SHAPE, bool)
    for y in range(10, 190, 20):
        ink |= line(0.005, y)
    assert without_lines(ink).sum() == 0


@pytest.mark.parametrize("ink", [np.zeros((5, 5), bool), np.ones((300, 300), bool), np.eye(256, dtype=bool)])
def test_no_line_is_found_where_there_is_none(ink):
    assert np.array_equal(without_lines(ink), ink)
