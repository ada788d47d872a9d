import io

import numpy as np
import pytest
from builders import signature
from PIL import Image, ImageDraw
from toy_images import drawn

from sigverify.errors import InvalidSignature
from sigverify.modality.image.grey import from_levels, plain, to_grey
from sigverify.modality.image.signature_image import SignatureImage

PLAIN = drawn(signature())
WHITE, BLACK, BLUE, RED = (255, 255, 255), (20, 20, 20), (30, 40, 150), (205, 30, 50)
GREEN = (20, 150, 70)
SHEET = SignatureImage(np.asarray(PLAIN)).sheet.ink


def inked(colour, paper=WHITE):
    """The plain picture with ink of that colour."""
    share = (255 - np.asarray(PLAIN, np.float64)[..., np.newaxis]) / 235
    return Image.fromarray(np.rint(paper + share * (np.array(colour) - paper)).astype(np.uint8))


def stamped(picture, colour, left=100):
    """Put a ring with a bar through it over a picture: what is darker stays."""
    stamp = Image.new("RGB", picture.size, "white")
    pen = ImageDraw.Draw(stamp)
    pen.ellipse([left + 20, 20, left + 180, 180], outline=colour, width=8)
    pen.rectangle([left, 90, left + 199, 110], fill=colour)
    return Image.fromarray(np.minimum(np.asarray(picture), np.asarray(stamp)))


def moved(picture):
    return float(np.abs(SignatureImage.read(picture).sheet.ink - SHEET).mean())


@pytest.mark.parametrize("ink", [BLACK, BLUE])
@pytest.mark.parametrize("stamp", [RED, GREEN, (240, 60, 40)])
def test_a_stamp_neither_hides_nor_adds_ink(ink, stamp):
    assert moved(stamped(inked(ink), stamp)) < 0.01
    assert moved(stamped(inked(ink), ink)) > 0.05, "the stamp would be seen"


@pytest.mark.parametrize("ink", [BLACK, BLUE])
@pytest.mark.parametrize("stamp", [RED, GREEN])
def test_a_stamp_in_a_jpeg_file_goes_as_well(ink, stamp):
    file = io.BytesIO()
    stamped(inked(ink), stamp).save(file, "JPEG", quality=75)
    assert moved(Image.open(file)) < 0.03


def test_a_red_and_a_green_stamp_at_once():
    assert moved(stamped(stamped(inked(BLACK), RED, 0), GREEN, 200)) < 0.01


@pytest.mark.parametrize(
    "ink", [BLACK, BLUE, RED, GREEN, (0, 0, 255), (255, 0, 0), (0, 160, 160), (255, 0, 255)]
)
def test_ink_of_any_colour(ink):
    assert moved(inked(ink)) < 0.01


@pytest.mark.parametrize("paper", [(255, 250, 200), (225, 240, 255), (255, 220, 225), (220, 255, 225)])
@pytest.mark.parametrize("ink", [BLACK, BLUE])
def test_coloured_paper(ink, paper):
    assert moved(inked(ink, np.array(paper))) < 0.01


def transparent(colour, ground=(0, 0, 0)):
    """Ink of a colour on transparency, whose hidden colour is `ground`."""
    alpha = 255 - np.asarray(PLAIN)
    rgb = np.where(alpha[..., np.newaxis] > 0, np.array(colour), np.array(ground)).astype(np.uint8)
    return Image.fromarray(np.dstack([rgb, alpha]))


@pytest.mark.parametrize("ink", [BLACK, BLUE, WHITE, (255, 255, 0), (150, 150, 150), RED])
@pytest.mark.parametrize("ground", [(0, 0, 0), WHITE])
def test_ink_of_any_colour_on_transparency(ink, ground):
    assert moved(transparent(ink, ground)) < 0.02


def test_opaque_paper_with_clear_corners_is_paper():
    alpha = np.full((200, 400), 255, np.uint8)
    alpha[:12, :12] = alpha[-12:, -12:] = 0
    assert moved(Image.fromarray(np.dstack([np.asarray(PLAIN)] * 3 + [alpha]))) < 0.01


def test_a_palette_with_a_clear_colour():
    picture = Image.fromarray(np.where(np.asarray(PLAIN) < 128, np.uint8(1), np.uint8(0)), "L").convert("P")
    picture.putpalette([0, 0, 0, 10, 10, 10])
    picture.info["transparency"] = 0
    assert moved(picture) < 0.02


def test_a_palette_of_greys_is_read_as_its_greys():
    picture = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16), "L").convert("P")
    picture.putpalette([level for place in range(256) for level in [place * 7 % 256] * 3])
    assert plain(picture).mode == "L"
    assert np.array_equal(to_grey(plain(picture)), to_grey(picture.convert("RGB")))
    picture.putpalette([1, 2, 3])
    assert plain(picture).mode == "RGB"


def test_levels_of_any_depth():
    levels = np.array([[0, 128, 255]], np.uint8)
    assert np.array_equal(from_levels(levels), levels)
    assert from_levels(levels.astype(np.uint16) << 8).tolist() == levels.tolist()
    assert from_levels(levels.astype(np.int64) << 2).tolist() == levels.tolist()
    assert from_levels(levels / 255).tolist() == levels.tolist()
    assert from_levels(np.array([[1, 0]])).tolist() == [[255, 0]]
    assert from_levels(np.array([[True, False]])).tolist() == [[255, 0]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1, "a", 1j, None])
def test_levels_that_are_none(bad):
    with pytest.raises(InvalidSignature):
        from_levels(np.array([[0, 1, bad]]))


def test_a_picture_that_is_plain_is_not_copied():
    assert plain(PLAIN) is PLAIN
    assert np.array_equal(to_grey(PLAIN), np.asarray(PLAIN))
