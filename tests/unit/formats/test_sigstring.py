"""Topaz SigString: both forms that are known, computed by hand here."""

import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import read_recording, sigstring
from sigverify.formats.channel import Quantity

STROKES = [
    [(451, 481), (450, 480), (450, 479), (453, 470)],
    [(602, 247)],
    [(90, 3), (91, 5), (92, 8), (95, 9)],
]
PACKED = "".join(
    [
        "0300",  # strokes
        *("0400 C301 E101", "FFFF", "00FF", "03F7"),  # points, x, y; steps
        "0100 5A02 F700",
        *("0400 5A00 0300", "0102", "0103", "0301"),
    ]
).replace(" ", "")
TEXT = "".join(
    f"{line}\r\n"
    for line in ("9", "3", "451 481", "450 480", "450 479", "453 470", "602 247",
                 "90 3", "91 5", "92 8", "95 9", "0", "4", "5")
)  # fmt: skip


def packed(strokes):
    data = struct.pack("<H", len(strokes))
    for points in strokes:
        data += struct.pack("<3H", len(points), *points[0])
        for (x0, y0), (x, y) in pairwise(points):
            data += struct.pack("<2b", x - x0, y - y0)
    return data.hex().upper().encode()


def as_text(strokes, end="\r\n"):
    points = [point for stroke in strokes for point in stroke]
    starts = np.cumsum([0, *map(len, strokes)])[:-1]
    lines = [str(len(points)), str(len(strokes)), *(f"{x} {y}" for x, y in points), *map(str, starts)]
    return "".join(line + end for line in lines).encode().hex().encode()


@pytest.mark.parametrize(
    ("data", "mode"),
    [
        (PACKED.encode(), 1),
        (PACKED.lower().encode() + b"\r\n", 1),
        (TEXT.encode().hex().upper().encode(), 0),
        (as_text(STROKES, "\n"), 0),
    ],
)
def test_both_forms_say_the_same(data, mode):
    recording = read_recording(data)
    assert (recording.format, recording.facts["compression_mode"]) == ("sigstring", mode)
    points = [point for stroke in STROKES for point in stroke]
    assert list(zip(recording[Quantity.X], recording[Quantity.Y], strict=True)) == points
    assert np.flatnonzero(~recording.ink).tolist() == [0, 4, 5]
    with pytest.raises(InvalidSignature, match="does not say when the samples were taken"):
        recording.signature()


def test_the_helpers_here_agree_with_what_was_computed_by_hand():
    assert packed(STROKES) == PACKED.encode()
    assert as_text(STROKES) == TEXT.encode().hex().encode()


STEPS = st.lists(st.tuples(st.integers(-128, 127), st.integers(-128, 127)), max_size=12)
STARTS = st.tuples(st.integers(2000, 60_000), st.integers(2000, 60_000))


@given(st.lists(st.tuples(STARTS, STEPS), min_size=3, max_size=6))
def test_any_strokes(drawn):
    strokes = []
    for start, steps in drawn:
        points = [start]
        for dx, dy in steps:
            points.append((points[-1][0] + dx, points[-1][1] + dy))
        strokes.append(points)
    for data in (packed(strokes), as_text(strokes)):
        recording = read_recording(data)
        assert recording.format == "sigstring"
        points = list(zip(recording[Quantity.X], recording[Quantity.Y], strict=True))
        assert points == [point for stroke in strokes for point in stroke]
        starts = np.cumsum([0, *map(len, strokes)])[:-1]
        assert np.flatnonzero(~recording.ink).tolist() == starts.tolist()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (PACKED[:-2], "no SigString that can be read; .* Only SigCompressionMode 0 and 1 without encryption"),
        (PACKED + "00", "no SigString that can be read"),
        ("0400" + PACKED[4:], "no SigString that can be read"),
        ("0300" + "0000" + PACKED[8:], "no SigString that can be read"),
        ("a7" * 200, "no SigString that can be read"),
        (TEXT.replace("9\r\n3", "8\r\n3", 1).encode().hex(), "truncated, or something stands behind its end"),
        (TEXT.replace("9\r\n3", "9\r\n2", 1).encode().hex(), "truncated, or something stands behind its end"),
        (TEXT.replace("451 481", "451").encode().hex(), "truncated"),
        (TEXT.replace("451 481", "4x1 481").encode().hex(), "lines that are no numbers"),
        (TEXT.replace("\r\n0\r\n4\r\n5", "\r\n0\r\n5\r\n4").encode().hex(), "not in order"),
        (TEXT.replace("\r\n0\r\n4\r\n5", "\r\n1\r\n4\r\n5").encode().hex(), "not in order"),
        (TEXT.replace("\r\n0\r\n4\r\n5", "\r\n0\r\n4\r\n50").encode().hex(), "not in order"),
        ("12 34", "not a SigString"),
    ],
)
def test_foul_text(data, message):
    with pytest.raises(FormatError, match=message):
        sigstring.decode(data.encode())


def test_too_many_points_are_refused_before_they_are_read():
    for data in ("ff" * 1_000_000, b"999999\n1\n1 1\n2 2\n3 3\n".hex()):
        with pytest.raises(InvalidSignature, match="too many samples"):
            sigstring.decode(data.encode())


@pytest.mark.parametrize(
    "data", [b"134\n1 2 3 0\n", b"deadbeef", b"0" * 31, b"00" * 2**22, b"12" * 8 + b"\n" + b"34" * 20]
)
def test_what_else_looks_like_it_is_not_taken_for_it(data):
    assert not sigstring.recognizes(data)
