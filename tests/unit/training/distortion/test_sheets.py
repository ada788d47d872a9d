from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import ConfigError
from sigverify.modality.image.sheet import HEIGHT, WIDTH
from sigverify.training.distortion import augmentation_class, build_forger
from sigverify.training.distortion.sheets import SheetAugmentation, SheetForger, smooth_field, warped

OFF = SheetAugmentation.none()


@pytest.fixture(scope="module")
def sheets():
    """Crosses and boxes, each another one."""
    out = np.zeros((24, HEIGHT, WIDTH), np.float32)
    for number, sheet in enumerate(out):
        sheet[10 + number, 20:110] = 1
        sheet[12:52, 30 + 2 * number : 33 + 2 * number] = 1
        sheet[40, 15:60] = 0.5
    return out


def apply(augmentation, sheets, seed=0, groups=None):
    groups = np.arange(len(sheets)) if groups is None else groups
    return augmentation.apply(sheets, groups, np.random.default_rng(seed))


def test_they_belong_to_pictures():
    assert augmentation_class("image") is SheetAugmentation
    assert isinstance(build_forger("image"), SheetForger)


def test_off_changes_nothing(sheets):
    np.testing.assert_allclose(apply(OFF, sheets), sheets, atol=1e-6)


@pytest.mark.parametrize("name", [field.name for field in fields(SheetAugmentation)])
def test_each_alone_changes_something_and_is_deterministic(sheets, name):
    augmentation = replace(OFF, **{name: getattr(SheetAugmentation(), name) or 0.5})
    before = sheets.copy()
    one, again, other = (apply(augmentation, sheets, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - sheets).max() > 1e-3
    assert np.abs(one - other).max() > 1e-3
    np.testing.assert_array_equal(sheets, before)


@given(seed=st.integers(0, 2**32))
def test_whatever_comes_out_is_still_a_sheet(sheets, seed):
    strong = SheetAugmentation(
        rotation_deg=45,
        scale=1,
        shear=1,
        shift=16,
        bend=8,
        width=1,
        blur=4,
        noise=1,
        erase=1,
        line=1,
        mirrored=0.5,
    )
    out = apply(strong, sheets[:6], seed)
    assert out.shape == (6, HEIGHT, WIDTH)
    assert out.dtype == np.float32
    assert 0 <= out.min() <= out.max() <= 1


def test_a_group_is_mirrored_as_a_whole(sheets):
    groups = np.arange(len(sheets)) // 4
    out = apply(replace(OFF, mirrored=0.5), sheets, groups=groups)
    turned = np.array([np.array_equal(one, other[:, ::-1]) for one, other in zip(out, sheets, strict=True)])
    kept = np.array([np.array_equal(one, other) for one, other in zip(out, sheets, strict=True)])
    assert (turned ^ kept).all()
    assert (turned.reshape(-1, 4) == turned.reshape(-1, 4)[:, :1]).all()
    assert 0 < turned.mean() < 1


def test_noise_leaves_the_paper_white(sheets):
    out = apply(replace(OFF, noise=1), sheets)
    assert not out[sheets == 0].any()


def test_a_picture_is_read_where_the_field_says(sheets):
    field = np.zeros((2, len(sheets), HEIGHT, WIDTH), np.float32)
    field[0] += 3
    field[1] -= 2.5
    out = warped(sheets, field)
    expected = (sheets[:, 13, 17] + sheets[:, 13, 18]) / 2
    np.testing.assert_allclose(out[:, 10, 20], expected, atol=1e-6)
    assert not out[:, -2:].any()  # beyond the last row there is paper


def test_a_smooth_field_has_the_size_asked_for():
    field = smooth_field(400, 2.0, np.random.default_rng(0))
    np.testing.assert_allclose(field[..., 0, 0].std(), 2.0, rtol=0.1)
    assert np.abs(np.diff(field, axis=-1)).max() < 1.5


def test_a_forgery_is_near_but_not_the_same(sheets):
    forged = SheetForger().apply(sheets, np.random.default_rng(3))
    assert forged.shape == sheets.shape
    moved = np.abs(forged - sheets).mean(axis=(1, 2))
    assert (moved > 0.003).all()
    # As much ink, about: it is the same text.
    np.testing.assert_allclose(forged.sum(axis=(1, 2)), sheets.sum(axis=(1, 2)), rtol=0.35)


@pytest.mark.parametrize(("name", "value"), [("noise", -0.1), ("blur", 9), ("shift", 17), ("erase", 1.5)])
def test_strengths_out_of_range_are_refused(name, value):
    with pytest.raises(ConfigError, match=name):
        SheetAugmentation(**{name: value})
