import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sigverify.errors import FormatError
from sigverify.formats import Channel, Quantity, Recording, read_recording, svc2004

N = 40
HOVER = (0, 1, 2, 15, 16, 17, 39)
"""As a tablet of the Wacom kind writes `.svc`: samples in the air have button 0 and no pressure."""


def svc(step=0.005, start=12.5, hover=HOVER, pressure=300):
    rows = [
        f"{100 + 7 * i} {200 + i * i} {start + i * step:.6f} {int(i not in hover)} 1800 640 "
        f"{0 if i in hover else pressure + i}"
        for i in range(N)
    ]
    return "\n".join([str(N), *rows, ""]).encode()


@pytest.mark.parametrize(
    ("step", "unit"), [(0.005, "s"), (0.01, "s"), (5, "ms"), (7.5, "ms"), (5000, "us"), (5_000_000, "ns")]
)
def test_the_unit_is_the_one_that_handwriting_is_sampled_in(step, unit):
    recording = read_recording(svc(step))
    assert recording.format == "svc2004"
    assert recording.channels[Quantity.TIME].unit == unit
    factor = {"s": 1000, "ms": 1, "us": 1e-3, "ns": 1e-6}[unit]
    np.testing.assert_allclose(np.diff(recording.time_ms()), step * factor, rtol=1e-6)
    said = [note.words() for note in recording.notes]
    assert (f"converted to milliseconds: time in {unit}" in said) == (unit != "ms")


@pytest.mark.parametrize("step", [0.3, 0.0005, 500, 1e12])
def test_a_unit_that_cannot_be_told_is_refused(step):
    with pytest.raises(FormatError, match=r"unit of the time column cannot be told.*x,y,time_ms"):
        read_recording(svc(step))


def test_jumps_and_stamps_that_stand_still_do_not_hide_the_unit():
    rows = svc(5).split(b"\n")
    rows[3:9] = rows[3:4] * 6
    for place in (20, 30):
        cells = rows[place].split()
        cells[2] = b"99999999"
        rows[place] = b" ".join(cells)
    assert read_recording(b"\n".join(rows)).channels[Quantity.TIME].unit == "ms"
    assert read_recording(svc(0)).channels[Quantity.TIME].unit == "ms"


def test_hover_of_a_tablet_is_told_from_the_first_samples_of_strokes():
    recording = read_recording(svc())
    without = set(HOVER) | {3, 18}
    assert np.flatnonzero(~recording.ink).tolist() == sorted(without)
    first_samples = b"\n".join(
        line[:-1] + b"9" if line.endswith(b" 0") else line for line in svc(10).split(b"\n")
    )
    assert np.flatnonzero(~read_recording(first_samples).ink).tolist() == list(HOVER)


def test_four_columns_are_milliseconds_whatever_they_say():
    data = b"9\n" + b"".join(b"%d %d %d %d\n" % (i, i, 1000 * i, min(i, 1)) for i in range(9))
    assert read_recording(data).time_ms().tolist() == [1000.0 * i for i in range(9)]


NUMBER = st.floats(-1e6, 1e6) | st.integers(-(10**6), 10**6).map(float)


@st.composite
def recordings(draw):
    count = draw(st.integers(2, 30))
    column = npst.arrays(np.float64, count, elements=NUMBER)
    steps = npst.arrays(np.float64, count, elements=st.floats(1, 200))
    channels = {
        Quantity.X: Channel(draw(column)),
        Quantity.Y: Channel(draw(column)),
        Quantity.TIME: Channel(np.cumsum(draw(steps)), "ms"),
    }
    if draw(st.booleans()):
        for quantity in (Quantity.AZIMUTH, Quantity.ALTITUDE):
            channels[quantity] = Channel(draw(column))
        # A pen that is up before its stroke has pressure there, or it is hover.
        pressure = draw(npst.arrays(np.float64, count, elements=st.floats(1, 1023)))
        channels[Quantity.PRESSURE] = Channel(pressure)
    ink = draw(npst.arrays(np.bool_, count))
    ink[0] = False
    return Recording(format="svc2004", channels=channels, ink=ink)


@given(recordings())
def test_round_trip(recording):
    again = svc2004.decode(svc2004.encode(recording))
    assert again.ink.tolist() == recording.ink.tolist()
    assert set(again.channels) == set(recording.channels)
    assert all(again[quantity].tolist() == recording[quantity].tolist() for quantity in recording.channels)


def test_a_rate_that_would_be_read_otherwise_is_not_written():
    channels = {quantity: Channel(np.arange(9.0)) for quantity in (Quantity.X, Quantity.Y, Quantity.PRESSURE)}
    slow = channels | {Quantity.TIME: Channel(np.arange(9.0) * 3, "s")}
    with pytest.raises(FormatError):
        svc2004.encode(Recording(format="", channels=slow, ink=np.ones(9)))
    fast = channels | {Quantity.TIME: Channel(np.arange(9.0) * 5, "us")}
    with pytest.raises(FormatError, match=r"rate that SVC2004 cannot say|cannot be told"):
        svc2004.encode(Recording(format="", channels=fast, ink=np.ones(9)))
