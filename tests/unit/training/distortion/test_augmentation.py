from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import ConfigError
from sigverify.modality.pen.features import CLIP, FRAMES, encode
from sigverify.training import Augmentation

OFF = Augmentation.none()


def apply(augmentation, traces, seed=0, groups=None):
    groups = np.arange(len(traces)) if groups is None else groups
    return augmentation.apply(traces, groups, np.random.default_rng(seed))


def test_off_changes_nothing(traces):
    np.testing.assert_allclose(apply(OFF, traces.traces), traces.traces, atol=1e-6)


@pytest.mark.parametrize("name", [field.name for field in fields(Augmentation)])
def test_each_alone_changes_something_and_is_deterministic(traces, name):
    augmentation = replace(OFF, **{name: getattr(Augmentation(), name) or 0.1})
    before = traces.traces.copy()
    one, again, other = (apply(augmentation, traces.traces, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - traces.traces).max() > 1e-4
    assert np.abs(one - other).max() > 1e-4
    np.testing.assert_array_equal(traces.traces, before)


@given(seed=st.integers(0, 2**32))
def test_whatever_comes_out_is_still_a_trace(traces, seed):
    strong = Augmentation(
        warp=1, crop=0.3, rotation_deg=180, scale=0.5, noise=0.1, pressure_drop=0.5, low_rate=0.5, ink_drop=1
    )
    out = apply(strong, traces.traces[:8], seed)
    assert out.shape == (8, FRAMES, 4)
    assert out.dtype == np.float32
    assert np.isfinite(out).all()
    assert set(np.unique(out[..., 3])) <= {0.0, 1.0}
    assert 0 <= out[..., 2].min() <= out[..., 2].max() <= 1 + 1e-6
    assert np.abs(encode(out)).max() <= CLIP


def test_a_device_is_shared_by_its_group(traces):
    out = apply(replace(OFF, pressure_drop=0.5), traces.traces, groups=np.arange(len(traces)) // 7)
    without = (out[..., 2].max(axis=1) == 0).reshape(-1, 7)
    assert (without == without[:, :1]).all()
    assert 0 < without[:, 0].mean() < 1


def test_rotation_keeps_lengths(traces):
    out = apply(replace(OFF, rotation_deg=90), traces.traces)
    np.testing.assert_allclose(
        np.hypot(out[..., 0], out[..., 1]), np.hypot(*np.moveaxis(traces.traces[..., :2], -1, 0)), atol=1e-5
    )


def test_warp_keeps_the_ends_and_the_order():
    positions = replace(OFF, warp=1.0)._positions(500, np.random.default_rng(0))
    np.testing.assert_allclose(positions[:, 0], 0, atol=1e-4)
    np.testing.assert_allclose(positions[:, -1], FRAMES - 1, atol=1e-2)
    assert np.diff(positions, axis=1).min() > 0.2


@pytest.mark.parametrize("change", [{"noise": -0.1}, {"pressure_drop": 1.5}, {"crop": 0.5}, {"warp": 2.0}])
def test_strengths_out_of_range_are_refused(change):
    with pytest.raises(ConfigError, match="out of range"):
        Augmentation(**change)
