import contextlib
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import FORMATS, Channel, Quantity, Recording, inkml, read_recording, recognize_format
from sigverify.formats.notes import Notes
from sigverify.modality.pen.signature import MAX_SAMPLES, Signature

XYT = '<channel name="X"/><channel name="Y"/><channel name="T"/>'
POINTS = ",".join(f"{3 * i} {i * i} {10 * i}" for i in range(10))


def ink(content, attributes='xmlns="http://www.w3.org/2003/InkML"'):
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<ink {attributes}>{content}</ink>'.encode()


def trace_format(channels=XYT, attributes=""):
    return f"<traceFormat {attributes}>{channels}</traceFormat>"


def noted(recording):
    return [note.words() for note in recording.notes]


def test_traces_are_strokes():
    recording = read_recording(
        ink(trace_format() + "<trace>0 0 0,1 2 10,2 4 20</trace><trace>9 9 90, 8 7 100,</trace>")
    )
    assert recording.format == "inkml"
    assert recording[Quantity.X].tolist() == [0, 1, 2, 9, 8]
    assert recording.time_ms().tolist() == [0, 10, 20, 90, 100]
    assert recording.ink.tolist() == [False, True, True, False, True]
    assert recording.facts == {"traces": 2}
    assert recording.notes == ()


@pytest.mark.parametrize(
    "data",
    [
        ink(""),
        b"<ink/>",
        b"<ink>",
        b'\n<?xml version="1.0"?><!-- <svg> --><!DOCTYPE ink><i:ink xmlns:i="y">',
        b"<!DOCTYPE ink [\n<!ENTITY a 'b'> ]>\n<ink>",
    ],
)
def test_recognized(data):
    assert recognize_format(data) is FORMATS["inkml"]


@pytest.mark.parametrize(
    "data", [b"<inkml/>", b"<svg><ink/></svg>", b"ink", b"<?xml?><ink", b"<!-- <ink> -->", b"<<ink>"]
)
def test_not_recognized(data):
    assert not inkml.recognizes(data)


def test_telling_it_takes_no_time():
    began = time.process_time()
    for part in (b"<??>", b"<!---->", b"<!DOCTYPE a>", b"<!DOCTYPE a [ ]", b" ", b"<?", b"<!--"):
        assert not inkml.recognizes(b"<" + part * 5000)
        assert not inkml.recognizes(part * 5000 + b"<x>")
    assert time.process_time() - began < 1


def test_without_a_trace_format_points_are_x_and_y():
    recording = read_recording(ink("<trace>10 20,30 40</trace>"))
    assert list(recording.channels) == [Quantity.X, Quantity.Y]
    with pytest.raises(InvalidSignature, match="does not say when the samples were taken"):
        recording.signature()


def test_units_are_those_of_the_channel():
    channels = (
        '<channel name="X" units="mm" min="0" max="200"/><channel name="Y" units="cm"/>'
        '<channel name="T" units="s"/><channel name="F" units="N"/><channel name="OA" units="deg"/>'
        '<channel name="OE" units="rad"/><channel name="OTx" units="deg"/><channel name="OR" units="odd"/>'
    )
    recording = read_recording(
        ink(trace_format(channels) + "<trace>1 1 .5 2 90 1 3 4,2 2 1 2 90 1 3 4</trace>")
    )
    units = {quantity: each.unit for quantity, each in recording.channels.items()}
    assert units == {
        "x": "mm", "y": "mm", "time": "s", "pressure": "N",
        "azimuth": "deg", "altitude": "deg", "x_tilt": "deg", "rotation": "odd",
    }  # fmt: skip
    assert recording.channels[Quantity.Y].in_units.tolist() == [10, 20]
    assert recording.channels[Quantity.ALTITUDE].in_units[0] == pytest.approx(np.degrees(1))
    assert (recording.channels[Quantity.X].low, recording.channels[Quantity.X].high) == (0, 200)
    assert recording.time_ms().tolist() == [500, 1000]


OFFICE = (
    ink(
        """
  <inkml:definitions>
    <inkml:context xml:id="ctx0">
      <inkml:inkSource xml:id="inkSrc0" manufacturer="Maker" model="Pad 3">
        <inkml:traceFormat>
          <inkml:channel name="X" type="integer" max="30000" units="cm"/>
          <inkml:channel name="Y" type="integer" max="20000" units="cm"/>
          <inkml:channel name="F" type="integer" max="32767" units="dev"/>
          <inkml:channel name="T" type="integer" max="2.14748E9" units="dev"/>
        </inkml:traceFormat>
        <inkml:channelProperties>
          <inkml:channelProperty channel="X" name="resolution" value="1000" units="1/cm"/>
          <inkml:channelProperty channel="Y" name="resolution" value="1000" units="1/cm"/>
          <inkml:channelProperty channel="F" name="resolution" value="0" units="1/dev"/>
          <inkml:channelProperty channel="T" name="resolution" value="1" units="1/dev"/>
        </inkml:channelProperties>
      </inkml:inkSource>
      <inkml:timestamp xml:id="ts0" timeString="2026-01-01T00:00:00"/>
    </inkml:context>
    <inkml:brush xml:id="br0"><inkml:brushProperty name="width" value="0.1" units="cm"/></inkml:brush>
  </inkml:definitions>
  <inkml:traceGroup><inkml:traceGroup>
  <inkml:trace contextRef="#ctx0" brushRef="#br0">100 200 300 0,'5'-6'7'5,3 2 1 5</inkml:trace>
  </inkml:traceGroup></inkml:traceGroup>""",
        'xmlns:inkml="http://www.w3.org/2003/InkML"',
    )
    .replace(b"<ink ", b"<inkml:ink ")
    .replace(b"</ink>", b"</inkml:ink>")
)


def test_as_microsoft_office_writes_it():
    recording = read_recording(OFFICE)
    assert recording[Quantity.X].tolist() == [100, 105, 108]
    assert recording[Quantity.PRESSURE].tolist() == [300, 307, 308]
    assert recording.channels[Quantity.X].unit == "mm"
    assert recording.channels[Quantity.X].in_units.tolist() == [1, 1.05, 1.08]
    assert recording.channels[Quantity.PRESSURE].high == 32767
    assert recording.time_ms().tolist() == [0, 5, 10]
    assert recording.device == "Maker Pad 3"
    assert noted(recording) == ["ignored: brush, brushProperty"]


def test_contexts_are_followed_and_stand_until_the_next():
    definitions = (
        '<definitions><context xml:id="a" traceFormatRef="#f"/><context id="b" contextRef="#a"/>'
        + trace_format('<channel name="Y"/><channel name="X"/>', 'xml:id="f"')
        + trace_format('<channel name="X"/><channel name="Y"/>', 'xml:id="g"')
        + "<trace>77 77</trace></definitions>"
    )
    traces = (
        '<trace contextRef="#b">1 2</trace><context traceFormatRef="#g"/><trace>3 4</trace>'
        '<traceGroup contextRef="#a"><trace>5 6</trace></traceGroup><trace>7 8</trace>'
    )
    recording = read_recording(ink(definitions + traces))
    assert recording[Quantity.X].tolist() == [2, 3, 6, 7]
    assert recording[Quantity.Y].tolist() == [1, 4, 5, 8]


def test_channels_that_not_all_traces_have_are_left_out():
    definitions = trace_format(attributes='id="f"') + trace_format(
        '<channel name="X"/><channel name="Y"/><channel name="B1" type="boolean"/>', 'id="g"'
    )
    contexts = '<context id="a" traceFormatRef="#f"/><context id="b" traceFormatRef="#g"/>'
    definitions = f"<definitions>{definitions}{contexts}</definitions>"
    recording = read_recording(
        ink(definitions + '<trace contextRef="#a">1 2 3</trace><trace contextRef="#b">1 2 T</trace>')
    )
    assert list(recording.channels) == [Quantity.X, Quantity.Y]
    assert noted(recording) == ["ignored: T, B1"]


def test_hover_tip_and_strokes_that_go_on():
    recording = read_recording(
        ink(
            '<trace>1 1,2 2</trace><trace type="penUp">3 3,4 4</trace>'
            '<trace id="a">5 5,6 6</trace><trace continuation="end" priorRef="#a">7 7,8 8</trace>'
        )
    )
    assert recording.ink.tolist() == [False, True, False, False, False, True, True, True]
    tip = '<channel name="S" type="boolean" default="F"/>'
    tip = f'<channel name="X"/><channel name="Y"/><intermittentChannels>{tip}</intermittentChannels>'
    recording = read_recording(ink(trace_format(tip) + "<trace>1 1,2 2 T,3 3,4 4 F,5 5</trace>"))
    assert recording[Quantity.TIP].tolist() == [0, 1, 1, 0, 0]
    assert recording.ink.tolist() == [False, False, True, False, False]


def test_an_axis_may_run_backward():
    channels = '<channel name="X" orientation="-ve" min="0"/><channel name="Y"/>'
    recording = read_recording(ink(trace_format(channels) + "<trace>1 2,3 4</trace>"))
    assert recording[Quantity.X].tolist() == [-1, -3]
    assert recording.channels[Quantity.X].low is None


def test_time_from_offsets():
    source = '<inkSource><sampleRate uniform="true" value="200"/></inkSource>'
    xy = trace_format('<channel name="X"/><channel name="Y"/>')
    recording = read_recording(
        ink(source + xy + '<trace timeOffset="0">1 1,2 2</trace><trace timeOffset="50">3 3,4 4</trace>')
    )
    assert recording.time_ms().tolist() == [0, 5, 50, 55]
    assert recording.rate_hz == 200
    restarting = '<trace timeOffset="7">1 1 0,2 2 10</trace><trace timeOffset="50">3 3 0,4 4 10</trace>'
    assert read_recording(ink(trace_format() + restarting)).time_ms().tolist() == [7, 17, 50, 60]
    running = '<trace timeOffset="7">1 1 0,2 2 10</trace><trace timeOffset="50">3 3 43,4 4 53</trace>'
    assert read_recording(ink(trace_format() + running)).time_ms().tolist() == [0, 10, 43, 53]


def test_a_rate_alone_is_said_to_leave_out_the_lifts():
    source = '<inkSource><sampleRate uniform="true" value="100"/></inkSource>'
    recording = read_recording(ink(source + "<trace>1 1,2 2</trace><trace>3 3</trace>"))
    assert recording.time_ms().tolist() == [0, 10, 20]
    assert noted(recording) == ["how long the pen was up is not in the file"]


def test_missing_pressure_is_mended_and_missing_position_refused():
    channels = XYT + '<channel name="F"/><channel name="OA"/>'
    points = [f"{i} {i} {i} {10 * i} 5" for i in range(20)]
    points[3] = "3 3 3 ? ?"
    points[5] = "5 5 5 -1 5"
    recording = read_recording(ink(trace_format(channels) + f"<trace>{','.join(points)}</trace>"))
    assert recording[Quantity.PRESSURE].tolist()[:6] == [0, 10, 20, 30, 40, 0]
    assert Quantity.AZIMUTH not in recording.channels
    assert np.flatnonzero(~recording.ink).tolist() == [0, 5, 6]
    assert noted(recording) == [
        "missing pressure interpolated, samples: 1",
        "negative pressure read as hover, samples: 1",
        "ignored: azimuth",
    ]
    with pytest.raises(FormatError, match="samples without y"):
        read_recording(ink("<trace>1 ?,2 3</trace>"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no trace with points"),
        ("<trace/><trace> </trace>", "no trace with points"),
        ("<trace>1 2,3</trace>", "trace 1, point 2: 1 of 2 values"),
        ("<trace>1 2</trace><trace>1 x</trace>", "trace 2, point 1: not a value"),
        (trace_format('<channel name="X"/>') + "<trace>1</trace>", "without x and y"),
        (trace_format(XYT + XYT) + "<trace>1</trace>", "a channel twice"),
        (trace_format('<channel name="X"/>' * 65), "no trace"),
        (trace_format('<channel name="X"/>' * 65) + "<trace>1 1</trace>", "too many channels"),
        ("<trace>1 2", "line 2, column .*: not well-formed XML"),
        ("<trace>&bomb;</trace>", "not well-formed XML"),
        ('<context id="a" contextRef="#a"/><trace contextRef="#a">1 1</trace>', "in a circle"),
        ("<traceGroup>" * 70 + "</traceGroup>" * 70, "at most .* 64 within each other"),
        ("<trace/>" * 100_001, "at most 100000 elements"),
        ("<trace " + " ".join(f'a{n}=""' for n in range(500_001)) + "/>", "at most 100000 elements"),
        (trace_format('<channel name="X" units="mm"/><channel name="Y"/>', 'id="f"')
         + trace_format('<channel name="X"/><channel name="Y"/>', 'id="g"')
         + '<context traceFormatRef="#f"/><trace>1 1</trace>'
         + '<context traceFormatRef="#g"/><trace>1 1</trace>', "count x differently"),
    ],
)  # fmt: skip
def test_refused(content, message):
    with pytest.raises(FormatError, match=message) as raised:
        read_recording(ink(content))
    assert "\n" not in str(raised.value)


def test_another_root_is_no_ink():
    with pytest.raises(FormatError, match="not InkML; expected <ink>; received <svg>"):
        inkml.decode(b"<svg/>")


BOMB = b"<!DOCTYPE ink [" + b"".join(
    b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10 if n else b"1 2," * 10) for n in range(10)
)


@pytest.mark.parametrize(
    "doctype",
    [
        BOMB + b"]>",
        b'<!DOCTYPE ink [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE ink [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]>',
    ],
)
def test_entities_are_never_expanded(doctype):
    with pytest.raises(FormatError, match="defines entities, which are never expanded"):
        read_recording(doctype + b"<ink><trace>&a9;&x;</trace></ink>")


def test_more_samples_than_a_signature_has_are_refused_unread():
    began = time.process_time()
    with pytest.raises(InvalidSignature, match="too many samples"):
        read_recording(ink("<trace>" + "1 2," * (MAX_SAMPLES + 1) + "</trace>"))
    assert time.process_time() - began < 1


def test_any_encoding():
    text = ink('<annotation type="x">Zoë</annotation><trace>1 2,3 4</trace>').decode()
    for data in (
        text.encode(),
        text.encode("utf-16"),
        text.replace("UTF-8", "UTF-16").encode("utf-16"),
        text.replace("UTF-8", "ISO-8859-1").encode("latin-1"),
    ):
        assert read_recording(data)[Quantity.Y].tolist() == [2, 4]
    with pytest.raises(FormatError, match="an encoding that is not known"):
        read_recording(text.replace("UTF-8", "x-none").encode("latin-1"))


NUMBER = st.floats(-1e9, 1e9) | st.integers(-(10**9), 10**9).map(float)


@st.composite
def recordings(draw):
    count = draw(st.integers(2, 9))
    units = st.tuples(st.sampled_from(["", "mm", "px", "N", "deg"]), st.sampled_from([1.0, 100.0, 39.37]))
    column = npst.arrays(np.float64, count, elements=NUMBER)
    channels = {Quantity.X: Channel(draw(column)), Quantity.Y: Channel(draw(column), "mm", 100)}
    for quantity in draw(st.sets(st.sampled_from(sorted(set(inkml.FORMAT.keeps) - set(channels))))):
        values, (unit, per_unit) = draw(column), draw(units)
        if quantity == Quantity.TIME:
            channels[quantity] = Channel(values, "ms", per_unit)
        elif quantity == Quantity.TIP:
            channels[quantity] = Channel(np.ones(count))
        else:
            low, high = draw(st.none() | NUMBER), draw(st.none() | NUMBER)
            values = np.abs(values) if quantity == Quantity.PRESSURE else values
            channels[quantity] = Channel(values, unit, per_unit if unit else 1.0, low, high)
    flags = draw(npst.arrays(np.bool_, count))
    flags[0] = False
    rate_hz = draw(st.none() | st.floats(1, 1000))
    device = draw(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=9))
    return Recording(format="inkml", channels=channels, ink=flags, rate_hz=rate_hz, device=device)


@given(recordings())
def test_round_trip(recording):
    again = inkml.decode(inkml.encode(recording))
    assert again.ink.tolist() == recording.ink.tolist()
    assert (again.rate_hz, again.device) == (recording.rate_hz, recording.device)
    assert set(again.channels) == set(recording.channels)
    for quantity, channel in recording.channels.items():
        other = again.channels[quantity]
        assert other.values.tolist() == channel.values.tolist()
        assert (other.unit, other.per_unit) == (channel.unit, channel.per_unit)
        assert (other.low, other.high) == (channel.low, channel.high)


def test_a_signature_comes_back():
    signature = Signature(
        range(12),
        np.arange(12) ** 2,
        range(0, 120, 10),
        np.arange(12) / 11,
        [0, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1],
    )
    assert read_recording(inkml.encode(signature)).signature() == signature


@given(st.binary(max_size=200))
def test_any_bytes_give_a_recording_or_a_typed_error(data):
    for content in (data, b"<ink><trace>" + data, ink("") + data, b"<ink>" + data + b"</ink>"):
        with contextlib.suppress(FormatError, InvalidSignature):
            inkml.decode(content, Notes())
