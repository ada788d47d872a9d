import base64
import contextlib
import struct
import time
import zlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import FORMATS, Quantity, read_recording, recognize_format, uim
from sigverify.modality.pen.signature import MAX_SAMPLES

# Invented strokes, written by universal-ink-library 2.1.2: two strokes, and hover between them.
WACOM = zlib.decompress(
    base64.b64decode(
        "eNp9kr1L61AYxs9HktZjW8tL9cZe8Ws8gxFFEVHbglct3itFFHSSkEasplXaVFcnBxf7H+jgcIdOjk6CS0EvOPof6OjgcEdjXNTz"
        "aiAJPG+e33l43izn5+YONUJW80uLC79yszFCCKfhHTwJyS8VVjaCubjWxLhIko+XDp8VI/1Z0QAUH0tnFI1Ct0gW3f2hsl2pb9qO"
        "X6+6VdD/2DvBKynawtFu0fWAF+zioAo15CkX6unHqshhStEEpA9KnjdpWaXKXt23RoeGLWfLrlRcz1obCD/Z/p8d+3f7ewZxt3/j"
        "Xn/vvp2GnOKOweCX7pVS2a35dnnPpG+c7EkW5hVEHAa+RBSqbq0WtGlqbwTylBkj5DAzwRFQ4htQzvNLfr3omvw96CozwcwWlcqS"
        "R9QVX1DlwJTyD+n9jxH5E9lQ5K6jRZvMkd3IAvSzPsdxpIm0qxEhhOxBSou26JnxzG+iCDIBeosyxuBcDd2phjZp/1FU/kBi87+p"
        "FDJoB97oSckuJDAjAtHjgU4QUAJ4EBQu1ZhdSLfnUdmLhBRPna/dNlmDyzSS1QjrxaqPgf7ar0CwcRD3WoM/8yZ7iCDYBBhhxYy8"
        "AKVehJM="
    )
)


def test_as_the_library_of_wacom_writes_it():
    assert recognize_format(WACOM) is FORMATS["uim"]
    recording = read_recording(WACOM)
    in_units = {quantity: each.in_units for quantity, each in recording.channels.items()}
    units = {quantity: each.unit for quantity, each in recording.channels.items()}
    assert units == {"x": "mm", "y": "mm", "time": "s", "pressure": "", "altitude": "deg"}
    np.testing.assert_allclose(in_units[Quantity.X], [10, 11, 12.5, 12, 13, 13.1, 14, 15, 16.5, 18, 20])
    np.testing.assert_allclose(in_units[Quantity.Y][:5], [20, 19.5, 19, 18.5, 18])
    np.testing.assert_allclose(in_units[Quantity.PRESSURE][:5], [0.1, 0.5, 0.75, 0.2, 0])
    np.testing.assert_allclose(np.radians(in_units[Quantity.ALTITUDE][:4]), [1, 1.01, 1.02, 1.03])
    assert recording.time_ms().tolist() == [*range(1000, 1020, 5), 1030, 1035, *range(1060, 1085, 5)]
    assert np.flatnonzero(~recording.ink).tolist() == [0, 4, 5, 6]
    assert (recording.rate_hz, recording.device) == (200, "Maker Pad")
    assert recording.facts == {"version": "3.1.0"}
    assert recording.channels[Quantity.PRESSURE].high == 1000
    assert recording.channels[Quantity.TIME].high is None
    assert recording.notes == ()


# ------------------------------------------------------------------ files put together by hand
def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def nested(field, *parts):
    data = b"".join(parts)
    return varint(field << 3 | 2) + varint(len(data)) + data


def double(field, value):
    return varint(field << 3 | 1) + struct.pack("<d", value)


def steps(values):
    numbers = [values[0], *(after - before for before, after in pairwise(values))]
    return b"".join(varint(each << 1 if each >= 0 else -each * 2 - 1) for each in numbers)


CHANNELS = [("X", 0, 1e5), ("Y", 0, 1e5), ("Timestamp", 1, 1000.0), ("Pressure", 4, 1024.0)]
STROKES = [
    (0, 1000, [[100, 110, 120], [50, 40, 45], [0, 5, 10], [7, 8, 9]]),
    (0, 1100, [[200, 210], [55, 44], [0, 5], [6, 5]]),
]


def channel_of(place, name, metric, resolution, *more):
    kind = name.encode() if "/" in name else b"will://input/3.0/channel/" + name.encode()
    return nested(
        2, nested(1, b"id%d" % place), nested(2, kind), number(3, metric), double(4, resolution), *more
    )


def input_data(channels=CHANNELS, strokes=STROKES, context=b"c", rate=()):
    configuration = nested(
        1,
        nested(1, nested(1, b"c"), nested(3, b"s")),
        nested(3, nested(2, nested(1, b"dev.model"), nested(2, b"Pad"))),
        nested(
            5, nested(1, b"s"), nested(2, *(channel_of(n, *each) for n, each in enumerate(channels)), *rate)
        ),
    )
    data = [
        nested(
            2,
            nested(2, context),
            number(3, state),
            number(4, stamp),
            *(nested(5, nested(1, b"id%d" % n), nested(2, steps(each))) for n, each in enumerate(values)),
        )
        for state, stamp, values in strokes
    ]
    return configuration + b"".join(data)


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def file_of(message, *, version=b"\3\1\0", described=b"\3\1\0\1\0\0\0\0", before=b""):
    descriptions = (b"\3\1\0\1\0\0\0\0" if before else b"") + described
    body = b"UINK" + chunk(b"HEAD", version + b"\0" + descriptions) + before + chunk(b"INPT", message)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def old_file_of(message):
    """Return version 3.0.0: one message of everything."""
    body = b"UINK" + chunk(b"HEAD", b"\3\0\0") + chunk(b"DATA", nested(2, b"ink") + nested(1, message))
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    "data",
    [
        file_of(input_data()),
        file_of(input_data(), before=chunk(b"PRPS", b"\n\0\0")),
        old_file_of(input_data()),
    ],
)
def test_both_versions(data):
    recording = read_recording(data)
    assert recording[Quantity.X].tolist() == [100, 110, 120, 200, 210]
    assert recording[Quantity.Y].tolist() == [50, 40, 45, 55, 44]
    assert recording.time_ms().tolist() == [1000, 1005, 1010, 1100, 1105]
    assert recording[Quantity.PRESSURE].tolist() == [7, 8, 9, 6, 5]
    assert recording.ink.tolist() == [False, True, True, False, True]
    assert recording.device == "Pad"


def test_the_rate_is_a_number_or_wrapped_in_a_message():
    assert read_recording(file_of(input_data(rate=[number(3, 133)]))).rate_hz == 133
    assert read_recording(old_file_of(input_data(rate=[nested(3, number(1, 240))]))).rate_hz == 240


def test_a_resolution_that_is_none_is_no_length():
    channels = [("X", 0, 1.0, number(7, 2)), ("Y", 0, 1.0, number(7, 2)), *CHANNELS[2:]]
    x = read_recording(file_of(input_data(channels))).channels[Quantity.X]
    assert (x.unit, x.per_unit, x.in_units.tolist()[:2]) == ("", 100, [1, 1.1])


def test_time_without_a_unit_is_noted():
    channels = [*CHANNELS[:2], ("Timestamp", 6, 0.0), CHANNELS[3]]
    recording = read_recording(file_of(input_data(channels)))
    assert recording.time_ms().tolist()[:2] == [1000, 1005]
    assert [note.words() for note in recording.notes] == [
        "time without a unit read as milliseconds: Timestamp"
    ]


def test_other_channels_and_those_that_not_every_stroke_has():
    channels = [*CHANNELS, ("RadiusX", 0, 1.0), ("will://other/x", 0, 1.0)]
    strokes = [(0, 0, [[1, 2]] * 6), (0, 9, [[1, 2]] * 3)]
    recording = read_recording(file_of(input_data(channels, strokes)))
    assert list(recording.channels) == ["x", "y", "time"]
    assert [note.words() for note in recording.notes] == ["ignored: Pressure, RadiusX, will://other/x"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"RIFF\x24\0\0\0UINK" + bytes(40), "not a file of the Universal Ink Model"),
        (file_of(input_data(), version=b"\3\2\0"), "unknown version .* 3.0.0 or 3.1.0; received 3.2.0"),
        (file_of(b""), "a drawing without sensor data"),
        (file_of(input_data(strokes=[])), "a drawing without sensor data"),
        (file_of(input_data(), described=b"\3\1\0\1\1\0\0\0"), "compressed"),
        (file_of(input_data(), described=b"\3\1\0\2\0\0\0\0"), "no Protocol Buffers"),
        (WACOM[:-3], "truncated"),
        (file_of(input_data()[:-1]), "cut off or damaged"),
        (file_of(b"\xff" * 20), "cut off or damaged"),
        (file_of(input_data(context=b"unknown")), "stroke 1: a channel that is described nowhere"),
        (file_of(input_data(strokes=[(0, 0, [[1, 2], [1]])])), "stroke 1: channels of different lengths"),
        (file_of(input_data(strokes=[(0, 0, [[1, 2]])])), "without position"),
        (file_of(bytes(uim.MAX_INPUT + 1)), "more sensor data than a signature has"),
    ],
)
def test_refused(data, message):
    with pytest.raises(FormatError, match=message):
        read_recording(data)


def test_more_samples_than_a_signature_has():
    began = time.process_time()
    many = [1] * (MAX_SAMPLES + 1)
    with pytest.raises(InvalidSignature, match="too many"):
        read_recording(file_of(input_data(strokes=[(0, 0, [many])])))
    half = [1] * (MAX_SAMPLES // 2 + 1)
    with pytest.raises(InvalidSignature, match="too many"):
        read_recording(file_of(input_data(strokes=[(0, 0, [half, half])] * 2)))
    assert time.process_time() - began < 5


def test_hostile_messages_end_soon():
    began = time.process_time()
    for message in (b"\x12\x00" * (uim.MAX_INPUT // 2), b"\x08\x00" * (uim.MAX_INPUT // 2)):
        with pytest.raises(FormatError, match="more fields than ink has"):
            read_recording(file_of(message))
    assert time.process_time() - began < 15


@given(st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=3, max_size=3), min_size=1, max_size=20))
def test_any_values_come_as_they_were(points):
    first = [0, 0, 0]
    columns = [list(column) for column in zip(first, *points, strict=True)]
    columns[2] = list(range(len(columns[0])))
    recording = read_recording(file_of(input_data(strokes=[(0, 0, columns)])))
    assert recording[Quantity.X].tolist() == columns[0]
    assert recording[Quantity.Y].tolist() == columns[1]


@given(st.binary(max_size=200))
def test_any_bytes_give_a_recording_or_a_typed_error(data):
    for content in (file_of(data), old_file_of(data), WACOM[:40] + data, file_of(input_data() + data)):
        with contextlib.suppress(FormatError, InvalidSignature):
            uim.decode(content)
