import contextlib
import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import signature_pad
from sigverify.formats.notes import Notes
from sigverify.modality.pen.signature import MAX_SAMPLES, Signature

EPOCH_MS = 1_763_800_000_000


def decoded(data):
    return signature_pad.decode(data).signature()


def point(index, **more):
    return {"x": 3.5 * index, "y": 40 - index, "time": EPOCH_MS + 8 * index, **more}


STROKES = [
    [point(index, pressure=0.5) for index in range(7)],
    [point(index, pressure=0.25) for index in range(9, 15)],
]


def encoded(value):
    return json.dumps(value).encode()


@st.composite
def signatures(draw):
    count = draw(st.integers(12, 60))
    x, y = (draw(npst.arrays(np.float64, count, elements=st.floats(-1e6, 1e6))) for _ in "xy")
    time_ms = draw(st.floats(0, 2e12)) + draw(npst.arrays(np.float64, count, elements=st.floats(0, 1e6)))
    pressure = draw(st.none() | npst.arrays(np.float64, count, elements=st.floats(0, 1)))
    ink = draw(npst.arrays(np.bool_, count))
    ink[0] = False
    try:
        return Signature(x, y, time_ms, pressure, ink)
    except InvalidSignature:
        assume(False)


@pytest.mark.parametrize(
    "data",
    [
        encoded([{"penColor": "black", "points": stroke} for stroke in STROKES]),
        encoded(STROKES),
        encoded({"user": "alice", "strokes": STROKES}),
        encoded({"strokes": [{"points": stroke} for stroke in STROKES]}),
        b"\xef\xbb\xbf \n" + encoded([STROKES[0], [], STROKES[1], []]),
    ],
)
def test_every_form(data):
    signature = decoded(data)
    assert len(signature) == 13
    assert signature.stroke_count == 2
    assert np.flatnonzero(~signature.ink).tolist() == [0, 7]
    assert signature.time_ms[0] == EPOCH_MS
    assert signature.pressure is not None
    assert set(signature.pressure) == {0.25, 0.5}


def test_parsed_json_is_taken():
    assert signature_pad.from_groups(STROKES) == decoded(encoded(STROKES))


@pytest.mark.parametrize("lacking", [{}, {"pressure": None}])
def test_pressure_is_kept_only_where_every_point_has_it(lacking):
    strokes = [[point(index, **lacking) for index in range(9)], STROKES[1]]
    assert signature_pad.from_groups(strokes).pressure is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON"),
        (b"[", "not JSON; .*line 1 column 2"),
        (b"[" * 100_000, "not JSON"),
        (b'[{"points": [{"x": NaN}]}]', "not JSON; .* NaN is not a number"),
        (b"[\xff]", "not JSON"),
        (b'[[{"x": ' + b"9" * 5000 + b"}]]", "not JSON"),
        (encoded(STROKES) + b"]", "not JSON; .*Extra data"),
        (encoded(STROKES)[:-20], "not JSON"),
        (b"3", "not groups of points; .* received int"),
        (b"{}", "not groups of points; .* received an empty object"),
        (b'{"dots": 1}', "not groups of points; .* received an object with the keys dots"),
        (b"[3]", "stroke 1: no points; expected a list of points; received int"),
        (b'[[], {"dots": []}]', "stroke 2: no points"),
        (b"[[], [[1, 2, 3]]]", "stroke 2, point 1: not a point"),
        (b'[[{"x": 1, "y": 2}]]', "stroke 1, point 1: time is not a number; .* received nothing"),
        (b'[[{"x": "1", "y": 2, "time": 3}]]', "stroke 1, point 1: x is not a number; .* received str"),
        (b'[[{"x": true, "y": 2, "time": 3}]]', "stroke 1, point 1: x is not a number; .* received bool"),
        (b'[[{"x": 1' + b"0" * 400 + b', "y": 2, "time": 3}]]', "stroke 1, point 1: x is too large"),
        (b'[[{"x":1e999,"y":0,"time":0}]]', "stroke 1, point 1: x is too large"),
    ],
)
def test_foul_files(data, message):
    with pytest.raises(FormatError, match=message):
        decoded(data)


@pytest.mark.parametrize("data", [b"[]", b"[[]]", encoded([[point(0)]])])
def test_no_signature(data):
    with pytest.raises(InvalidSignature):
        decoded(data)


def test_a_million_points_are_refused_before_they_are_read():
    with pytest.raises(InvalidSignature, match="too many"):
        decoded(b"[[" + b'{"x":1,"y":1,"time":1},' * 1_000_000)


def test_largest_signature_is_read():
    signature = Signature(np.arange(MAX_SAMPLES), np.arange(MAX_SAMPLES) % 9, np.arange(MAX_SAMPLES))
    assert len(decoded(signature_pad.encode(signature))) == MAX_SAMPLES


@given(signatures())
def test_round_trip(signature):
    assert decoded(signature_pad.encode(signature)) == signature


def test_ink_on_the_way_to_the_first_sample_is_not_written():
    signature = Signature(range(12), range(12), range(12))
    assert decoded(signature_pad.encode(signature)).ink.tolist() == [False] + [True] * 11


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["x", "y", "time", "points", "strokes", "pressure"]), inner)
    ),
)


@given(JSON)
def test_any_json_gives_a_signature_or_a_typed_error(value):
    with contextlib.suppress(FormatError, InvalidSignature):
        signature_pad.from_groups(value)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_signature_or_a_typed_error(data):
    for content in (data, b"[[" + data, b'{"strokes": [' + data + b"]}"):
        with contextlib.suppress(FormatError, InvalidSignature):
            decoded(content)


class TestWhatEachVersionWrites:
    """The shapes that versions 2.3.2, 4.2.0 and 5.0.4 gave for strokes of a pen, the last of them a dot."""

    def version_2(self, **more):
        """Return strokes, each with the point that this version repeats at its end."""
        strokes = [
            [point(n, **more) for n in range(7)],
            [point(n, **more) for n in (9, 10)],
            [point(12, **more)],
        ]
        return [[*strokes[0], strokes[0][4]], [*strokes[1], strokes[1][0]], strokes[2]]

    def settings(self):
        return {
            "penColor": "black",
            "dotSize": 0,
            "minWidth": 0.5,
            "maxWidth": 2.5,
            "velocityFilterWeight": 0.7,
            "compositeOperation": "source-over",
        }

    def test_version_2_repeats_a_point_at_the_end_of_a_stroke(self):
        notes = Notes()
        recording = signature_pad.decode(encoded(self.version_2(color="black")), notes)
        assert recording["x"].tolist() == [3.5 * n for n in (0, 1, 2, 3, 4, 5, 6, 9, 10, 12)]
        assert (np.diff(recording["time"]) > 0).all()
        assert np.flatnonzero(~recording.ink).tolist() == [0, 7, 9]
        assert [note.words() for note in notes.noted] == [
            "a point that the pad repeats at the end left out, strokes: 2",
            "ignored: color",
        ]

    def test_what_another_pad_repeats_is_kept(self):
        assert len(signature_pad.decode(encoded(self.version_2()))) == 12

    def test_version_3(self):
        groups = [{"color": "black", "points": stroke} for stroke in STROKES]
        recording = signature_pad.decode(encoded(groups))
        assert dict(recording.facts) == {"pen_color": "black"}
        assert recording.signature() == signature_pad.from_groups(STROKES)

    def test_versions_4_and_5(self):
        groups = [self.settings() | {"points": stroke} for stroke in STROKES]
        recording = signature_pad.decode(encoded(groups))
        assert dict(recording.facts) == {
            "pen_color": "black",
            "dot_size_px": 0,
            "min_width_px": 0.5,
            "max_width_px": 2.5,
            "velocity_filter_weight": 0.7,
            "composite_operation": "source-over",
        }
        assert recording.signature() == signature_pad.from_groups(STROKES)

    def test_a_setting_of_another_kind_is_left_out_and_a_long_one_is_cut(self):
        groups = [{"penColor": "x" * 5000, "dotSize": None, "minWidth": True, "points": STROKES[0]}]
        facts = signature_pad.decode(encoded(groups)).facts
        assert list(facts) == ["pen_color"]
        assert len(str(facts["pen_color"])) <= 100


def test_points_of_android_signaturepad_as_gson_writes_them():
    strokes = [[{"timestamp": EPOCH_MS + 8 * n, "x": 3.5 * n, "y": 4.0} for n in range(9)]]
    assert decoded(encoded(strokes)).time_ms.tolist() == [EPOCH_MS + 8 * n for n in range(9)]
