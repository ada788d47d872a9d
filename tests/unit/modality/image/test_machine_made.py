import numpy as np
import pytest
from builders import signature
from PIL import Image, ImageDraw, ImageFont
from toy_images import drawn

from sigverify.modality.image.machine_made import LEAST_ROW, ROUND, is_machine_made, longest_row, roundest

SIZE = 400, 240
WORDS = "Signature of the applicant"


def inked(draw, strokes=True):
    """Ink of a signature, if asked for, with what `draw` does with a pen of Pillow's, scanned."""
    sheet = Image.new("L", SIZE, 255)
    if strokes:
        sheet.paste(drawn(signature(1), size=(300, 120)), (20, 20))
    large = Image.new("L", (4 * SIZE[0], 4 * SIZE[1]), 255)
    draw(ImageDraw.Draw(large))
    return np.minimum(np.asarray(sheet), np.asarray(large.reduce(4))) < 140


def printed(pen, height=16, words=WORDS, y=190):
    pen.text((80, 4 * y), words, fill=0, font=ImageFont.load_default(4 * height))


def ring(pen, x=300, y=120, radius=60):
    place = [4 * (x - radius), 4 * (y - radius), 4 * (x + radius), 4 * (y + radius)]
    pen.ellipse(place, outline=0, width=16)


def nothing(_):
    pass


@pytest.mark.parametrize("height", [12, 16, 24])
@pytest.mark.parametrize("turn", [0, 3])
def test_rows_of_print_are_machine_made(height, turn):
    ink = np.asarray(Image.fromarray(inked(lambda pen: printed(pen, height))).rotate(turn)) > 0
    assert longest_row(ink) >= LEAST_ROW
    assert is_machine_made(ink)
    assert is_machine_made(ink, beside=True)


def test_a_row_has_as_many_letters_as_are_printed():
    assert longest_row(inked(lambda pen: printed(pen, 20, "HEILTUMF"), strokes=False)) == 8
    assert longest_row(inked(lambda pen: printed(pen, 20, "HEIL     TUMF"), strokes=False)) == 8
    apart = inked(lambda pen: [printed(pen, 20, "HEIL"), printed(pen, 20, "TUMF", y=140)], strokes=False)
    assert longest_row(apart) == 4, "two rows"
    assert longest_row(inked(nothing, strokes=False)) == 0


@pytest.mark.parametrize("radius", [30, 60, 100])
def test_a_round_stamp_is_machine_made(radius):
    share, x, y, found = roundest(inked(lambda pen: ring(pen, 200, 120, radius)))
    assert share >= ROUND
    assert (x, y) == (pytest.approx(200, abs=2.5), pytest.approx(120, abs=2.5))
    assert radius - 7 < found < radius + 3, "its inner or its outer edge"
    assert is_machine_made(inked(lambda pen: ring(pen, 200, 120, radius)), beside=True)


def test_a_circle_alone_is_no_stamp_beside_something():
    alone = inked(ring, strokes=False)
    assert is_machine_made(alone)
    assert not is_machine_made(alone, beside=True)


@pytest.mark.parametrize("writer", range(8))
def test_handwriting_is_not_machine_made(writer):
    ink = np.asarray(drawn(signature(writer))) < 128
    assert not is_machine_made(ink)
    assert roundest(ink)[0] < ROUND - 0.05
    assert longest_row(ink) < LEAST_ROW - 3


@pytest.mark.parametrize(
    "ink", [np.zeros((9, 9), bool), np.ones((60, 60), bool), np.eye(90, dtype=bool), np.eye(1, dtype=bool)]
)
def test_ink_of_any_shape_is_judged(ink):
    assert not is_machine_made(ink)


def test_letters_of_a_hand_stand_less_even():
    rng = np.random.default_rng(3)

    def by_hand(pen):
        for place in range(14):
            x, y, height = 60 + 100 * place, 700 + rng.integers(-24, 25), rng.integers(50, 100)
            pen.line([x, y, x, y - height, x + 50, y, x + 50, y - height], fill=0, width=10)

    assert longest_row(inked(by_hand, strokes=False)) < LEAST_ROW
