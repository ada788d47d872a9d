import numpy as np
import pytest
from toy_images import picture

from sigverify.errors import FormatError, InvalidSignature
from sigverify.modality.image.decoding import MAX_PIXELS
from sigverify.modality.image.image import IMAGE
from sigverify.modality.image.signature_image import SignatureImage


def test_it_keeps_its_own_levels():
    levels = np.asarray(picture().grey).copy()
    its = SignatureImage(levels)
    levels[:] = 0
    assert its == picture()
    assert hash(its) == hash(picture())
    assert its != picture(1)
    assert its != "a picture"
    with pytest.raises(ValueError, match="read-only"):
        its.grey[0, 0] = 1


def test_its_repr_shows_no_ink():
    assert repr(picture()) == "<SignatureImage 400 × 200 pixels>"


@pytest.mark.parametrize(
    "levels",
    [
        np.zeros((8, 8)),
        np.zeros((8, 8, 3), np.uint8),
        np.zeros(8, np.uint8),
        np.zeros((0, 9), np.uint8),
        [],
        None,
        "picture",
    ],
    ids=lambda levels: str(getattr(levels, "shape", levels)),
)
def test_levels_that_are_no_picture(levels):
    with pytest.raises(InvalidSignature):
        SignatureImage(levels)


def test_sides_that_no_signature_has():
    with pytest.raises(InvalidSignature, match="at least 8 pixels"):
        SignatureImage(np.zeros((7, 100), np.uint8))
    with pytest.raises(InvalidSignature, match="40 times the other"):
        SignatureImage(np.zeros((8, 321), np.uint8))
    with pytest.raises(FormatError, match="64 megapixels"):
        SignatureImage(np.broadcast_to(np.uint8(0), (8_000, MAX_PIXELS // 8_000 + 1)))


def test_its_ink_and_sheet_are_found_once():
    its = picture()
    assert its.ink is its.ink
    assert its.sheet is its.sheet
    assert its.ink.where.shape == its.ink.darkness.shape
    assert IMAGE.extent(its) == its.sheet.aspect
