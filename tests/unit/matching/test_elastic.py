import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from plain_dtw import plain_dtw, plain_path, plain_table

from sigverify.errors import InvalidSignature
from sigverify.matching.elastic import BAND, NUMPY

SERIES = hnp.array_shapes(min_dims=1, max_dims=1, min_side=1, max_side=12).flatmap(
    lambda half: st.tuples(st.integers(2, 4), st.just(2 * half[0]), st.integers(1, 5))
)
"""Shapes of a probe and one to three references."""
FEW = st.integers(-1, 1)
"""Values of which many paths cost the same."""


def city_block(a, b):
    return np.abs(a.astype(int) - b.astype(int)).sum()


def band(frames):
    return max(1, int(BAND * frames))


def by_definition(probe, other):
    return plain_dtw(probe, other, band(len(probe)), city_block) / len(probe)


def check_paths(probe, others):
    """Compare with a plain walk back from the last cell."""
    found = NUMPY.paths(probe, others)
    for number, other in enumerate(others):
        cells = plain_path(probe, other, band(len(probe)), city_block)
        for i in range(len(probe)):
            columns = [j for row, j in cells if row == i]
            assert (found.first[number, i], found.last[number, i]) == (columns[0], columns[-1])
            assert found.cost[number, i] == sum(city_block(probe[i], other[j]) for j in columns)
    np.testing.assert_array_equal(found.cost.sum(axis=1), found.total)
    frames = len(probe)
    np.testing.assert_array_equal(
        NUMPY.distances(probe, others), np.array([total / frames for total in found.total], np.float32)
    )


@given(hnp.arrays(np.int8, SERIES))
def test_elastic_distance_is_plain_dtw_to_the_last_bit(arrays):
    probe, others = arrays[0], arrays[1:]
    expected = [by_definition(probe, other) for other in others]
    np.testing.assert_array_equal(NUMPY.distances(probe, others), np.array(expected, np.float32))


@given(hnp.arrays(np.int8, SERIES))
def test_paths_are_those_of_a_plain_walk_back(arrays):
    check_paths(arrays[0], arrays[1:])


@given(hnp.arrays(np.int8, SERIES, elements=FEW))
def test_paths_where_many_cost_the_same(arrays):
    check_paths(arrays[0], arrays[1:])


@given(hnp.arrays(np.int8, st.tuples(st.just(2), st.just(12), st.integers(1, 2)), elements=FEW))
def test_of_equals_the_lowest_path_is_taken(arrays):
    """No path of the same cost stands at an earlier frame of the reference, at any frame of the probe."""
    probe, other = arrays
    width, frames = band(len(probe)), len(probe)
    to = plain_table(probe, other, width, city_block)[1:, 1:]
    onward = plain_table(probe[::-1], other[::-1], width, city_block)[1:, 1:][::-1, ::-1]
    cost = np.array([[city_block(a, b) for b in other] for a in probe])
    on_a_cheapest_path = to + onward - cost == to[-1, -1]
    found = NUMPY.paths(probe, other[np.newaxis])
    np.testing.assert_array_equal(found.first[0], on_a_cheapest_path.argmax(axis=1))
    np.testing.assert_array_equal(found.last[0, -1], frames - 1)


@pytest.mark.parametrize("frames", [2, 10, 256])
def test_of_nothing_but_equals_the_path_lags_as_far_as_the_band_allows(frames):
    probe = np.zeros((frames, 1), np.int8)
    found = NUMPY.paths(probe, probe[np.newaxis])
    np.testing.assert_array_equal(found.first[0], np.maximum(np.arange(frames) - band(frames), 0))
    assert found.last[0, -1] == frames - 1
    assert not found.cost.any()


@pytest.mark.parametrize(("frames", "channels"), [(256, 7), (128, 16), (128, 32)])
def test_at_full_size_and_full_scale(frames, channels):
    rng = np.random.default_rng(0)
    extreme = rng.choice(np.array([-127, 127], np.int8), (3, frames, channels))
    shifted = np.roll(extreme[0], 9, axis=0)
    check_paths(shifted, extreme)


@pytest.mark.parametrize("frames", [2, 8, 10, 12, 20, 50])
def test_each_probe_is_aligned_with_the_reference_of_its_number(frames):
    rng = np.random.default_rng(frames)
    probes, others = rng.integers(-127, 128, (2, 4, frames, 3)).astype(np.int8)
    expected = [by_definition(one, other) for one, other in zip(probes, others, strict=True)]
    np.testing.assert_array_equal(NUMPY.distances(probes, others), np.array(expected, np.float32))
    together = NUMPY.paths(probes, others)
    for number in range(4):
        alone = NUMPY.paths(probes[number], others[number][np.newaxis])
        for name in ("total", "first", "last", "cost"):
            np.testing.assert_array_equal(getattr(together, name)[number], getattr(alone, name)[0])


@pytest.mark.parametrize("align", [NUMPY.distances, NUMPY.paths])
@pytest.mark.parametrize("shape", [(9, 2), (4098, 2), (8, 130)])
def test_shapes_that_cannot_be_aligned_are_refused(align, shape):
    with pytest.raises(InvalidSignature, match=rf"an even number.*{shape[0]} × {shape[1]}"):
        align(np.zeros(shape, np.int8), np.zeros((1, *shape), np.int8))


def test_a_crowd_in_one_go_is_the_same_as_one_by_one():
    rng = np.random.default_rng(2)
    crowd = rng.integers(-127, 128, (60, 256, 7)).astype(np.int8)  # more than are aligned side by side
    alone = [NUMPY.distances(crowd[0], crowd[i : i + 1])[0] for i in range(60)]
    np.testing.assert_array_equal(NUMPY.distances(crowd[0], crowd), alone)
    several = NUMPY.paths(crowd[0], crowd[:40])
    for number in (0, 31, 32, 39):
        one = NUMPY.paths(crowd[0], crowd[number : number + 1])
        np.testing.assert_array_equal(several.first[number], one.first[0])
        np.testing.assert_array_equal(several.cost[number], one.cost[0])


def test_of_no_references_there_is_nothing():
    probe = np.zeros((8, 2), np.int8)
    none = np.zeros((0, 8, 2), np.int8)
    assert NUMPY.distances(probe, none).shape == (0,)
    assert NUMPY.paths(probe, none).cost.shape == (0, 8)


def test_elastic_distance_is_symmetric_and_zero_to_itself():
    rng = np.random.default_rng(1)
    a, b = rng.integers(-127, 128, (2, 64, 3)).astype(np.int8)
    assert NUMPY.distances(a, a[np.newaxis]) == 0
    assert NUMPY.distances(a, b[np.newaxis]) == NUMPY.distances(b, a[np.newaxis])


def test_types():
    rng = np.random.default_rng(3)
    found = NUMPY.paths(*rng.integers(-127, 128, (2, 3, 20, 2)).astype(np.int8))
    assert (found.total.dtype, found.cost.dtype) == (np.int32, np.int32)
    assert (found.first.dtype, found.last.dtype) == (np.int16, np.int16)
    assert NUMPY.distances(*rng.integers(-127, 128, (2, 3, 20, 2)).astype(np.int8)).dtype == np.float32
