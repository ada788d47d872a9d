import numpy as np
import pytest
from builders import signature
from hypothesis import given
from hypothesis import strategies as st

from sigverify.modality.pen.clock import MAX_GAP_MS
from sigverify.modality.pen.features import (
    CHANNEL_NAMES,
    CHANNELS,
    CLIP,
    DETAIL_CHANNELS,
    DETAIL_FRAMES,
    DETAIL_NAMES,
    FRAMES,
    MIDDLE_SPEED,
    detail,
    encode,
    features,
    trace,
)
from sigverify.modality.pen.signature import Signature
from sigverify.modality.quality import Flaw


def changed(original, **changes):
    names = ("x", "y", "time_ms", "pressure", "pen_down")
    return Signature(**{**{name: getattr(original, name) for name in names}, **changes})


@pytest.fixture
def scrawl():
    return signature()


def test_pace_is_the_speed_itself(scrawl):
    """Unlike the speed it is not standardized: whoever writes twice as fast for the size has another one."""
    path = trace(scrawl)
    speed = np.hypot(*np.gradient(path[:, :2].astype(float), axis=0).T)
    pace = features(scrawl)[:, CHANNEL_NAMES.index("pace")]
    expected = 2 * (speed - MIDDLE_SPEED) / (speed + MIDDLE_SPEED)
    np.testing.assert_allclose(pace[1:-1], expected[1:-1], atol=1e-3)
    assert np.abs(pace).max() <= 2
    slow = encode(np.concatenate([path[:, :2] / 4, path[:, 2:]], axis=1)[np.newaxis])[0]
    assert slow[:, -1].mean() < pace.mean() - 1
    np.testing.assert_allclose(slow[:, 2], features(scrawl)[:, 2], atol=1e-4)


def test_detail_is_the_mean_of_two_frames(scrawl):
    values = features(scrawl)
    found = detail(values[np.newaxis])[0]
    assert found.shape == (DETAIL_FRAMES, DETAIL_CHANNELS) == (128, 5)
    np.testing.assert_allclose(found, values.reshape(128, 2, 12).mean(axis=1)[:, 7:], atol=1e-6)
    assert DETAIL_NAMES == ("x", "y", "ink", "turn", "pace")


def test_shapes_types_and_range(scrawl):
    values = features(scrawl)
    assert values.shape == (FRAMES, CHANNELS) == (256, len(CHANNEL_NAMES))
    assert values.dtype == np.float32
    assert np.abs(values).max() <= CLIP


def test_encode_of_a_batch_is_encode_of_each():
    traces = np.stack([trace(signature(writer)) for writer in range(4)])
    np.testing.assert_array_equal(encode(traces), np.stack([encode(row[np.newaxis])[0] for row in traces]))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_size_place_and_origin_of_time_do_not_matter(scrawl, scale):
    moved = changed(
        scrawl, x=scrawl.x * scale + 1e4, y=scrawl.y * scale - 77, time_ms=scrawl.time_ms + 1.7e12
    )
    # Epoch milliseconds in float64 keep about 2e-4 ms.
    np.testing.assert_allclose(features(moved), features(scrawl), atol=5e-3)


def test_unit_of_pressure_does_not_matter_and_its_absence_is_zero(scrawl):
    np.testing.assert_allclose(
        features(changed(scrawl, pressure=scrawl.pressure * 1023)), features(scrawl), atol=1e-4
    )
    column = CHANNEL_NAMES.index("pressure")
    without = features(changed(scrawl, pressure=None))
    assert not without[:, column].any()
    np.testing.assert_array_equal(np.delete(without, column, 1), np.delete(features(scrawl), column, 1))


@pytest.mark.parametrize("rate_hz", [60, 100, 133, 200, 240])
def test_sampling_rate_hardly_matters(rate_hz):
    def sampled(rate):
        time = np.arange(0, 2000, 1000 / rate)
        angle = 2 * np.pi * time / 1000
        return Signature(np.sin(angle * 3) + time / 500, np.cos(angle * 2), time, 1 + np.sin(angle))

    gap = np.abs(features(sampled(rate_hz)) - features(sampled(1000)))
    # Straight lines between samples: 0.12 standard deviations at 60 Hz, 0.03 at 240 Hz.
    assert gap.mean() < 8 / rate_hz


def test_stamps_that_all_agree_count_as_100_hz_and_are_said_to_hold_no_time():
    repaired = Signature(range(10), range(10), [5] * 10).repaired
    assert repaired.duration_ms == 90
    assert repaired.flaw is Flaw.NO_TIME


@pytest.mark.parametrize("step", [5e-324, 1e-310, 1e-200, 1e-7])
def test_steps_shorter_than_a_nanosecond_count_as_none(scrawl, step):
    tiny = changed(scrawl, time_ms=step * np.arange(len(scrawl)))
    np.testing.assert_array_equal(features(tiny), features(changed(scrawl, time_ms=np.zeros(len(scrawl)))))


def test_hover_before_after_and_between_strokes_is_dropped(scrawl):
    def hovering(count, start):
        return {
            "x": np.full(count, 5e3), "y": np.full(count, -5e3), "time_ms": start + 10 * np.arange(count),
            "pressure": np.zeros(count), "pen_down": np.zeros(count, bool),
        }  # fmt: skip

    before, after = hovering(30, -500.0), hovering(40, scrawl.time_ms[-1] + 10)
    names = ("x", "y", "time_ms", "pressure", "pen_down")
    landing = np.arange(len(scrawl)) == 0
    scrawl = changed(scrawl, pen_down=scrawl.ink & ~landing)
    whole = Signature(**{n: np.concatenate([before[n], getattr(scrawl, n), after[n]]) for n in names})
    np.testing.assert_allclose(features(whole), features(scrawl), atol=1e-4)
    assert whole.repaired.duration_ms == pytest.approx(scrawl.repaired.duration_ms)


def test_a_long_pause_between_strokes_counts_as_a_short_one(scrawl):
    start = int(np.flatnonzero(~scrawl.ink)[-1])
    paused = scrawl.time_ms.copy()
    paused[start:] += 5000
    patient = changed(scrawl, time_ms=paused)
    assert patient.repaired.duration_ms - scrawl.repaired.duration_ms <= MAX_GAP_MS


def test_trace_is_centered_with_unit_radius(scrawl):
    xy = trace(scrawl)[:, :2].astype(float)
    np.testing.assert_allclose(xy.mean(axis=0), 0, atol=1e-6)
    assert np.sqrt((xy**2).sum(axis=1).mean()) == pytest.approx(1, abs=1e-6)


def test_speed_direction_and_turn_of_a_circle():
    angle = np.linspace(0, 4 * np.pi, 400)
    row = encode(trace(Signature(np.cos(angle), np.sin(angle), 5 * np.arange(400)))[np.newaxis])[0]
    columns = {name: row[5:-5, index] for index, name in enumerate(CHANNEL_NAMES)}
    # On a circle the direction is the velocity, standardized alike.
    np.testing.assert_allclose(columns["dx"], columns["cos"], atol=0.05)
    np.testing.assert_allclose(columns["dy"], columns["sin"], atol=0.05)
    assert (columns["ink"] == 1).all()


@given(
    st.lists(
        st.tuples(*[st.floats(-1e9, 1e9)] * 2, st.floats(-1e8, 1e8), st.floats(0, 1e9)),
        min_size=8,
        max_size=40,
    )
)
def test_any_signature_has_finite_features(points):
    columns = np.array(points).T
    if np.ptp(columns[0]) == 0 and np.ptp(columns[1]) == 0:
        columns[0, 0] += 1
    values = features(Signature(*columns[:3], columns[3]))
    assert np.isfinite(values).all()
    assert np.abs(values).max() <= CLIP
