"""jSignature: base30 and its native form."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import jsignature, read_recording, read_signature
from sigverify.formats.channel import Quantity

DIGITS = "0123456789abcdefghijklmnopqrst"
MORE = "uvwxyzABCDEFGHIJKLMNOPQRSTUVWX"
MADE_BY_THE_PAD = b"hw26Z1Efu0_a2Z30Y3vZ1u_5_6"
"""What jSignature 2.1.3 gives for the strokes below."""
STROKES = [{"x": [512, 514, 520, 480, 30, 30], "y": [10, 12, 9, 9, 100, 70]}, {"x": [5], "y": [6]}]


def row(values):
    """Compress as the pad does, digit by digit."""
    text, before, sign = "", 0, 1
    for value in values:
        step, before = value - before, value
        if step * sign < 0:
            sign = -sign
            text += "Y" if sign > 0 else "Z"
        digits, rest = "", abs(step)
        while rest or not digits:
            digits = DIGITS[rest % 30] + digits
            rest //= 30
        text += digits[0] + "".join(MORE[DIGITS.index(digit)] for digit in digits[1:])
    return text


def base30(strokes):
    return "_".join(row(stroke[axis]) for stroke in strokes for axis in "xy").encode()


POINTS = st.lists(
    st.tuples(st.integers(-90_000, 90_000), st.integers(-90_000, 90_000)), min_size=1, max_size=9
)


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (MADE_BY_THE_PAD, "base30"),
        (b"image/jsignature;base30," + MADE_BY_THE_PAD, "base30"),
        (b"data:image/jSignature;base30," + MADE_BY_THE_PAD + b"\n", "base30"),
        (json.dumps(["image/jsignature;base30", MADE_BY_THE_PAD.decode()]).encode(), "base30"),
        (json.dumps(STROKES).encode(), "native"),
        (json.dumps(STROKES, indent=1).encode("utf-16"), "native"),
    ],
)
def test_every_form(data, form):
    recording = read_recording(data)
    assert (recording.format, recording.facts["form"]) == ("jsignature", form)
    assert recording[Quantity.X].tolist() == [512, 514, 520, 480, 30, 30, 5]
    assert recording[Quantity.Y].tolist() == [10, 12, 9, 9, 100, 70, 6]
    assert np.flatnonzero(~recording.ink).tolist() == [0, 6]
    with pytest.raises(InvalidSignature, match="does not say when the samples were taken"):
        recording.signature()


@given(st.lists(POINTS, min_size=1, max_size=5))
def test_what_the_pad_compresses_is_read_back(strokes):
    strokes = [{"x": [x for x, _ in points], "y": [y for _, y in points]} for points in strokes]
    named = b"image/jsignature;base30," + base30(strokes)
    for data in (named, json.dumps(strokes).encode()):
        recording = read_recording(data)
        assert recording.format == "jsignature"
        assert recording[Quantity.X].tolist() == [x for stroke in strokes for x in stroke["x"]]
        assert recording[Quantity.Y].tolist() == [y for stroke in strokes for y in stroke["y"]]
        starts = np.cumsum([0, *(len(stroke["x"]) for stroke in strokes)])[:-1]
        assert np.flatnonzero(~recording.ink).tolist() == starts.tolist()


def test_fractions_of_a_pixel_are_kept_in_the_native_form():
    recording = read_recording(b'[{"x": [1.5, 2], "y": [-3e1, 4.25]}]')
    assert recording[Quantity.X].tolist() == [1.5, 2]
    assert recording[Quantity.Y].tolist() == [-30, 4.25]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"image/jsignature;base30,12_1!", "stroke 1: not base30"),
        (b"image/jsignature;base30,u1_12", "stroke 1: not base30"),
        (b"image/jsignature;base30,1_2_3", "a stroke without y; .* received 3 rows"),
        (b"image/jsignature;base30,11_22_12_1", "stroke 2: x and y are not as many; received 2 and 1"),
        (b"image/jsignature;base30,1" + b"u" * 9000 + b"_1", "stroke 1: not base30"),
        (b'[{"x":[1],"y":[2]},{"x":[1],"y":[2,3]}]', "stroke 2: x and y are not as many"),
        (b'[{"x":[1],"y":[2]},{"x":[1],"y":["2"]}]', "stroke 2: no numbers y"),
        (b'[{"x":[1],"y":[2]},3]', "stroke 2: no numbers x"),
        (b'[{"x":[1],"y":[2]}', "not JSON"),
        (b'[{"x":[1e999],"y":[2]}]', "stroke 1: x is too large"),
        (b'[{"x":[1],"y":[' + b"9" * 400 + b"]}]", "stroke 1: y is too large"),
    ],
)
def test_foul_text(data, message):
    with pytest.raises(FormatError, match=message):
        jsignature.decode(data)


def test_an_empty_pad_is_no_signature():
    assert len(jsignature.decode(b"image/jsignature;base30,")) == 0
    with pytest.raises(InvalidSignature):
        read_signature(b"image/jsignature;base30,")


@pytest.mark.parametrize(
    "data", [b"[" + b'{"x":[1],"y":[1]},' * 300_000, b"image/jsignature;base30," + b"1" * 500_000]
)
def test_too_many_points_are_refused_before_they_are_read(data):
    with pytest.raises(InvalidSignature, match="too many samples"):
        jsignature.decode(data)


@pytest.mark.parametrize(
    "data",
    [
        b'[{"x":[1,2],"y":[3,4],"time":[5,6]}]',
        b"x_y,t\n",
        b"user_name_of_signer",
        b"first_name",
        b"1234567890ab",
        b"eyJhbGciOiJIUzI1NiJ9_abc",
    ],
)
def test_what_else_looks_like_it_is_not_taken_for_it(data):
    assert not jsignature.recognizes(data)
