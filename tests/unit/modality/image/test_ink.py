import io

import numpy as np
import pytest
from builders import signature
from PIL import Image, ImageDraw, ImageFilter
from toy_images import drawn

from sigverify.matching.elastic import NUMPY
from sigverify.modality.image import columns
from sigverify.modality.image.ink import LONGEST, look_for_ink, otsu, without_blots, without_specks
from sigverify.modality.image.sheet import lay_out

WRITERS = range(6)
SIZE = 600, 300


def page(writer, repetition=0):
    """A signature in the middle of a white page."""
    sheet = Image.new("L", SIZE, 255)
    sheet.paste(drawn(signature(writer, repetition), size=(400, 180)), (100, 60))
    return sheet


def series(picture):
    ink = look_for_ink(np.asarray(picture)).where
    return (20 * columns.series(columns.encode(lay_out(ink).ink[np.newaxis]))[0]).astype(np.int8)


def apart(one, other):
    return float(NUMPY.distances(series(one), series(other)[np.newaxis])[0])


def ruled(its, slope=0.0, grey=90, reach=1.0, y=215):
    """A line two pixels thick, smoothed as a scanner does."""
    line = Image.new("L", (4 * SIZE[0], 4 * SIZE[1]), 255)
    ends = [
        (4 * x, 4 * (y + slope * (x - SIZE[0] / 2)))
        for x in (SIZE[0] * (1 - reach) / 2, SIZE[0] * (1 + reach) / 2)
    ]
    ImageDraw.Draw(line).line(ends, fill=grey, width=8)
    line = line.resize(SIZE, Image.Resampling.BOX)
    return Image.fromarray(np.minimum(np.asarray(its), np.asarray(line)))


def lined_paper(its):
    for y in range(20, SIZE[1], 45):
        its = ruled(its, grey=130, y=y)
    return its


def boxed(its):
    its = its.copy()
    ImageDraw.Draw(its).rectangle([20, 15, SIZE[0] - 20, SIZE[1] - 15], outline=60, width=2)
    return its


def dotted(its):
    its = its.copy()
    pen = ImageDraw.Draw(its)
    for x in range(60, SIZE[0] - 60, 6):
        pen.rectangle([x, 250, x + 1, 251], fill=40)
    return its


def shaded(its):
    """Light that fades to a side, and the shadow of a hand in the corner, as soft as shadows are."""
    x, y = np.meshgrid(np.linspace(0, 1, SIZE[0]), np.linspace(0, 1, SIZE[1]))
    light = 255 * (0.95 - 0.4 * x) * np.where(x + 0.7 * y > 1.2, 0.55, 1)
    light = Image.fromarray(light.astype(np.uint8)).filter(ImageFilter.GaussianBlur(5))
    return Image.fromarray((np.asarray(its) * (np.asarray(light) / 255)).astype(np.uint8))


def on_a_table(its):
    photo = Image.fromarray(np.random.default_rng(0).normal(60, 5, (440, 800)).astype(np.uint8))
    photo.paste(its.point(lambda level: 220 * level // 255), (90, 70))
    return photo


def noisy(its):
    noise = np.random.default_rng(0).normal(-15, 9, (SIZE[1], SIZE[0]))
    return Image.fromarray(np.clip(np.asarray(its) + noise, 0, 255).astype(np.uint8))


def jpeg(its):
    file = io.BytesIO()
    its.save(file, "JPEG", quality=30)
    return Image.open(file)


def dusty(its):
    levels = np.array(its)
    rng = np.random.default_rng(1)
    levels[rng.integers(5, SIZE[1] - 5, 25), rng.integers(5, SIZE[0] - 5, 25)] = 30
    return Image.fromarray(levels)


def seen_through(its):
    behind = page(9).transpose(Image.Transpose.FLIP_LEFT_RIGHT).filter(ImageFilter.GaussianBlur(2))
    return Image.fromarray(
        np.minimum(np.asarray(its), 255 - (0.3 * (255 - np.asarray(behind, np.float64))).astype(np.uint8))
    )


def scanned_askew(its, level=35):
    """The lid of a scanner at three sides, skewed at one of them."""
    its = its.copy()
    pen = ImageDraw.Draw(its)
    pen.rectangle([0, 0, SIZE[0], 9], fill=level)
    pen.rectangle([0, 0, 11, SIZE[1]], fill=level)
    pen.polygon([(SIZE[0], 0), (SIZE[0], SIZE[1]), (SIZE[0] - 18, SIZE[1]), (SIZE[0] - 4, 0)], fill=level)
    return its


def on_a_grey_table(its):
    photo = Image.new("L", (760, 380), 130)
    photo.paste(its.point(lambda level: 230 * level // 255), (90, 0))
    return photo


def half_in_shadow(its):
    """A shadow that ends sharply, across the signature."""
    light = Image.new("L", SIZE, 255)
    ImageDraw.Draw(light).polygon([(330, 0), (SIZE[0], 0), SIZE, (400, SIZE[1])], fill=140)
    return Image.fromarray((np.asarray(its) * (np.asarray(light) / 255)).astype(np.uint8))


def framed(its, width=9):
    its = its.copy()
    ImageDraw.Draw(its).rectangle([30, 20, SIZE[0] - 30, SIZE[1] - 20], outline=40, width=width)
    return its


def blotted(its):
    its = its.copy()
    pen = ImageDraw.Draw(its)
    pen.ellipse([20, 255, 32, 267], fill=20)
    pen.ellipse([560, 10, 578, 28], fill=20)
    return its


def ruled_askew(its):
    """Lines that leave the page above and below, so that little is seen of some."""
    for y in range(-20, SIZE[1] + 30, 40):
        its = ruled(its, 0.08, grey=130, y=y)
    return its


SPOILT = {
    "a scanner's lid": scanned_askew,
    "a grey lid": lambda its: scanned_askew(its, 120),
    "a grey table": on_a_grey_table,
    "a hard shadow": half_in_shadow,
    "a thick frame": framed,
    "a frame of 5 pixels": lambda its: framed(its, 5),
    "blots": blotted,
    "ruled askew": ruled_askew,
    "a ruled line": ruled,
    "a slanted line": lambda its: ruled(its, 0.03),
    "an underline": lambda its: ruled(its, reach=0.85, y=250),
    "lined paper": lined_paper,
    "a box": boxed,
    "a dotted line": dotted,
    "shadows": shaded,
    "a table": on_a_table,
    "noise": noisy,
    "JPEG": jpeg,
    "dust": dusty,
    "the back of the sheet": seen_through,
    "light ink": lambda its: its.point(lambda level: 175 + 80 * level // 255),
    "turned round": lambda its: its.point(lambda level: 255 - level),
}
BETWEEN = np.median([apart(page(writer), page(writer, 1)) for writer in WRITERS])
"""How far two genuine signatures of one writer lie apart."""


@pytest.mark.parametrize("what", SPOILT)
def test_what_is_not_ink_moves_a_signature_less_than_its_writer_does(what):
    moved = [apart(page(writer), SPOILT[what](page(writer))) for writer in WRITERS]
    assert np.median(moved) < 0.35 * BETWEEN
    assert max(moved) < BETWEEN


def test_a_signature_is_looked_at_closer_where_it_is_small_on_its_page():
    small = Image.new("L", (1600, 2300), 250)
    small.paste(page(0).resize((300, 150)), (1200, 1900))
    ink, alone = (look_for_ink(np.asarray(each)).where for each in (small, page(0).resize((300, 150))))
    assert max(ink.shape) <= LONGEST
    widths = [np.ptp(np.flatnonzero(each.any(axis=0))) for each in (ink, alone)]
    assert abs(widths[0] - widths[1]) <= 3, "as many pixels as the picture has"
    assert apart(page(0).resize((300, 150)), small) < 0.3 * BETWEEN


@pytest.mark.parametrize("width", [1, 2, 12, 22])
def test_pens_of_any_width(width):
    strokes = signature(0)
    ink = look_for_ink(np.asarray(drawn(strokes, width=width, size=(500, 300)))).where
    drawn_ink = np.asarray(drawn(strokes, width=width, size=(500, 300))) < 128
    assert np.mean(ink != drawn_ink) < 0.02


@pytest.mark.parametrize("size", [(8, 8), (8, 320), (13, 9), (511, 64), (4000, 8)])
def test_pictures_of_any_size(size):
    levels = np.random.default_rng(0).integers(0, 256, size).astype(np.uint8)
    assert max(look_for_ink(levels).where.shape) <= LONGEST


def test_specks_go_and_dots_of_letters_stay():
    ink = np.zeros((60, 90), bool)
    ink[20:40, 10:13] = True  # an i …
    ink[14:17, 10:13] = True  # … and its dot
    ink[50:52, 70:73] = True  # dust
    ink[5, 50] = True
    ink[7, 53] = True  # dust beside dust
    kept = without_specks(ink)
    assert kept[:, :20].sum() == ink[:, :20].sum()
    assert not kept[:, 20:].any()
    assert not without_specks(np.zeros((9, 9), bool)).any()


@pytest.mark.parametrize("size", [4, 12, 30])
def test_blots_go_where_they_stand_alone(size):
    strokes = np.zeros((300, 400), bool)
    strokes[60:140, 100:103] = strokes[100:103, 60:200] = True
    far, near, long = (strokes.copy() for _ in range(3))
    far[250 : 250 + size, 350 : 350 + size] = True
    near[70 : 70 + size, 100 + 40 : 100 + 40 + size] = True
    long[250 : 250 + size, 300 : 300 + 3 * size] = True
    assert np.array_equal(without_blots(far), strokes)
    assert np.array_equal(without_blots(near), near), "the dot of a letter"
    assert np.array_equal(without_blots(long), long), "a dash"


def test_what_is_all_blots_stays():
    ink = np.zeros((200, 300), bool)
    ink[20:30, 20:30] = ink[150:160, 250:260] = True
    assert np.array_equal(without_blots(ink), ink)
    assert not without_blots(np.zeros((9, 9), bool)).any()


def test_ink_in_a_hard_shadow_is_seen():
    seen, plain = (look_for_ink(np.asarray(its)).where for its in (half_in_shadow(page(0)), page(0)))
    assert np.mean(seen != plain) < 0.005


def test_otsu_parts_two_heaps():
    counts = np.zeros(256, np.int64)
    counts[[20, 21, 22]], counts[[200, 201]] = [5, 9, 5], [3, 4]
    assert 22 <= otsu(counts) < 200
    assert otsu(np.eye(256, dtype=np.int64)[7] * 9) == 255, "one level is all paper"
