"""SVG: what pads draw, and what is written with time beside it."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import read_recording, read_signature, svg
from sigverify.formats.channel import Channel, Quantity
from sigverify.formats.notes import NoteKind, Notes
from sigverify.formats.recording import Recording
from sigverify.formats.svg_path import affine, moved, numbers_of, vertices
from sigverify.modality.pen.signature import Signature

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 200">'
LINE = 'stroke="black" fill="none"'


def of(*elements, head=HEAD):
    return (head + "".join(elements) + "</svg>").encode()


def read(*elements, **more):
    notes = Notes()
    recording = svg.decode(of(*elements, **more), notes)
    return recording, {note.kind: note.names for note in notes.noted}


def strokes(recording):
    points = np.column_stack([recording[Quantity.X], recording[Quantity.Y]])
    starts = np.flatnonzero(~recording.ink)
    return [part.tolist() for part in np.split(points, starts[1:])]


class TestWhatPadsDraw:
    """The shapes that the pads gave, with other numbers."""

    def test_signature_pad_draws_a_path_for_each_curve_and_a_circle_for_a_dot(self):
        style = f'stroke-width="3.5" {LINE} stroke-linecap="round"'
        recording, noted = read(
            f'<path d="M 20.000,30.000 C 25.000,30.500 25.095,30.019 30.000,31.000" {style}></path>',
            f'<path d="M 30.000,31.000 C 35.095,32.019 35.171,32.068 40.000,34.000" {style}></path>',
            f'<path d="M 120.000,30.000 C 125.0,30.5 125.1,30.0 130.000,31.000" {style}></path>',
            '<circle r="1.5" cx="200" cy="50" fill="black"></circle>',
        )
        assert strokes(recording) == [[[20, 30], [30, 31], [40, 34]], [[120, 30], [130, 31]], [[200, 50]]]
        assert not noted
        with pytest.raises(InvalidSignature, match="does not say when the samples were taken"):
            recording.signature()

    def test_jsignature_draws_a_path_for_each_stroke_below_a_doctype(self):
        head = (
            '<?xml version="1.0" encoding="UTF-8" standalone="no"?><!DOCTYPE svg PUBLIC '
            '"-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
            '<svg xmlns="http://www.w3.org/2000/svg">'
        )
        path = f'<path {LINE} d="M 508 5 c 0.04 0.04 1.41 2.07 2 2 l 6 -3 c -2.06 -0.18 -27.11 -2.39 -40 0"/>'
        recording, _ = read(path, f'<path {LINE} d="M 1 1 l 1 1"/>', head=head)
        assert strokes(recording) == [[[508, 5], [510, 7], [516, 4], [476, 4]], [[1, 1], [2, 2]]]
        assert read_recording(of(path, head=head)).format == "svg"

    def test_android_signaturepad_begins_a_path_where_the_width_changes(self):
        recording, _ = read(
            '<g stroke-linejoin="round" stroke-linecap="round" fill="none" stroke="black">',
            '<path stroke-width="5" d="M10,20c1 1 2 2 3 4 1 1 1 1 2 2 "/>',
            '<path stroke-width="4" d="M15,26c0 0 0 0 5 5 "/>',
            "</g>",
        )
        assert strokes(recording) == [[[10, 20], [13, 24], [15, 26], [20, 31]]]

    def test_hand_signature_draws_lines_arcs_or_outlines(self):
        curves = '<path d="M 1 2 C 1 2, 3 4, 5 6 C 5 6, 7 8, 9 10" />'
        lines, _ = read('<g stroke="#000000" fill="none" stroke-width="1.0">', curves, "</g>")
        arcs, _ = read(
            '<g stroke="#000000" fill="none">',
            '<path d="M 1 2 A 0 0, 6.283185307179586, 0, 0, 5 6" stroke-width="2" />',
            '<path d="M 5 6 A 0 0, 6.283185307179586, 0, 0, 9 10" stroke-width="3" />',
            "</g>",
        )
        assert strokes(lines) == strokes(arcs) == [[[1, 2], [5, 6], [9, 10]]]
        outline = '<path d="M 1 2 C 1 2 3 4 5 6 L 5 7 C 3 5 1 3 1 3 z" />'
        with pytest.raises(
            FormatError, match=r"no strokes in this SVG; .* received outlines\. .* export lines"
        ):
            read('<g fill="#000000">', outline, "</g>")

    def test_lines_and_polylines(self):
        recording, _ = read(
            f'<polyline {LINE} points="1,2 3,4 5,6"/>', f'<line {LINE} x1="9" y1="8px" x2="7" y2="6"/>'
        )
        assert strokes(recording) == [[[1, 2], [3, 4], [5, 6]], [[9, 8], [7, 6]]]


class TestTime:
    def test_a_number_for_each_point(self):
        recording, noted = read(
            f'<path {LINE} d="M0 0L1 1L2 2" data-time="0 8,16" data-pressure=".5;.25 0"/>',
            f'<polyline {LINE} points="5,5 6,6" data-t="30 40" data-pressure="1 1"/>',
            '<circle cx="9" cy="9" fill="black" data-timestamps="60" data-pressure="1"/>',
        )
        assert recording[Quantity.TIME].tolist() == [0, 8, 16, 30, 40, 60]
        assert recording[Quantity.PRESSURE].tolist() == [0.5, 0.25, 0, 1, 1, 1]
        assert not noted

    def test_paths_that_go_on_are_one_stroke_if_their_time_does(self):
        recording, _ = read(
            f'<path {LINE} d="M0 0L1 1" data-time="0 8"/><path {LINE} d="M1 1L2 2" data-time="8 16"/>',
            f'<path {LINE} d="M2 2L3 3" data-time="90 98"/>',
        )
        assert strokes(recording) == [[[0, 0], [1, 1], [2, 2]], [[2, 2], [3, 3]]]
        assert recording[Quantity.TIME].tolist() == [0, 8, 16, 90, 98]

    @pytest.mark.parametrize("text", ["0", "0 8", "0 8 16 24", ""])
    def test_as_many_numbers_as_points_or_none(self, text):
        recording, noted = read(f'<polyline {LINE} points="1,2 3,4 5,6" data-time="{text}"/>')
        assert Quantity.TIME not in recording.channels
        assert noted[NoteKind.IGNORED] == ("data-time",)

    def test_of_some_strokes_alone_it_is_of_no_use(self):
        recording, noted = read(
            f'<polyline {LINE} points="1,2 3,4" data-time="0 8" data-pressure="1 1"/>',
            f'<polyline {LINE} points="5,6 7,8"/>',
        )
        assert set(recording.channels) == {Quantity.X, Quantity.Y}
        assert NoteKind.IGNORED in noted

    def test_animations_say_no_times_of_points(self):
        recording, noted = read(
            f'<path {LINE} d="M0 0L1 1"><animate attributeName="stroke-dashoffset" dur="1s"/></path>'
        )
        assert Quantity.TIME not in recording.channels
        assert noted == {NoteKind.IGNORED: ("animate",)}


class TestDrawing:
    def test_transforms_apply_from_within(self):
        recording, _ = read(
            '<g transform="translate(10 20)"><g transform="scale(2,3)">',
            f'<path {LINE} d="M0 0L1 1" transform="translate(1)"/></g></g>',
        )
        assert strokes(recording) == [[[12, 20], [14, 23]]]

    def test_what_is_no_stroke_is_said_or_left(self):
        recording, noted = read(
            "<title>x</title><style>path { stroke: black }</style><script>alert(1)</script>",
            '<rect width="9" height="9"/><text>Ann</text><image href="x.png"/>',
            f'<defs><path {LINE} d="M7 7L8 8"/></defs><path class="ink" d="M0 0L1 1z"/><path d="M3 3L4 4"/>',
            '<path style="fill: none; stroke: #000" d="M5 5L6 6"/>',
        )
        assert strokes(recording) == [[[0, 0], [1, 1], [0, 0]], [[3, 3], [4, 4]], [[5, 5], [6, 6]]]
        assert noted == {NoteKind.IGNORED: ("text", "image")}

    def test_entities_are_refused(self):
        bomb = '<!DOCTYPE svg [<!ENTITY a "1 1"><!ENTITY b "&a;&a;">]>' + HEAD + '<path d="M &b;"/></svg>'
        with pytest.raises(FormatError, match="entities"):
            svg.decode(bomb.encode())
        external = f'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>{HEAD}<path d="&a;"/></svg>'
        with pytest.raises(FormatError, match="entities"):
            svg.decode(external.encode())

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"<svg", "not well-formed"),
            (b"<ink/>", "no SVG; .* received an element ink"),
            (of(), "no strokes in this SVG; .* received nothing drawn"),
            (of("<text/>"), "no strokes in this SVG; .* received text"),
            (of("<path/>"), "no strokes"),
            (of('<path d="L 1 2"/>'), "does not begin with M"),
            (of('<path d="M 1"/>'), "a number of M is missing in a path"),
            (of('<path d="M 1 2 L 3 x"/>'), "a number of L is missing"),
            (of('<path d="M 1 2 z 3 4"/>'), "not the text of a path"),
            (of('<path d="M1 1A1 1 0 2 0 3 3"/>'), "a number of A is missing"),
            (of('<path d="M1e999 1"/>'), "too large"),
            (of('<polyline points="1,2 x"/>'), "not a list of numbers"),
            (of('<circle cx="50%" cy="1"/>'), "not a list of numbers"),
            (of('<circle cx="1 2" cy="1"/>'), "cx is not a number"),
            (of('<path d="M1 1" transform="turn(3)"/>'), "a transform that is not known"),
            (of('<path d="M1 1" transform="scale(3) x"/>'), "a transform that is not known"),
            (of('<path d="M1 1" data-time="now"/>'), "not a list of numbers"),
        ],
    )
    def test_foul_content(self, data, message):
        with pytest.raises(FormatError, match=message):
            svg.decode(data)

    @pytest.mark.parametrize(
        "drawn",
        [
            '<path d="M' + "1 1 " * 150_000 + '"/>',
            '<path d="M1 1' + "z" * 300_000 + '"/>',
            '<polyline points="' + "1,1 " * 150_000 + '"/>',
        ],
    )
    def test_too_many_points_are_refused(self, drawn):
        with pytest.raises(InvalidSignature, match="too many samples"):
            svg.decode(of(drawn))

    @pytest.mark.parametrize("drawn", ['<path d="M1 1{}"/>', '<polyline points="{}"/>'])
    def test_long_text_is_bounded(self, drawn):
        with pytest.raises(FormatError, match="longer than a signature"):
            svg.decode(of(drawn.format(" " * 9_000_000)))

    def test_points_of_many_paths_are_counted(self):
        drawn = f'<path {LINE} d="M0 0L1 1" transform="scale(2)"/>'
        assert len(svg.decode(of(drawn * 1000))) == 2000
        with pytest.raises(InvalidSignature, match="too many samples"):
            svg.decode(
                of(
                    '<polyline points="' + "1,1 " * 50_000 + '"/>',
                    '<polyline points="' + "1,1 " * 50_001 + '"/>',
                )
            )

    def test_many_elements_are_bounded(self):
        with pytest.raises(FormatError, match="more XML than ink has"):
            svg.decode(of(f'<path {LINE} d="M0 0L1 1"/>' * 110_000))

    def test_many_comments_are_told_at_once(self):
        assert not svg.recognizes(b"<!---->" * 500)
        assert svg.recognizes(b"<!-- a --> <!----><svg>")

    def test_a_page_with_a_drawing_in_it_is_no_svg(self):
        assert not svg.recognizes(b"<!DOCTYPE html><html><svg></svg></html>")
        assert svg.recognizes(b"<!-- made by hand --> <svg:svg xmlns:svg='http://www.w3.org/2000/svg'/>")


@st.composite
def recordings(draw):
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


@given(recordings())
def test_what_is_written_is_read_back(signature):
    data = svg.encode(signature)
    assert svg.recognizes(data)
    assert read_signature(data) == signature


def test_without_time_none_is_written_and_a_rate_becomes_one():
    channels = {name: Channel(np.arange(9.0)) for name in (Quantity.X, Quantity.Y)}
    ink = np.arange(9) > 0
    untimed = Recording(format="", channels=channels, ink=ink)
    assert set(svg.decode(svg.encode(untimed)).channels) == {Quantity.X, Quantity.Y}
    rated = Recording(format="", channels=channels, ink=ink, rate_hz=100)
    assert svg.decode(svg.encode(rated))[Quantity.TIME].tolist() == [10.0 * n for n in range(9)]
    assert svg.FORMAT.lost(rated) == (), "the stamps say the rate"
    timed = replace(rated, channels=channels | {Quantity.TIME: Channel(np.arange(9.0), "s", high=99)})
    assert svg.FORMAT.lost(timed) == ("units and ranges", "the device and other facts")


def test_one_point_has_a_box_too():
    channels = {name: Channel(np.zeros(1)) for name in (Quantity.X, Quantity.Y)}
    one = Recording(format="", channels=channels, ink=np.zeros(1, bool))
    assert b'viewBox="-0.02 -0.02 0.04 0.04"' in svg.encode(one)
    assert len(svg.decode(svg.encode(one))) == 1


class TestPaths:
    @pytest.mark.parametrize(
        ("path", "ends"),
        [
            ("M1 2 3 4 5 6", [[1, 2], [3, 4], [5, 6]]),
            ("m1 2 3 4h1v1H0V0", [[1, 2], [4, 6], [5, 6], [5, 7], [0, 7], [0, 0]]),
            ("M0 0q1 1 2 2t1 1s1 1 2 2", [[0, 0], [2, 2], [3, 3], [5, 5]]),
            ("M0 0a1 1 0 015.5.5", [[0, 0], [5.5, 0.5]]),
            ("M0-1-2.5.5", [[0, -1], [-2.5, 0.5]]),
            ("M0 0L1 0L1 1z", [[0, 0], [1, 0], [1, 1], [0, 0]]),
            ("M0,0,L1e1,0", [[0, 0], [10, 0]]),
        ],
    )
    def test_ends_of_lines_and_curves(self, path, ends):
        assert np.array(vertices(path)).tolist() == [ends]

    def test_parts(self):
        assert vertices("M0 0l1 1zm5 5l1 1") == [[(0, 0), (1, 1), (0, 0)], [(5, 5), (6, 6)]]

    @pytest.mark.parametrize(
        ("transform", "point"),
        [
            ("matrix(1 2 3 4 5 6)", [11, 16]),
            ("rotate(90)", [-1, 3]),
            ("rotate(90 3 1)", [3, 1]),
            ("rotate(180, 0 1)", [-3, 1]),
            ("skewX(45)", [4, 1]),
            ("skewY(45) translate(1,1)", [4, 6]),
            ("scale(2) translate(1)", [8, 2]),
        ],
    )
    def test_transforms(self, transform, point):
        assert np.allclose(moved(affine(transform), (3, 1)), point)

    @pytest.mark.parametrize(
        "transform",
        [
            "rotate(1 2)",
            "scale()",
            "scale(1 2 3)",
            "scale(1e999)",
            "scale(1e308)scale(1e308)",
            "translate(1" * 9,
        ],
    )
    def test_foul_transforms(self, transform):
        with pytest.raises(FormatError, match=r"a transform that is not known|too large"):
            affine(transform)

    @given(st.text("MmLlHhVvCcSsQqTtAaZz0123456789.,-+e \n", max_size=60))
    def test_any_text(self, text):
        with contextlib.suppress(FormatError):
            for part in vertices(text):
                assert np.isfinite(part).all()
        with contextlib.suppress(FormatError):
            assert all(isinstance(each, float) for each in numbers_of(text))
