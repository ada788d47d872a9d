"""Clocks that pads, browsers and serial lines are known to have, on a pen whose true times are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sigverify.modality.pen.clock import LIFT_MS, LONGEST_TICK_MS, TICKS, mend, unit_of
from sigverify.modality.pen.repair import Repair
from sigverify.modality.quality import Flaw

EPOCH_MS = 1_790_000_000_000.0


def pen(rate_hz, strokes=(60, 9, 130, 41), lifts_ms=(90, 240, 130)):
    """True times of a pen that samples evenly, and its ink: strokes of so many samples."""
    step = 1000 / rate_hz
    time, ink, now = [], [], 0.0
    for count, lift in zip(strokes, (*lifts_ms, 0), strict=True):
        stroke = now + step * np.arange(round(count * rate_hz / 100))
        time.append(stroke)
        ink.append(np.arange(len(stroke)) > 0)
        now = stroke[-1] + max(lift, step)
    return np.concatenate(time), np.concatenate(ink)


def ticks(step):
    return lambda time: np.floor(time / step + 1e-9) * step


def bursts(size, gap_ms):
    """Samples wait until so many are there; within a burst they are stamped microseconds apart."""

    def stamp(time):
        out = time.copy()
        for start in range(0, len(time), size):
            part = slice(start, start + size)
            out[part] = time[part][-1] + gap_ms * np.arange(len(time[part]))
        return out

    return stamp


def jitter(size):
    return lambda time: time + np.random.default_rng(5).uniform(-size, size, len(time))


def error_ms(stamps, rate_hz):
    """Largest difference from the true times, both about their mean."""
    time, ink = pen(rate_hz)
    mended = mend(stamps(time), ink)
    assert np.diff(mended.time_ms).min() >= 0
    gap = mended.time_ms - time
    return np.abs(gap - gap.mean()).max(), mended


@pytest.mark.parametrize("rate_hz", [60, 100, 133.3, 200, 360])
@pytest.mark.parametrize("origin", [0, EPOCH_MS, -5000])
def test_an_exact_clock_is_left_as_it_is(rate_hz, origin):
    error, mended = error_ms(lambda time: origin + time, rate_hz)
    assert error < 1e-3
    assert mended.repairs == ()
    assert 1000 / mended.interval_ms == pytest.approx(rate_hz, rel=1e-3)


@pytest.mark.parametrize("rate_hz", [100, 200, 360])
@pytest.mark.parametrize(
    ("stamps", "most_ms"),
    [
        (ticks(15.625), 13), (ticks(1000 / 60), 13), (ticks(20), 15), (ticks(33.3), 20), (ticks(50), 30),
        (ticks(100), 95), (jitter(5), 6), (jitter(3), 4), (bursts(2, 0.0), 12), (bursts(3, 0.02), 25),
        (bursts(6, 0.3), 60),
    ],
)  # fmt: skip
def test_a_coarse_clock_gets_the_pen_s_own_interval(stamps, most_ms, rate_hz):
    error, mended = error_ms(stamps, rate_hz)
    assert error <= most_ms
    assert Repair.COARSE_CLOCK in mended.repairs
    assert 1000 / mended.interval_ms == pytest.approx(rate_hz, rel=0.1)


@pytest.mark.parametrize(
    ("stamps", "repair"),
    [
        (lambda t: (t + 2**16 - 500) % 2**16, Repair.COUNTER_WRAPPED),
        (lambda t: (t + 2**32 - 1700) % 2**32, Repair.COUNTER_WRAPPED),
        (lambda t: ((1000 * t + 2**32 - 900_000) % 2**32) / 1000, Repair.COUNTER_WRAPPED),
        (lambda t: np.where(np.arange(len(t)) == 77, 0, EPOCH_MS + t), Repair.CLOCK_JUMPED),
        (lambda t: np.where(np.arange(len(t)) == 0, 0, EPOCH_MS + t), Repair.CLOCK_JUMPED),
        (lambda t: np.where(np.arange(len(t)) == len(t) - 1, 0, EPOCH_MS + t), Repair.CLOCK_JUMPED),
        (lambda t: np.where(t < 400, t, EPOCH_MS + t), Repair.CLOCK_JUMPED),
        (lambda t: np.where(t < 400, EPOCH_MS + t, t), Repair.CLOCK_JUMPED),
        (lambda t: np.where(t < 400, t, t + 3_600_000), Repair.CLOCK_JUMPED),
    ],
)
def test_jumps_and_wraps_are_bridged_and_said(stamps, repair):
    error, mended = error_ms(stamps, 100)
    assert error < 1
    assert mended.repairs == (repair,)


def test_stamps_from_0_in_every_stroke():
    time, ink = pen(100)
    start = np.repeat(time[~ink], np.diff(np.append(np.flatnonzero(~ink), len(time))))
    mended = mend(time - start, ink)
    assert mended.repairs == (Repair.STAMPS_RESTART,)
    np.testing.assert_allclose(np.diff(mended.time_ms)[ink[1:]], 10)
    assert (np.diff(mended.time_ms)[~ink[1:]] == 100).all()


def test_a_clock_that_is_set_between_strokes_leaves_a_usual_lift():
    time, ink = pen(100)
    mended = mend(np.where(time < 900, time, EPOCH_MS + time), ink)
    assert mended.repairs == (Repair.CLOCK_JUMPED,)
    assert np.diff(mended.time_ms)[~ink[1:]].tolist() == [90, 100, 130]


def test_small_steps_back_wait_for_the_clock():
    mended = mend(np.array([0, 10, 20, 15, 30, 40, 50, 60, 70, 80.0]), np.ones(10, bool))
    np.testing.assert_allclose(mended.time_ms, [0, 10, 20, 25, 30, 40, 50, 60, 70, 80])


def test_a_pen_that_does_not_sample_evenly_keeps_its_pauses():
    time, ink = pen(100)
    time = time + np.where(np.arange(len(time)) > 100, 120, 0)  # it rested, and sent nothing
    mended = mend(time, ink)
    np.testing.assert_allclose(mended.time_ms, time)
    assert mended.repairs == ()


def left_of(time, ink, lost, seed=3):
    """Times and ink without that share of the samples; the first one left of a stroke begins it."""
    left = np.flatnonzero(np.random.default_rng(seed).random(len(time)) >= lost)
    begins = np.diff(np.cumsum(~ink)[left], prepend=-1) > 0
    return time[left], ink[left] & ~begins


@pytest.mark.parametrize("rate_hz", [60, 100, 133.3, 200])
@pytest.mark.parametrize("lost", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("stamps", [lambda t: EPOCH_MS + t, np.round, np.floor])
def test_stamps_of_the_samples_that_are_left_stay(lost, stamps, rate_hz):
    """Missing samples make steps uneven; the clock that stamped the others is exact, or rounds."""
    time, ink = left_of(*pen(rate_hz), lost)
    mended = mend(stamps(time), ink)
    np.testing.assert_allclose(mended.time_ms, stamps(time) - stamps(time)[0], atol=1e-3)
    assert mended.repairs == ()


def test_a_clock_finer_than_the_pen_whose_steps_are_multiples_is_coarse_still():
    """Ticks of 8 ms under a pen of 10: steps of 8 and of 16, and no sample is missing."""
    error, mended = error_ms(ticks(8), 100)
    assert error <= 9
    assert mended.repairs == (Repair.COARSE_CLOCK,)
    assert np.diff(mended.time_ms).min() > 9


@pytest.mark.parametrize("rate_hz", [60, 100, 200, 360])
@pytest.mark.parametrize("tick_ms", [160, 200, 250, 400])
def test_ticks_longer_than_a_gap_are_ticks_still(tick_ms, rate_hz):
    error, mended = error_ms(ticks(tick_ms), rate_hz)
    assert error < tick_ms
    assert Repair.COARSE_CLOCK in mended.repairs
    assert 1000 / mended.interval_ms == pytest.approx(rate_hz, rel=0.2)


@pytest.mark.parametrize("strokes", [(60, 9, 130, 41), (40, 30, 60)])
@pytest.mark.parametrize("step_ms", [5.0, 10.0])
def test_lifts_that_take_no_time_are_assumed(strokes, step_ms):
    """A device counts the samples that touch."""
    ink = np.concatenate([np.arange(count) > 0 for count in strokes])
    mended = mend(step_ms * np.arange(len(ink)), ink)
    steps = np.diff(mended.time_ms)
    assert mended.repairs == (Repair.LIFTS_WITHOUT_TIME,)
    np.testing.assert_allclose(steps[~ink[1:]], LIFT_MS)
    np.testing.assert_allclose(steps[ink[1:]], step_ms)


def test_one_short_lift_among_others_or_alone_is_left():
    """A pen skips: one lift of a sample is as it was, beside usual ones and as the only one."""
    for strokes, lifts in (((60, 9, 130, 41), (90, 10, 130)), ((60, 130), (10,))):
        time, ink = pen(100, strokes, lifts)
        mended = mend(time, ink)
        np.testing.assert_allclose(mended.time_ms, time)
        assert mended.repairs == ()


@pytest.mark.parametrize(
    ("stamps", "flaw"),
    [
        (lambda t: t, None), (lambda t: EPOCH_MS + t, None), (ticks(100), None), (bursts(6, 0.01), None),
        (lambda t: t / 1e3, Flaw.IN_SECONDS), (lambda t: (EPOCH_MS + t) / 1e3, Flaw.IN_SECONDS),
        (lambda t: 1e3 * t, Flaw.IN_MICROSECONDS), (lambda t: 1e6 * (EPOCH_MS + t), Flaw.IN_NANOSECONDS),
        (lambda t: 0 * t, Flaw.NO_TIME), (lambda t: 0 * t + EPOCH_MS, Flaw.NO_TIME),
        (lambda t: np.arange(len(t)), Flaw.NO_TIME), (lambda t: 7 + np.arange(len(t)), Flaw.NO_TIME),
        (lambda t: 1e-9 * t, Flaw.NO_TIME), (lambda t: (t + 2**16 - 500) % 2**16, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("rate_hz", [60, 100, 240])
def test_what_the_stamps_count(stamps, flaw, rate_hz):
    time, ink = pen(rate_hz)
    assert unit_of(np.asarray(stamps(time), float), ink) is flaw


def test_a_pad_of_1_khz_is_no_index():
    time = np.arange(1500.0)
    assert unit_of(time, np.ones(1500, bool)) is None


@given(hnp.arrays(np.float64, st.integers(8, 60), elements=st.floats(-1e20, 1e20)), st.integers(0, 2**60 - 1))
def test_property_any_stamps_become_a_time_axis(stamps, bits):
    ink = np.array([bits >> index & 1 for index in range(len(stamps))], bool)
    mended = mend(stamps, ink)
    assert np.isfinite(mended.time_ms).all()
    assert (np.diff(mended.time_ms) >= 0).all()
    # Where ticks are longer than a gap, more than half of the steps are 0.
    assert 0 < mended.interval_ms <= LONGEST_TICK_MS * TICKS / 2
    unit_of(stamps, ink)
