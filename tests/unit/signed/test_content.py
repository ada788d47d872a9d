"""The bytes that are signed are the capture, and no other capture has them."""

import struct

import numpy as np
import pytest
from builders import signature
from hypothesis import given
from hypothesis import strategies as st
from toy_images import picture

from sigverify.errors import FormatError, InvalidSignature
from sigverify.modality.image.encoding import to_png
from sigverify.modality.pen.signature import MAX_SAMPLES, Signature
from sigverify.signed.content import MAX_BYTES, Form, pack, size_of, unpack

NUMBERS = st.floats(-1e9, 1e9)


def test_samples_stand_one_after_the_other_in_little_endian():
    its = Signature(range(8), [0.5, -2, 3e-300, 4, 5, 6, 7, 8], range(0, 80, 10), [0.25] * 8, [0] + [1] * 7)
    form, content = pack(its)
    assert form is Form.STROKES_WITH_PRESSURE
    rows = zip(its.x, its.y, its.time_ms, its.pressure, its.ink, strict=True)
    assert content == b"".join(struct.pack("<4dB", *row[:4], int(row[4])) for row in rows)


def test_without_pressure():
    its = Signature(range(8), range(8), range(0, 80, 10))
    form, content = pack(its)
    assert (form, len(content), size_of(form, content)) == (Form.STROKES, 8 * 25, 8)
    assert unpack(form, content) == its


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, st.floats(0, 1e9), st.booleans()), min_size=12))
def test_what_is_unpacked_is_what_was_packed(rows):
    columns = [np.array(each, float) for each in zip(*rows, strict=True)]
    try:
        its = Signature(*columns)
    except InvalidSignature:
        return
    assert unpack(*pack(its)) == its


def test_of_minus_zero_and_zero_there_is_one():
    below, above = (Signature([zero, *range(1, 9)], range(9), range(0, 90, 10)) for zero in (-0.0, 0.0))
    assert pack(below) == pack(above)


def test_a_picture_is_its_file():
    file = to_png(picture(0, 0))
    assert size_of(Form.PICTURE, file) == len(file)
    assert unpack(Form.PICTURE, file).grey.shape
    with pytest.raises((FormatError, InvalidSignature)):
        unpack(Form.PICTURE, b"no picture")


@pytest.mark.parametrize(
    ("form", "content"),
    [
        (Form.STROKES, b""),
        (Form.STROKES, bytes(26)),
        (Form.STROKES_WITH_PRESSURE, bytes(25)),
        (Form.STROKES, bytes(25 * (MAX_SAMPLES + 1))),
        (Form.PICTURE, bytes(MAX_BYTES + 1)),
    ],
    ids=["none", "a byte more", "the other form", "too many", "too large"],
)
def test_what_is_no_content(form, content):
    with pytest.raises(InvalidSignature, match="not the content of a signed capture"):
        unpack(form, content)


def test_numbers_that_no_signature_has():
    form, content = pack(signature())
    with pytest.raises(InvalidSignature, match="x is not finite"):
        unpack(form, struct.pack("<d", float("nan")) + content[8:])
    with pytest.raises(InvalidSignature, match="pen_down"):
        unpack(form, content[:32] + b"\2" + content[33:])
