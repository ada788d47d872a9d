"""The full format, written: bytes against those put together by hand, and what comes back."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sdi_records import of

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats import Channel, Quantity, Recording, iso19794_7
from sigverify.formats.iso19794_7 import Signs
from sigverify.formats.iso19794_7.kinds import KINDS
from sigverify.modality.pen.signature import Signature

Q = Quantity


def recording(ink=None, **channels):
    """Return a recording of channels by name, each a row of numbers or a `Channel`."""
    made = {
        Quantity(name): each if isinstance(each, Channel) else Channel(each)
        for name, each in channels.items()
    }
    count = len(made[Q.X].values)
    return Recording(format="", channels=made, ink=np.ones(count) if ink is None else ink)


def again(its, **how):
    return iso19794_7.decode(iso19794_7.encode(its), strict=True, **how)


def test_bytes():
    its = recording(
        ink=[False, True, True],
        x=Channel([-1.0, 0.0, 1.0], "mm", 11.812, low=-1000, high=1000),
        y=Channel([7.0, 8.0, 9.0], "mm", 11.812),
        time=Channel([1e12, 1e12 + 5, 1e12 + 15], "ms"),
        pressure=Channel([0.0, 5.0, 1023.0], low=0, high=1023),
        azimuth=Channel([-90.0, 0.0, 90.0], "deg"),
    )
    expected = of("""
53 44 49 00   "SDI", zero
20 31 30 00   " 10", zero
C1 64         1100 0001 0110 0100: x, y, t, f, s, az
E0 EB 89      x: scaling of 11812 a metre, min and max
7C 18 83 E8   -1000 and 1000, 32768 added
80 EB 89      y: the same scaling
80 CF A0      t: 1000 a second
60 00 00 03 FF   f: from 0 to 1023, in units that nobody knows
00            s
80 80 00      az: 1 a degree
00            reserved
00 00 00 03   three points
7F FF 80 07 00 00 00 00 01 01 0E   -1, 7, 0, 0, touching, 270
80 00 80 08 00 05 00 05 01 00 00   0, 8, 5, 5, touching, 0
80 01 80 09 00 0F 03 FF 01 00 5A   1, 9, 15, 1023, touching, 90
""")
    assert iso19794_7.encode(its).hex(" ") == expected.hex(" ")
    assert iso19794_7.encode(its, extended_data=b"abc")[-5:] == b"\0\3abc"


INTEGERS = st.integers(-32768, 32767)


@given(st.lists(st.tuples(INTEGERS, INTEGERS, st.integers(0, 65535), st.booleans()), min_size=1, max_size=40))
def test_whole_numbers_come_back_exactly(rows):
    x, y, force, ink = (np.array(column) for column in zip(*rows, strict=True))
    stamps = np.cumsum(force % 100)
    its = recording(ink=ink, x=x, y=y, time=Channel(stamps, "ms"), pressure=force)
    found = again(its, signs=Signs.OFFSET)
    kept = positions_without_added_lifts(its, found)
    for quantity in (Q.X, Q.Y, Q.PRESSURE):
        assert found[quantity][kept].tolist() == its[quantity].tolist()
    assert found.time_ms()[kept].tolist() == (stamps - stamps[0]).tolist()
    assert found.ink[kept][1:].tolist() == its.ink[1:].tolist()
    assert iso19794_7.encode(found) == iso19794_7.encode(its), "a second time changes nothing"
    assert iso19794_7.decode(iso19794_7.encode(its)).channels.keys() == found.channels.keys()


def positions_without_added_lifts(its, found):
    """Return where the samples of the original are: each lift between two samples that touch adds one."""
    ink = np.append(False, its.ink[1:])
    touching = ink | np.append(ink[1:], False)
    added = ~ink[1:] & touching[1:] & touching[:-1]
    assert len(found) == len(its) + added.sum()
    return np.arange(len(its)) + np.concatenate([[0], np.cumsum(added)])


@given(st.lists(st.tuples(INTEGERS, INTEGERS), min_size=2, max_size=30))
def test_what_is_written_here_is_never_taken_for_twos_complement(points):
    x, y = np.array(points).T
    its = recording(x=x, y=y, time=Channel(10 * np.arange(len(x)), "ms"))
    lenient = iso19794_7.decode(iso19794_7.encode(its))
    assert lenient[Q.X].tolist() == x.tolist()
    assert lenient[Q.Y].tolist() == y.tolist()


FLOATS = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(st.lists(st.tuples(FLOATS, FLOATS, st.floats(0, 1), st.floats(0, 1e4)), min_size=2, max_size=30))
def test_other_numbers_come_back_within_half_a_count_of_sixteen_bits(rows):
    x, y, force, gaps = np.array(rows).T
    stamps = np.cumsum(gaps)
    its = recording(x=x, y=y, time=Channel(stamps, "ms"), pressure=force)
    found = again(its, signs=Signs.OFFSET)
    for quantity, limit in ((Q.X, 32767), (Q.Y, 32767), (Q.PRESSURE, 65535)):
        assert np.abs(found[quantity]).max() <= limit + 1
    # One power of two for x and y, so that proportions stay; at least twelve bits are used.
    wide = max(np.ptp(x), np.ptp(y))
    factors = [2.0**exponent for exponent in range(-20, 60)]
    errors = [
        max(np.abs(np.diff(found[q]) - np.diff(its[q]) * factor).max() for q in (Q.X, Q.Y))
        for factor in factors
    ]
    best = factors[int(np.argmin(errors))]
    if wide > 1e-3:
        assert min(errors) <= 1 + 1e-6
        assert best * wide >= 4096 or (its[Q.X] * best == np.round(its[Q.X] * best)).all()
    step = 1000 / found.channels[Q.TIME].per_unit
    np.testing.assert_allclose(found.time_ms(), stamps - stamps.min(), atol=step / 2 + 1e-6)
    assert step <= max(1.0, (stamps[-1] - stamps[0]) / 65535 * 1.001)


def test_counts_of_a_device_keep_their_unit_where_it_can_be_said():
    its = recording(
        x=Channel([0, 2000, 100], "mm", 40), y=Channel([7, 8, 9], "mm", 40), time=Channel([0, 5, 10], "ms")
    )
    channel = again(its).channels[Q.X]
    assert (channel.values.tolist(), channel.unit, channel.per_unit) == ([0, 2000, 100], "m", 40_000)
    fine = recording(
        x=Channel([0, 21600], "mm", 100), y=Channel([7, 8], "mm", 100), time=Channel([0, 5], "ms")
    )
    channel = again(fine).channels[Q.X]
    assert (channel.values.tolist(), channel.unit) == ([0, 21600], ""), "100,000 a metre are too many to say"


def test_lengths_keep_their_size():
    its = recording(
        x=Channel([0, 12.3, -3.3], "mm"), y=Channel([1.1, 2.2, 50.0], "mm"), time=Channel([0, 5, 10], "ms")
    )
    found = again(its)
    for quantity in (Q.X, Q.Y):
        np.testing.assert_allclose(found.channels[quantity].in_units * 1000, its[quantity], atol=1 / 128)


def test_axes_that_count_differently_get_one_scaling():
    its = recording(
        x=Channel([0, 400, 200], "mm", 20), y=Channel([0, 100, 400], "mm", 10), time=Channel([0, 5, 10], "ms")
    )
    found = again(its)
    assert found[Q.X].tolist() == [0, 400, 200]
    assert found[Q.Y].tolist() == [0, 200, 800]
    assert found.channels[Q.X].per_unit == found.channels[Q.Y].per_unit == 20_000


def test_numbers_far_off_zero_are_shifted():
    its = recording(x=[1_000_000, 1_000_007, 1_040_000], y=[5, 6, 7], time=Channel([0, 5, 10], "ms"))
    assert np.diff(again(its)[Q.X]).tolist() == [7, 39_993]


@pytest.mark.parametrize(
    ("stamps", "name", "per_second"),
    [
        ([0, 5, 65_535], "t", 1000),
        ([0, 5, 65_536, 131_000], "dt", 1000),
        ([0, 7.5, 15], "t", 2000),
        ([0, 0.1, 0.2], "t", 10_000),
        ([50, 20, 60], "t", 1000),
        ([0, 1 / 3, 1000 / 3], "t", 65_520),
        ([0, 1 / 3, 1000], "t", 65_520),
        ([0, 1 / 3, 2000], "t", 32_760),
        ([3, 3, 3], "t", 1000),
    ],
)
def test_stamps_are_milliseconds_where_they_are_whole(stamps, name, per_second):
    its = recording(x=np.arange(len(stamps)), y=np.zeros(len(stamps)), time=Channel(stamps, "ms"))
    record = iso19794_7.encoding.record_of(its)
    (timing,) = (each for each in record.descriptions if each.kind.quantity is Q.TIME)
    assert (timing.kind.name, timing.scaling) == (name, per_second)
    step = 1000 / per_second
    np.testing.assert_allclose(again(its).time_ms(), np.array(stamps) - min(stamps), atol=step / 2 + 1e-9)


def test_stamps_that_run_backwards_over_minutes_lose_no_more_than_they_must():
    its = recording(x=[0, 1, 2, 3], y=[0, 0, 0, 0], time=Channel([0, 300_000, 200_000, 300_001], "ms"))
    np.testing.assert_allclose(again(its).time_ms(), its.time_ms(), atol=300_001 / 65_000)


def test_a_lift_without_a_sample_in_the_air_gets_one_midway():
    its = Signature.from_strokes([[[0, 0, 0], [10, 0, 10], [20, 4, 20]], [[40, 9, 60], [50, 9, 70]] * 4])
    found = again(its).signature()
    assert len(found) == len(its) + 1
    assert found.ink.tolist() == [False, True, True, False, False, *[True] * 7]
    assert (found.x[3], found.y[3], found.time_ms[3]) == (30, 6, 40)
    assert found.stroke_count == its.stroke_count
    assert again(found).signature() == found


def test_a_tip_switch_that_agrees_with_the_ink_is_kept():
    tip = np.array([1, 0, 1, 1, 0, 1])
    ink = np.array([False, False, False, True, False, False])
    its = recording(ink=ink, x=range(6), y=range(6), time=Channel(range(6), "ms"), tip=tip)
    found = again(its)
    assert found[Q.TIP].tolist() == tip.tolist()
    assert found.ink.tolist() == ink.tolist()


def test_ink_throughout_needs_no_switch():
    its = recording(x=range(9), y=range(9), time=Channel(range(9), "ms"))
    assert Q.TIP not in again(its).channels
    assert again(its).ink.all()
    force = recording(x=range(9), y=range(9), time=Channel(range(9), "ms"), pressure=[0, *range(8)])
    assert again(force).ink[1:].all(), "though there is a sample without force"


def test_every_channel_comes_back():
    rng = np.random.default_rng(0)
    channels = {kind.quantity.value: Channel(rng.integers(1, 200, 20), kind.unit, 10) for kind in KINDS}
    channels["time"] = Channel(np.arange(20) * 10, "ms")
    channels["tip"] = Channel(np.ones(20))
    found = again(recording(**channels))
    assert set(found.channels) == set(Quantity)
    for kind in KINDS:
        if kind.quantity is not Q.TIME:
            assert found[kind.quantity].tolist() == channels[kind.quantity.value].values.tolist()
            assert found.channels[kind.quantity].unit == kind.unit
    assert iso19794_7.FORMAT.lost(recording(**channels)) == ()
    everything = {
        "x": Channel(np.arange(4) / 7, "px"),
        "y": Channel(np.arange(4) / 7, "px"),
        "time": Channel(1e12 + 5 * np.arange(4), "ms"),
    }
    lost = replace(recording(ink=[False, True, False, True], **everything), device="a pad")
    assert iso19794_7.FORMAT.lost(lost) == tuple(loss.words for loss in iso19794_7.FORMAT.loses)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"time": Channel([5, 10, 15], "ms")}, "the origin of time"),
        ({"x": np.arange(3) / 3}, "decimals"),
        ({"x": [0, 1, 70_000]}, "decimals"),
        ({"y": [0.5, 1, 2]}, "decimals"),
        ({"time": Channel(np.arange(3) / 7e3, "ms")}, "decimals"),
        ({"pressure": Channel([1, 2, 3], "levels")}, "a unit"),
        ({"pressure": Channel([1, 2, 3], "N", 1e5)}, "a unit"),
    ],
)
def test_each_thing_that_is_lost_is_said_and_no_other(changed, what):
    its = {"x": [0, 1, 2], "y": [0, 1, 2], "time": Channel([0, 5, 10], "ms")} | changed
    (said,) = iso19794_7.FORMAT.lost(recording(**its))
    assert said.startswith(what)


def test_of_what_cannot_be_written_nothing_more_is_said():
    assert iso19794_7.FORMAT.lost(recording(x=[0.1], y=[0.1])) == ()


def test_what_may_not_be_below_zero():
    time = Channel([0, 5, 10], "ms")
    its = recording(
        x=[0, 1, 2],
        y=[0, 1, 2],
        time=time,
        pressure=[-1, 0, 5],
        z=[-1, 0, 1],
        azimuth=Channel([-1, 0, 1], "deg"),
    )
    found = again(its)
    assert found[Q.PRESSURE].tolist() == [0, 0, 5]
    assert found[Q.AZIMUTH].tolist() == [359, 0, 1]
    assert Q.Z not in found.channels


def test_a_sampling_rate_makes_the_stamps():
    its = Recording(
        format="", channels={Q.X: Channel([1, 2, 3]), Q.Y: Channel([1, 2, 3])}, ink=np.ones(3), rate_hz=200
    )
    assert again(its).time_ms().tolist() == [0, 5, 10]


def test_several_recordings_one_behind_the_other():
    first = Signature(range(9), range(9), range(0, 90, 10))
    second = Signature(range(8), range(8), range(0, 80, 10))
    data = iso19794_7.encode_all([first, second])
    assert [each.signature() for each in iso19794_7.read_all(data, strict=True)] == [first, second]


def test_what_cannot_be_written():
    its = Signature(range(9), range(9), range(9))
    with pytest.raises(FormatError, match="too much extended data; expected at most 65535 bytes"):
        iso19794_7.encode(its, extended_data=bytes(65_536))
    with pytest.raises(FormatError, match=r"cannot write this many samples; .* received 0"):
        iso19794_7.encode(recording(x=[], y=[], time=Channel([], "ms")))
    with pytest.raises(InvalidSignature, match="does not say when"):
        iso19794_7.encode(recording(x=[1], y=[2]))
    with pytest.raises(FormatError, match=r"numbers that no sensor gives; .* received more in x, y"):
        iso19794_7.encode(recording(x=[1, -1e308], y=[1, 1e308], time=Channel([0, 1], "ms")))


@pytest.mark.parametrize("stamps", [[0, 1e20], [0, 1e20, 5], [-1e20, 1e20], [1e20, 1e20], [0, 0.1, 1e15]])
def test_stamps_of_any_size_are_written(stamps):
    found = again(recording(x=np.arange(len(stamps)), y=np.zeros(len(stamps)), time=Channel(stamps, "ms")))
    assert np.isfinite(found.time_ms()).all()
    assert found.time_ms().min() == 0
