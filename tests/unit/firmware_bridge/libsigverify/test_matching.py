"""Alignment in C: the same integers as in numpy, total, path and costs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sigverify.errors import ConfigError, InvalidSignature
from sigverify.matching.elastic import NUMPY

pairs = st.integers(1, 30).flatmap(
    lambda half: st.integers(1, 9).flatmap(lambda depth: hnp.arrays(np.int8, (2, 2 * half, depth)))
)


def assert_aligned_alike(library, probe, references):
    its, expected = library.paths(probe, references), NUMPY.paths(probe, references)
    for name in ("total", "first", "last", "cost"):
        one, other = getattr(its, name), getattr(expected, name)
        np.testing.assert_array_equal(one, other, err_msg=name)
        assert one.dtype == other.dtype, name
    np.testing.assert_array_equal(its.cost.sum(axis=1), its.total)
    distances = library.distances(probe, references)
    np.testing.assert_array_equal(distances, NUMPY.distances(probe, references))
    assert distances.dtype == np.float32


@given(pairs)
def test_paths_are_equal_integers(library, pair):
    one, other = pair
    assert_aligned_alike(library, one, other[np.newaxis])


@pytest.mark.parametrize(("frames", "channels"), [(256, 7), (128, 15), (128, 129), (2, 1), (4, 1), (10, 3)])
@pytest.mark.parametrize("most", [1, 3, 127])
def test_of_paths_that_cost_the_same_it_is_the_same_one(library, frames, channels, most):
    """The smaller the numbers the more paths cost the same."""
    rng = np.random.default_rng(frames)
    probe, others = rng.integers(-most, most + 1, (2, 3, frames, channels)).astype(np.int8)
    assert_aligned_alike(library, probe[0], others)
    assert_aligned_alike(library, probe[0], np.zeros_like(others))


@pytest.mark.parametrize(("frames", "channels"), [(256, 7), (128, 15), (128, 129), (2, 1)])
def test_at_full_size_and_full_scale(library, frames, channels):
    rng = np.random.default_rng(frames)
    one = rng.choice(np.array([-127, 127], np.int8), (frames, channels))
    others = np.stack([np.roll(one, shift, axis=0) for shift in (9, 0, 30)])
    assert_aligned_alike(library, one, others)


def test_the_longest_paths_there_are(library):
    one = np.full((4096, 129), -127, np.int8)
    other = -one
    other[:100] = -127
    assert_aligned_alike(library, one, other[np.newaxis])


def test_a_probe_for_each_reference_and_arrays_that_are_not_contiguous(library):
    probes, others = np.random.default_rng(0).integers(-127, 128, (2, 3, 40, 8), np.int8)[..., ::2]
    assert_aligned_alike(library, probes, others)


def test_no_references(library):
    assert_aligned_alike(library, np.zeros((40, 4), np.int8), np.zeros((0, 40, 4), np.int8))


@pytest.mark.parametrize(
    ("probe", "references"),
    [
        ((4000, 129), (3, 256, 7)),
        ((128, 7), (3, 256, 7)),
        ((256, 7), (1, 256, 3)),
        ((2, 256, 7), (3, 256, 7)),
    ],
)
def test_what_has_not_one_shape_is_refused(library, probe, references):
    for align in (library.paths, library.distances):
        with pytest.raises(InvalidSignature, match="different models"):
            align(np.zeros(probe, np.int8), np.zeros(references, np.int8))


@pytest.mark.parametrize("shape", [(0, 3), (4097, 3), (8, 130)])
def test_sizes_out_of_range_are_refused(library, shape):
    for align in (library.paths, library.distances):
        with pytest.raises(ConfigError):
            align(np.zeros(shape, np.int8), np.zeros((1, *shape), np.int8))


def test_a_missing_argument_is_an_error_and_no_crash(library):
    null = library.ffi.NULL
    for name, into in (("sv_align", 4), ("sv_elastic_distances", 1)):
        with pytest.raises(ConfigError):
            library.call(name, null, null, 1, 8, 3, *[null] * into)
