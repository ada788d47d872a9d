import numpy as np
import pytest

from sigverify.training.distortion.pulses import PulseForger, pulses


def distance(ones, others):
    return np.sqrt(np.square(ones[..., :2] - others[..., :2]).sum(-1)).mean(-1)


def test_a_new_pulse_at_each_minimum():
    speed = np.abs(np.sin(np.linspace(0, 5 * np.pi, 251)))
    found = pulses(speed)
    np.testing.assert_allclose(np.flatnonzero(np.diff(found)), [50, 100, 150, 200], atol=1)
    assert pulses(np.ones(9)).max() == 0


def test_strength_zero_changes_nothing(traces):
    same = PulseForger(length=0, angle_deg=0, duration=0).apply(traces.traces[:5], np.random.default_rng(0))
    # Sums of 255 float32 steps, then scaled to unit radius once more.
    np.testing.assert_allclose(same, traces.traces[:5], atol=2e-3)


def test_forgeries_are_whole_signatures_of_another_hand(traces):
    forged = PulseForger().apply(traces.traces, np.random.default_rng(0))
    assert np.isfinite(forged).all()
    np.testing.assert_allclose(np.square(forged[..., :2]).sum(-1).mean(-1), 1, rtol=1e-4)
    np.testing.assert_allclose(forged[..., :2].mean(1), 0, atol=1e-4)
    assert set(np.unique(forged[..., 3])) <= {0.0, 1.0}
    assert distance(forged, traces.traces).min() > 0.02


def test_graded(traces):
    mild, plain = (
        distance(PulseForger(weakest=1, length=part * 0.25, angle_deg=part * 12, duration=part * 0.3).apply(
            traces.traces, np.random.default_rng(0)), traces.traces)
        for part in (0.3, 1.0)
    )  # fmt: skip
    assert mild.mean() < 0.6 * plain.mean()


def test_a_dot_survives():
    dot = np.zeros((1, 256, 4), np.float32)
    assert np.isfinite(PulseForger().apply(dot, np.random.default_rng(0))).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_the_generator_decides(traces, seed):
    one, same = (PulseForger().apply(traces.traces[:3], np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(one, same)
