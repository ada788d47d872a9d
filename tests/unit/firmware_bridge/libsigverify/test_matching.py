import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sigverify.errors import ConfigError, InvalidSignature
from sigverify.matching.elastic import elastic_distances

pairs = st.integers(1, 30).flatmap(
    lambda half: st.integers(1, 9).flatmap(lambda depth: hnp.arrays(np.int8, (2, 2 * half, depth)))
)


@given(pairs)
def test_elastic_distances_are_equal_integers(library, pair):
    one, other = pair
    assert library.elastic_distances(one, other[np.newaxis]) == elastic_distances(one, other[np.newaxis])


@pytest.mark.parametrize(("frames", "channels"), [(256, 7), (128, 15), (128, 129), (2, 1)])
def test_at_full_size_and_full_scale(library, frames, channels):
    rng = np.random.default_rng(frames)
    one = rng.choice(np.array([-127, 127], np.int8), (frames, channels))
    others = np.stack([np.roll(one, shift, axis=0) for shift in (9, 0, 30)])
    assert np.array_equal(library.elastic_distances(one, others), elastic_distances(one, others))


def test_a_probe_for_each_reference_and_arrays_that_are_not_contiguous(library):
    probes, others = np.random.default_rng(0).integers(-127, 128, (2, 3, 40, 8), np.int8)[..., ::2]
    assert np.array_equal(library.elastic_distances(probes, others), elastic_distances(probes, others))


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
    with pytest.raises(InvalidSignature, match="different models"):
        library.elastic_distances(np.zeros(probe, np.int8), np.zeros(references, np.int8))


@pytest.mark.parametrize("shape", [(0, 3), (4097, 3), (8, 130)])
def test_sizes_out_of_range_are_refused(library, shape):
    with pytest.raises(ConfigError):
        library.elastic_distances(np.zeros(shape, np.int8), np.zeros((1, *shape), np.int8))
