import numpy as np
import pytest

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import (
    FORMATS,
    Channel,
    Quantity,
    Recording,
    find_format,
    plain_csv,
    read_recording,
    read_signature,
)
from sigverify.modality.pen.signature import Signature

SIGNATURE = Signature(range(0, 30, 3), np.arange(10) ** 2, range(0, 100, 10), np.arange(10) / 10)
N = len(SIGNATURE)


def recording(**changes):
    channels = {
        Quantity.X: Channel(SIGNATURE.x),
        Quantity.Y: Channel(SIGNATURE.y),
        Quantity.TIME: Channel(SIGNATURE.time_ms * 1000, "ms", 1000),
    }
    return Recording(**{"format": "csv", "channels": channels, "ink": np.ones(N)} | changes)


def test_a_signature_and_its_recording_are_one():
    assert Recording.of(SIGNATURE).signature() == SIGNATURE
    assert Recording.of(recorded := recording()) is recorded


def test_time_is_given_in_milliseconds_whatever_the_device_counts():
    assert recording().signature().time_ms.tolist() == SIGNATURE.time_ms.tolist()
    channels = {Quantity.X: Channel(SIGNATURE.x), Quantity.Y: Channel(SIGNATURE.y)}
    assert recording(channels=channels, rate_hz=200.0).time_ms().tolist() == [5.0 * n for n in range(N)]
    seconds = {**channels, Quantity.TIME: Channel(SIGNATURE.time_ms / 1000, "s")}
    np.testing.assert_allclose(recording(channels=seconds).time_ms(), SIGNATURE.time_ms)
    with pytest.raises(InvalidSignature, match=r"does not say when the samples were taken.*sampling rate"):
        recording(channels=channels).signature()


def test_axes_that_count_differently_come_in_one_unit():
    channels = {
        Quantity.X: Channel(SIGNATURE.x, "mm", 100),
        Quantity.Y: Channel(SIGNATURE.y, "mm", 50),
        Quantity.TIME: Channel(SIGNATURE.time_ms, "ms"),
    }
    signature = recording(channels=channels).signature()
    np.testing.assert_allclose(signature.x, SIGNATURE.x / 100)
    np.testing.assert_allclose(signature.y, SIGNATURE.y / 50)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ink": np.ones(N + 1)}, "different lengths; expected 11 values each"),
        ({"channels": {Quantity.X: Channel(SIGNATURE.x)}}, "without position; .* received no y"),
    ],
)
def test_what_is_no_recording(changes, message):
    with pytest.raises(FormatError, match=message):
        recording(**changes)


@pytest.mark.parametrize("values", [[np.nan], [np.inf], [[1.0]]])
def test_what_is_no_channel(values):
    with pytest.raises(FormatError, match="no row of finite numbers"):
        Channel(np.array(values))
    with pytest.raises(FormatError, match="impossible resolution"):
        Channel(np.ones(3), "mm", 0.0)


def test_nothing_of_the_ink_is_in_what_is_printed():
    text = repr(recording()) + repr(Channel(SIGNATURE.x, "mm", 100))
    assert text == "<Recording csv, 10 samples of x, y, time, 0 notes><Channel of 10 values, 100 a mm>"


def test_what_is_recorded_and_not_compared_is_kept_by_a_table():
    data = b"x,y,time_ms,azimuth,tilt_x,word\n" + b"".join(
        b"%d,%d,%d,%d,%d,a\n" % (n, n * n, 10 * n, n % 4, n % 3) for n in range(9)
    )
    found = read_recording(data)
    assert set(found.channels) == {
        Quantity.X, Quantity.Y, Quantity.TIME, Quantity.AZIMUTH, Quantity.X_TILT,
    }  # fmt: skip
    again = read_recording(plain_csv.encode(found))
    for quantity, channel in found.channels.items():
        assert again[quantity].tolist() == channel.values.tolist()
    assert found.signature() == again.signature()


def test_a_file_that_is_no_signature_is_a_recording_all_the_same():
    found = read_recording(b"x,y,time_ms\n1,2,3\n4,5,6\n")
    assert len(found) == 2
    with pytest.raises(InvalidSignature, match="too few samples"):
        found.signature()


def test_formats_are_found_by_name():
    assert all(find_format(name) is each for name, each in FORMATS.items())
    with pytest.raises(FormatError, match=r"unknown format; expected .*svc2004, susig"):
        find_format("docx")


def test_what_is_lost_is_said():
    full = recording(channels={**recording().channels, Quantity.AZIMUTH: Channel(np.ones(N), "deg")})
    assert find_format("signature_pad").lost(full)[0] == "azimuth"
    assert find_format("csv").lost(full) == ("units and ranges",)
    with pytest.raises(FormatError, match="SUSIG is read only"):
        find_format("susig").write(full)


@pytest.mark.parametrize("name", [name for name, each in FORMATS.items() if each.encode is not None])
def test_of_a_signature_that_comes_back_nothing_is_lost(name):
    ink = np.arange(N) != 0
    signature = Signature(np.arange(N), np.arange(N), 10 * np.arange(N), 1 + np.arange(N), ink)
    to = find_format(name)
    assert read_signature(to.write(signature)) == signature
    assert to.lost(signature) == ()
    again = read_recording(to.write(signature))
    assert to.lost(again) == (), "nor of what it wrote itself"


@pytest.mark.parametrize(
    ("name", "ink", "pressure", "lost"),
    [
        ("csv", [0, 1, 1, 0, 0, 1], True, ()),
        ("signature_pad", [0, 1, 1, 0, 1, 1], True, ()),
        ("signature_pad", [0, 1, 1, 0, 0, 1], True, ("hover between strokes",)),
        ("deepsigndb", [0, 1, 1, 0, 0, 1], True, ()),
        ("deepsigndb", [0, 1, 1, 0, 1, 1], True, ("lifts without hover or pressure",)),
        ("deepsigndb", [0, 1, 1, 0, 0, 1], False, ("lifts without hover or pressure",)),
    ],
)
def test_what_of_the_ink_is_lost(name, ink, pressure, lost):
    ink = np.array([*ink, *[1] * 9], bool)
    n = np.arange(len(ink))
    assert find_format(name).lost(Signature(n, n, 10 * n, 1 + n if pressure else None, ink)) == lost


@pytest.mark.parametrize(
    ("changed", "csv", "unipen", "inkml"),
    [
        ({"facts": {"title": "a"}}, ["the device and other facts"], ["facts"], ["facts"]),
        ({"device": "a pad"}, ["the device and other facts"], [], []),
        ({"rate_hz": 100.0}, ["the device and other facts"], [], []),
        ({"x": Channel(np.arange(N), "mm", 100)}, ["units and ranges"], [], []),
        ({"x": Channel(np.arange(N), high=99)}, ["units and ranges"], ["ranges"], []),
        ({"pressure": Channel(np.arange(N), "N")}, ["units and ranges"], ["units other than mm"], []),
    ],
)
def test_what_is_known_of_the_numbers_and_of_the_device(changed, csv, unipen, inkml):
    channels = {Quantity(name): changed.pop(name) for name in ("x", "pressure") if name in changed}
    row = Channel(np.arange(N))
    stamped = {Quantity.X: row, Quantity.Y: row, Quantity.TIME: Channel(np.arange(N), "ms")}
    its = Recording(format="", channels=stamped | channels, ink=np.ones(N), **changed)
    found = {name: list(find_format(name).lost(its)) for name in ("csv", "unipen", "inkml")}
    assert found == {"csv": csv, "unipen": unipen, "inkml": inkml}
