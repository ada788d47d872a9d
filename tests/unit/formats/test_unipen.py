import contextlib
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import FORMATS, Channel, Quantity, Recording, read_recording, recognize_format, unipen
from sigverify.modality.pen.signature import MAX_SAMPLES, Signature

HEAD = b""".VERSION 1.0
.DATA_SOURCE Nowhere
.DATA_ID 17
.COMMENT x and y stand
below, and so does 1 2 3
.PAD Some   tablet
.X_POINTS_PER_INCH 2540
.Y_POINTS_PER_MM 50
.POINTS_PER_SECOND 200
.HIERARCHY SIGNATURE
"""
FILE = (
    HEAD
    + b""".COORD X Y T P
.SEGMENT SIGNATURE 0-2 OK "somebody"
.PEN_DOWN
100 200 0 30
  110 210 5 31
.PEN_UP
120 220 10 0
.DT 100
.PEN_DOWN
130 230 110 32
140 240 115 33
"""
)


def noted(recording):
    return [note.words() for note in recording.notes]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_components_are_strokes_and_hover(end):
    data = FILE.replace(b"\n", end)
    assert recognize_format(data) is FORMATS["unipen"]
    recording = read_recording(data)
    assert recording[Quantity.X].tolist() == [100, 110, 120, 130, 140]
    assert recording.channels[Quantity.X].in_units.tolist() == [1, 1.1, 1.2, 1.3, 1.4]
    assert recording.channels[Quantity.Y].in_units.tolist() == [4, 4.2, 4.4, 4.6, 4.8]
    assert recording[Quantity.PRESSURE].tolist() == [30, 31, 0, 32, 33]
    assert recording.time_ms().tolist() == [0, 5, 10, 110, 115]
    assert recording.ink.tolist() == [False, True, False, False, True]
    assert (recording.rate_hz, recording.device) == (200, "Some tablet")
    assert recording.notes == ()


def test_without_stamps_the_time_is_that_of_the_rate_and_the_gaps():
    points = b".COORD X Y\n.PEN_DOWN\n1 1\n2 2\n.PEN_UP\n.DT 100\n.PEN_DOWN\n3 3\n4 4\n.PEN_UP\n5 5\n"
    assert read_recording(HEAD + points).time_ms().tolist() == [0, 5, 105, 110, 115]
    hovering = points.replace(b".DT 100\n", b"9 9\n")
    assert read_recording(HEAD + hovering).time_ms().tolist() == [0, 5, 10, 15, 20, 25]
    bare = read_recording(HEAD + points.replace(b".DT 100\n", b""))
    assert bare.time_ms().tolist() == [0, 5, 10, 15, 20]
    assert noted(bare) == ["how long the pen was up is not in the file"]


def test_what_is_not_used_is_noted_and_nothing_is_opened():
    data = b".VERSION 1.0\n.INCLUDE /etc/passwd\n.COORD X Y RHO\n.PEN_DOWN\n1 2 3\n"
    assert noted(read_recording(data)) == ["ignored: .INCLUDE, RHO"]


def test_points_may_stand_behind_the_keyword_and_in_one_line():
    recording = read_recording(b".COORD X Y\n.PEN_DOWN 1 2 3 4\n5 6")
    assert recording[Quantity.X].tolist() == [1, 3, 5]


@pytest.mark.parametrize(
    "data", [b".VERSION 1.0\n.COORD X Y\n", b"x\n.PEN_DOWN\n", b".PEN_DOWNS", b".1 2\n.PEN_DOWNS 3"]
)
def test_not_recognized(data):
    assert not unipen.recognizes(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\n.PEN_DOWN\n1 2\n", "points before .COORD"),
        (b".INCLUDE a\n.PEN_DOWN\n1 2\n", "points before .COORD.*Included files are not opened"),
        (b".COORD X T\n.PEN_DOWN\n1 2\n", "without X and Y.*received X, T"),
        (b".COORD X Y X\n.PEN_DOWN\n1 2\n", "one twice"),
        (b".COORD X Y " + b" ".join(b"A%d" % i for i in range(40)) + b"\n.PEN_DOWN\n1 2\n", "without X"),
        (b".COORD X Y\n.PEN_DOWN\n1 2\n.COORD X Y T\n.PEN_DOWN\n1 2 3\n", "change within the file"),
        (b".COORD X Y\n.PEN_DOWN\n1 2 3\n", "whole points; expected 2 each; received 3 numbers"),
        (b".COORD X Y\n.PEN_DOWN\n1 x\n", "not a number among the points; received 'x'"),
        (b".COORD X Y\n.PEN_DOWN\n1 nan\n", "not a number among the points"),
        (b".COORD X Y\n.PEN_DOWN\n1 1e999\n", "not a number among the points"),
        (b".COORD X Y\n.PEN_DOWN\n.PEN_UP\n", "no points"),
        (b".COORD X Y\n.PEN_DOWN\n" + b".A" * 9 + b"\n", "not a number among the points"),
    ],
)
def test_refused(data, message):
    with pytest.raises(FormatError, match=message):
        read_recording(data)


def test_no_more_is_read_than_a_signature_has():
    began = time.process_time()
    for data in (b"1 2 " * (MAX_SAMPLES + 1), b"1 2 " * 5_000_000, b"1 2\n" * (MAX_SAMPLES + 1)):
        with pytest.raises(InvalidSignature, match="too many samples"):
            unipen.decode(b".COORD X Y\n.PEN_DOWN\n" + data)
    half = b"1 2 " * (MAX_SAMPLES // 2 + 1)
    with pytest.raises(InvalidSignature, match="too many samples"):
        unipen.decode(b".COORD X Y\n.PEN_DOWN\n" + half + b"\n.PEN_UP\n" + half)
    with pytest.raises((FormatError, InvalidSignature)):
        unipen.decode(b".COORD X Y\n" + b".PEN_UP\n" * 5_000_000)
    assert time.process_time() - began < 10


NUMBER = st.floats(-1e9, 1e9) | st.integers(-(10**9), 10**9).map(float)


@st.composite
def recordings(draw):
    count = draw(st.integers(2, 30))
    column = npst.arrays(np.float64, count, elements=NUMBER)
    channels = {Quantity.X: Channel(draw(column)), Quantity.Y: Channel(draw(column), "mm", 39.37)}
    if draw(st.booleans()):
        channels[Quantity.TIME] = Channel(draw(column), "ms")
    if draw(st.booleans()):
        channels[Quantity.PRESSURE] = Channel(np.abs(draw(column)))
    ink = draw(npst.arrays(np.bool_, count))
    ink[0] = False
    device = " ".join(draw(st.text("abcü.", max_size=9)).split())
    return Recording(
        format="unipen",
        channels=channels,
        ink=ink,
        rate_hz=draw(st.none() | st.floats(1, 999)),
        device=device,
    )


@given(recordings())
def test_round_trip(recording):
    again = read_recording(unipen.encode(recording))
    assert again.ink.tolist() == recording.ink.tolist()
    assert (again.rate_hz, again.device) == (recording.rate_hz, recording.device)
    assert set(again.channels) == set(recording.channels)
    for quantity, channel in recording.channels.items():
        assert again[quantity].tolist() == channel.values.tolist()
        assert again.channels[quantity].per_unit == channel.per_unit


def test_a_signature_comes_back():
    signature = Signature(
        range(12), np.arange(12) ** 2, range(0, 120, 10), None, [0] + [1] * 5 + [0] * 2 + [1] * 4
    )
    assert read_recording(unipen.encode(signature)).signature() == signature


@given(st.binary(max_size=200))
def test_any_bytes_behind_its_first(data):
    for content in (b".COORD X Y\n.PEN_DOWN\n" + data, FILE + data, data + FILE):
        with contextlib.suppress(FormatError, InvalidSignature):
            unipen.decode(content)
