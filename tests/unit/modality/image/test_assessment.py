import numpy as np
import pytest
from builders import signature
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from toy_images import drawn, picture

from sigverify.modality.image.assessment import COMPLEXITY_FLOOR, assess, complexity, unfit
from sigverify.modality.image.image import IMAGE
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.quality import Flaw, Quality


def sketched(draw, size=(400, 200)):
    """A picture of what `draw` does with a pen of Pillow's."""
    sheet = Image.new("L", size, 255)
    draw(ImageDraw.Draw(sheet))
    return SignatureImage(np.asarray(sheet))


def of(*parts, size):
    """Signatures put on one page: each with its place."""
    sheet = Image.new("L", size, 255)
    for its, place in parts:
        sheet.paste(its, place)
    return SignatureImage(np.asarray(sheet))


def with_print(words="Name of the applicant, in capitals", height=18):
    """A signature above a row of print."""
    sheet = Image.new("L", (400, 260), 255)
    sheet.paste(drawn(signature(1), size=(400, 200)), (0, 0))
    ImageDraw.Draw(sheet).text((20, 225), words, fill=30, font=ImageFont.load_default(height))
    return SignatureImage(np.asarray(sheet))


def with_stamp():
    """A signature with a ring over its end."""
    sheet = drawn(signature(1), size=(400, 200))
    ImageDraw.Draw(sheet).ellipse([250, 50, 370, 170], outline=30, width=3)
    return SignatureImage(np.asarray(sheet))


ONE, OTHER = (drawn(signature(writer), size=(400, 200)) for writer in (1, 2))
NAME = drawn(signature(1, 1), size=(400, 200))


def scene():
    """What a camera sees of a room: soft patches of all greys, and texture."""
    rng = np.random.default_rng(0)
    patches = Image.fromarray(rng.integers(0, 256, (9, 12)).astype(np.uint8)).resize((480, 360))
    grain = rng.normal(0, 12, (360, 480))
    texture = Image.fromarray(rng.integers(0, 120, (90, 120)).astype(np.uint8)).resize((480, 360))
    levels = np.asarray(patches, np.float64) * 0.6 + np.asarray(texture) + grain
    return SignatureImage(np.clip(levels, 0, 255).astype(np.uint8))


POOR = {
    "white": (SignatureImage(np.full((200, 400), 255, np.uint8)), Flaw.NO_INK),
    "black": (SignatureImage(np.zeros((200, 400), np.uint8)), Flaw.NO_INK),
    "grey paper, noisy": (
        SignatureImage(np.random.default_rng(0).normal(190, 9, (200, 400)).clip(0, 255).astype(np.uint8)),
        Flaw.NO_INK,
    ),
    "a dot of a pen": (sketched(lambda pen: pen.ellipse([200, 90, 205, 95], fill=0)), Flaw.NO_INK),
    "a few pixels": (SignatureImage.read(NAME.resize((40, 16))), Flaw.TOO_SMALL),
    "out of focus": (SignatureImage.read(NAME.filter(ImageFilter.GaussianBlur(6))), Flaw.BLURRED),
    "enlarged from little": (
        SignatureImage.read(NAME.resize((50, 25)).resize((800, 400), Image.Resampling.BICUBIC)),
        Flaw.BLURRED,
    ),
    "one above the other": (of((ONE, (0, 0)), (OTHER, (0, 320)), size=(420, 540)), Flaw.SEVERAL),
    "side by side, far apart": (of((ONE, (0, 0)), (OTHER, (1000, 0)), size=(1400, 200)), Flaw.SEVERAL),
    "a row of print below": (with_print(), Flaw.SEVERAL),
    "a round stamp over it": (with_stamp(), Flaw.SEVERAL),
    "a little out of focus": (SignatureImage.read(NAME.filter(ImageFilter.GaussianBlur(2.2))), Flaw.BLURRED),
    "a room": (scene(), Flaw.NO_STROKES),
    "cut off above and below": (
        sketched(
            lambda pen: [
                pen.line([x, -9, x + 25, 60, x - 20, 130, x, 209], fill=0, width=4)
                for x in range(60, 360, 60)
            ]
        ),
        Flaw.CUT_OFF,
    ),
}


@pytest.mark.parametrize("what", POOR)
def test_a_poor_picture_is_said_to_be_what_it_is(what):
    its, flaw = POOR[what]
    assert unfit(its) is flaw
    assert assess(its).flaw is flaw


def test_a_slightly_soft_picture_has_no_flaw():
    assert unfit(SignatureImage.read(NAME.filter(ImageFilter.GaussianBlur(1.4)))) is None


def test_a_word_of_print_is_not_said():
    assert unfit(with_print("Name:")) is None


@pytest.mark.parametrize("writer", range(8))
def test_signatures_have_no_flaw(writer):
    quality = assess(picture(writer))
    assert quality
    assert COMPLEXITY_FLOOR < quality.complexity <= 1
    assert quality.to_dict()["duration_ms"] == 0


def test_a_signature_cut_close_is_not_cut_off():
    ink = np.asarray(NAME) < 128
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    close = np.asarray(NAME)[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    assert unfit(SignatureImage(close)) is None


SIMPLE = {
    "a dash": lambda pen: pen.line([50, 100, 350, 104], fill=0, width=9),
    "a tick": lambda pen: pen.line([150, 100, 190, 150, 280, 30], fill=0, width=4),
    "a circle": lambda pen: pen.ellipse([120, 20, 280, 180], outline=0, width=4),
    "a cross": lambda pen: [
        pen.line(ends, fill=0, width=4) for ends in ([120, 30, 280, 170], [280, 30, 120, 170])
    ],
}


@pytest.mark.parametrize("what", SIMPLE)
def test_what_anybody_draws_is_too_simple(what):
    its = sketched(SIMPLE[what])
    assert complexity(its) < COMPLEXITY_FLOOR
    assert assess(its).flaw is Flaw.TOO_SIMPLE


def test_more_turns_are_more_complex():
    def waves(count):
        x = np.linspace(0, 1, 400)
        y = 100 + 40 * np.sin(2 * np.pi * count * x)
        return sketched(lambda pen: pen.line(list(zip(20 + 360 * x, y, strict=True)), fill=0, width=3))

    assert complexity(waves(2)) < complexity(waves(4)) < complexity(waves(8))


@pytest.mark.parametrize("width", [2, 4, 9])
def test_complexity_is_not_the_pens(width):
    plain, other = complexity(picture(3)), complexity(SignatureImage.read(drawn(signature(3), width=width)))
    assert other == pytest.approx(plain, abs=0.12)


@pytest.mark.parametrize("what", ["white", "black", "grey paper, noisy"])
def test_a_blank_picture_can_be_embedded(what):
    its = POOR[what][0]
    assert IMAGE.trace(its).shape == IMAGE.trace_shape
    assert not IMAGE.series(IMAGE.encode(IMAGE.trace(its)[np.newaxis])).any()
    assert np.isfinite(IMAGE.extent(its))
    assert assess(its) == Quality(flaw=Flaw.NO_INK, complexity=0.0)
