import numpy as np
import pytest

from sigverify.modality.image.frames import without_frame

SHAPE = 200, 400


def box(thick=5, lean=0.0, top=20, bottom=180, left=30, right=370):
    """A box of four lines so thick, whose corners are moved by `lean` times their distance."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
    u, v = x + lean * (y - 100), y - lean * (x - 200)
    inside = (u >= left) & (u < right) & (v >= top) & (v < bottom)
    hole = (u >= left + thick) & (u < right - thick) & (v >= top + thick) & (v < bottom - thick)
    return inside & ~hole


STROKES = np.zeros(SHAPE, bool)
STROKES[80:140, 100:104] = STROKES[80:84, 100:300] = STROKES[100:150, 250:254] = True


@pytest.mark.parametrize("thick", [2, 5, 9, 20])
@pytest.mark.parametrize("lean", [0.0, 0.02, -0.03])
def test_a_box_around_strokes_goes_and_they_stay(thick, lean):
    assert np.array_equal(without_frame(box(thick, lean) | STROKES), STROKES)


def test_strokes_that_touch_the_box_lose_no_more_than_what_lies_on_it():
    stroke = np.zeros(SHAPE, bool)
    stroke[60:190, 200:203] = True  # through the lower side
    kept = without_frame(box() | STROKES | stroke)
    assert kept[60:170, 200:203].all()
    assert kept[184:190, 200:203].all()
    assert not (kept & ~(STROKES | stroke)).any()


def round_corners():
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.abs(((x - 200) / 170.0) ** 2 + ((y - 100) / 80.0) ** 2 - 1) < 0.06


def wavy():
    """A box as a hand draws it."""
    ink = np.zeros(SHAPE, bool)
    for x in range(30, 371):
        ink[round(20 + 4 * np.sin(x / 30)) :, x][:5] = ink[round(175 + 4 * np.sin(x / 25)) :, x][:5] = True
    for y in range(20, 180):
        ink[y, round(30 + 3 * np.sin(y / 20)) :][:5] = ink[y, round(366 + 3 * np.sin(y / 20)) :][:5] = True
    return ink


KEPT = {
    "nothing": np.zeros(SHAPE, bool),
    "strokes": STROKES,
    "three sides": box() & (np.arange(SHAPE[0])[:, np.newaxis] < 150),
    "a small box": box(4, top=70, bottom=130, left=150, right=250),
    "an oval": round_corners(),
    "a box drawn by hand": wavy(),
    "a filled box": box(80),
}


@pytest.mark.parametrize("what", KEPT)
def test_what_is_no_box_around_strokes_stays(what):
    assert np.array_equal(without_frame(KEPT[what]), KEPT[what])
