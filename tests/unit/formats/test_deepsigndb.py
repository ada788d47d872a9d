import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import Channel, Quantity, Recording, deepsigndb, read_recording, read_signature
from sigverify.modality.pen.signature import MAX_SAMPLES


def file_of(rows):
    return "\n".join([str(len(rows)), *(" ".join(map(str, row)) for row in rows), ""]).encode()


STYLUS = [(100 + 7 * i, 200 + i * i, 5 * i, 0 if i in (0, 9, 10, 19) else 50 + 9 * i) for i in range(20)]
FINGER = [(100 + 7 * i, 200 + i * i, 16 * i, 0) for i in range(20)]
MCYT = [(x, y, 2 * t, 1500 + x, 550, p) for x, y, t, p in STYLUS]
BUTTONS = [(100 + 7 * i, 200 + i * i, 10 * i, int(i not in (0, 6))) for i in range(20)]


def test_a_stylus_has_pressure_and_hover():
    recording = read_recording(file_of(STYLUS))
    assert recording.format == "deepsigndb"
    assert recording[Quantity.PRESSURE].tolist() == [row[3] for row in STYLUS]
    assert recording.time_ms().tolist() == [row[2] for row in STYLUS]
    assert np.flatnonzero(~recording.ink).tolist() == [0, 1, 9, 10, 11, 19]
    assert recording.notes == ()


def test_a_finger_has_neither():
    recording = read_recording(file_of(FINGER))
    assert recording.format == "deepsigndb"
    assert Quantity.PRESSURE not in recording.channels
    assert np.flatnonzero(~recording.ink).tolist() == [0]
    assert [note.words() for note in recording.notes] == ["where the pen was up is not in the file"]


def test_six_columns_have_angles():
    recording = read_recording(file_of(MCYT))
    assert recording[Quantity.AZIMUTH].tolist() == [row[3] for row in MCYT]
    assert recording[Quantity.ALTITUDE].tolist() == [550] * 20
    assert recording[Quantity.PRESSURE].tolist() == [row[5] for row in MCYT]


def test_stamps_that_are_all_zero():
    recording = read_recording(file_of([(*row[:2], 0, *row[3:]) for row in MCYT]))
    assert recording.time_ms().tolist() == [10.0 * i for i in range(20)]
    assert "samples a second: 100" in recording.notes[0].words()
    with pytest.raises(InvalidSignature, match="does not say when"):
        read_signature(file_of([(*row[:2], 0, *row[3:]) for row in STYLUS]))


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        (STYLUS, "deepsigndb"),
        (FINGER, "deepsigndb"),
        (MCYT, "deepsigndb"),
        (BUTTONS, "svc2004"),
        ([(*row[:3], row[3] * (1 + i % 6)) for i, row in enumerate(BUTTONS)], "svc2004"),
        ([(*row[:3], 1, 5, 6, 7) for row in BUTTONS], "svc2004"),
        ([(*row[:3], i / 100) for i, row in enumerate(BUTTONS)], "deepsigndb"),
    ],
)
def test_told_from_svc2004(rows, name):
    assert read_recording(file_of(rows)).format == name


@pytest.mark.parametrize(
    "data", [b"", b"9", b"9\n", b"9\n1 2 3", b"x\n1 2 3 4 5 6", b"9\n\n\n", b"1\n" * 400_000]
)
def test_not_recognized(data):
    assert not deepsigndb.recognizes(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (file_of(MCYT).replace(b"1607", b"x"), "line 3: not a number"),
        (file_of(MCYT)[:-30], "row of|truncated"),
        (b"21\n" + file_of(MCYT)[3:], "truncated; expected 21"),
        (b"19\n" + file_of(MCYT)[3:], "line 21: lines behind the end"),
        (b"2\n1 2 3 4 5 6\n1 2 3 4\n", "line 3: a row of 4 columns"),
    ],
)
def test_refused(data, message):
    with pytest.raises(FormatError, match=message):
        read_recording(data)


def test_more_samples_than_a_signature_has():
    with pytest.raises(InvalidSignature, match="too many"):
        deepsigndb.decode(b"%d\n1 2 3 4\n" % (MAX_SAMPLES + 1))


NUMBER = st.integers(-(10**6), 10**6).map(float) | st.floats(-1e6, 1e6)


@st.composite
def recordings(draw):
    """Strokes with at least one sample of hover before and after each, as the format can say."""
    lengths = draw(st.lists(st.integers(2, 6), min_size=2, max_size=5))
    touching = np.concatenate([[False, *[True] * length] for length in lengths])
    count = len(touching)
    column = npst.arrays(np.float64, count, elements=NUMBER)
    channels = {Quantity.X: Channel(draw(column)), Quantity.Y: Channel(draw(column))}
    channels[Quantity.TIME] = Channel(np.arange(count) * 5.0 + 1, "ms")
    if draw(st.booleans()):
        channels |= {quantity: Channel(draw(column)) for quantity in (Quantity.AZIMUTH, Quantity.ALTITUDE)}
    levels = npst.arrays(np.float64, count, elements=st.floats(0.5, 1000), unique=True)
    channels[Quantity.PRESSURE] = Channel(draw(levels) * touching)
    return Recording(format="deepsigndb", channels=channels, ink=touching & np.roll(touching, 1))


@given(recordings())
def test_round_trip(recording):
    if len(set(recording[Quantity.PRESSURE])) <= deepsigndb.MAX_BUTTONS and len(recording.channels) == 4:
        with pytest.raises(FormatError, match="button of SVC2004"):
            deepsigndb.encode(recording)
        return
    again = read_recording(deepsigndb.encode(recording))
    assert again.format == "deepsigndb"
    assert again.ink.tolist() == recording.ink.tolist()
    assert set(again.channels) == set(recording.channels)
    assert all(again[quantity].tolist() == recording[quantity].tolist() for quantity in recording.channels)


def test_what_hovers_is_written_without_pressure():
    channels = {quantity: Channel(np.arange(20.0)) for quantity in (Quantity.X, Quantity.Y, Quantity.TIME)}
    channels[Quantity.PRESSURE] = Channel(np.arange(20.0) + 1)
    ink = np.array([False, *[True] * 9, False, False, False, *[True] * 7])
    again = read_recording(deepsigndb.encode(Recording(format="", channels=channels, ink=ink)))
    assert again.ink.tolist() == ink.tolist()
    assert again[Quantity.PRESSURE][10:13].tolist() == [0, 0, 13]
