import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sigverify.errors import ConfigError
from sigverify.matching import elastic_distances

pairs = st.integers(1, 30).flatmap(
    lambda half: st.integers(1, 9).flatmap(lambda depth: hnp.arrays(np.int8, (2, 2 * half, depth)))
)


@given(pairs)
def test_elastic_distances_are_equal_integers(library, pair):
    one, other = pair
    cost = library.elastic_distance(one, other)
    assert np.float32(cost / len(one)) == elastic_distances(one, other[np.newaxis])[0]


@pytest.mark.parametrize(("frames", "channels"), [(256, 7), (128, 15), (128, 129), (2, 1)])
def test_at_full_size_and_full_scale(library, frames, channels):
    rng = np.random.default_rng(frames)
    one = rng.choice(np.array([-127, 127], np.int8), (frames, channels))
    other = np.roll(one, 9, axis=0)
    cost = library.elastic_distance(one, other)
    assert np.float32(cost / frames) == elastic_distances(one, other[np.newaxis])[0]


@pytest.mark.parametrize("shape", [(0, 3), (4097, 3), (8, 130)])
def test_sizes_out_of_range_are_refused(library, shape):
    with pytest.raises(ConfigError):
        library.elastic_distance(np.zeros(shape, np.int8), np.zeros(shape, np.int8))
