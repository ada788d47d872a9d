import io

import numpy as np
import pytest
from builders import signature
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from toy_images import drawn

from sigverify.modality.image.assessment import unfit
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.quality import Flaw

SIZE = 500, 300
WHITE, BLACK, BLUE, STAMP = (250, 250, 250), (20, 20, 20), (30, 40, 150), (60, 90, 200)


def page(colour, writer=0):
    """A signature in ink of that colour."""
    share = np.zeros((SIZE[1], SIZE[0], 1))
    share[40:240, 30:430, 0] = (255 - np.asarray(drawn(signature(writer)), np.float64)) / 235
    return Image.fromarray(np.rint(WHITE + share * (np.array(colour) - WHITE)).astype(np.uint8))


def stamped(its, colour):
    mark = Image.new("RGB", (4 * SIZE[0], 4 * SIZE[1]), "white")
    pen = ImageDraw.Draw(mark)
    pen.ellipse([1300, 300, 1900, 900], outline=colour, width=20)
    pen.text((1400, 560), "RECEIVED", fill=colour, font=ImageFont.load_default(80))
    return Image.fromarray(np.minimum(np.asarray(its), np.asarray(mark.reduce(4))))


def printed(its, colour):
    mark = Image.new("RGB", (4 * SIZE[0], 4 * SIZE[1]), "white")
    words = "Signature of the applicant"
    ImageDraw.Draw(mark).text((200, 1060), words, fill=colour, font=ImageFont.load_default(96))
    return Image.fromarray(np.minimum(np.asarray(its), np.asarray(mark.reduce(4))))


def jpeg(its):
    file = io.BytesIO()
    its.save(file, "JPEG", quality=75)
    return Image.open(file)


def moved(its, writer=0):
    """How far a picture's sheet is from that of the signature alone: 0 to 1, on the average."""
    alone = SignatureImage.read(page(BLACK, writer)).sheet.ink
    return float(np.abs(SignatureImage.read(its).sheet.ink - alone).mean())


MIXED = {
    "a blue stamp beside black ink": lambda: stamped(page(BLACK), STAMP),
    "black print beside blue ink": lambda: printed(page(BLUE), BLACK),
    "black stamp beside blue ink": lambda: stamped(page(BLUE), BLACK),
    "blue print beside black ink": lambda: printed(page(BLACK), STAMP),
}


@pytest.mark.parametrize("what", MIXED)
@pytest.mark.parametrize("saved", [lambda its: its, jpeg, lambda its: its.convert("RGBA")])
def test_print_and_stamps_of_another_ink_are_no_ink(what, saved):
    its = saved(MIXED[what]())
    assert moved(its) < 0.03
    assert unfit(SignatureImage.read(its)) is None


ALIKE = {
    "a blue stamp beside blue ink": lambda: stamped(page(BLUE), STAMP),
    "a black stamp beside black ink": lambda: stamped(page(BLACK), BLACK),
    "black print beside black ink": lambda: printed(page(BLACK), BLACK),
    "a blue stamp and black print": lambda: printed(stamped(page(BLUE), STAMP), BLACK),
}


@pytest.mark.parametrize("what", ALIKE)
def test_what_colour_does_not_part_is_said(what):
    assert moved(ALIKE[what]()) > 0.05
    assert unfit(SignatureImage.read(ALIKE[what]())) is Flaw.SEVERAL


def test_two_signatures_in_two_inks_both_stay():
    both = Image.fromarray(
        np.minimum(np.asarray(page(BLACK)), np.asarray(page(BLUE, 3).transpose(Image.Transpose.ROTATE_180)))
    )
    grey = SignatureImage.read(both.convert("L"))
    assert np.mean(SignatureImage.read(both).ink.where != grey.ink.where) < 0.01


def test_a_ballpoint_that_writes_thickly_is_one_ink():
    """Its colour fades into black where there is more of it."""
    depth = np.asarray(page(BLACK).convert("L").filter(ImageFilter.GaussianBlur(1)), np.float64)
    depth = 3.5 * (250 - depth) / 230
    its = 250 * np.exp(-depth[..., np.newaxis] * np.array([1.6, 1.3, 0.45]))
    its = Image.fromarray(np.rint(its).astype(np.uint8))
    grey = SignatureImage.read(its.convert("L"))
    assert np.array_equal(SignatureImage.read(its).grey, grey.grey)
