import numpy as np
import pytest
from builders import references
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from plain_dtw import plain_dtw

from sigverify.errors import InvalidSignature
from sigverify.matching.cues import SEQUENCE
from sigverify.matching.distances import distances, spread
from sigverify.matching.elastic import BAND, elastic_distances
from sigverify.matching.embedding import Embedding, References
from sigverify.modality.pen.pen import PEN


def city_block(a, b):
    return np.abs(a.astype(int) - b.astype(int)).sum()


def by_definition(probe, other):
    frames = len(probe)
    return plain_dtw(probe, other, max(1, int(BAND * frames)), city_block) / frames


@given(
    st.integers(1, 12).flatmap(
        lambda half: hnp.arrays(np.int8, st.tuples(st.integers(2, 4), st.just(2 * half), st.integers(1, 5)))
    )
)
def test_elastic_distance_is_plain_dtw_to_the_last_bit(arrays):
    probe, others = arrays[0], arrays[1:]
    expected = [by_definition(probe, other) for other in others]
    np.testing.assert_array_equal(elastic_distances(probe, others), np.array(expected, np.float32))


@pytest.mark.parametrize(("frames", "channels"), [(256, 7), (128, 16), (128, 32)])
def test_elastic_distance_at_full_size_and_full_scale(frames, channels):
    rng = np.random.default_rng(0)
    extreme = rng.choice(np.array([-127, 127], np.int8), (3, frames, channels))
    shifted = np.roll(extreme[0], 9, axis=0)
    got = elastic_distances(shifted, extreme)
    expected = [by_definition(shifted, other) for other in extreme]
    np.testing.assert_array_equal(got, np.array(expected, np.float32))


@pytest.mark.parametrize("frames", [2, 8, 10, 12, 20, 50])
def test_each_probe_is_aligned_with_the_reference_of_its_number(frames):
    rng = np.random.default_rng(frames)
    probes, others = rng.integers(-127, 128, (2, 4, frames, 3)).astype(np.int8)
    expected = [by_definition(one, other) for one, other in zip(probes, others, strict=True)]
    np.testing.assert_array_equal(elastic_distances(probes, others), np.array(expected, np.float32))


@pytest.mark.parametrize("shape", [(9, 2), (4098, 2), (8, 130)])
def test_shapes_that_cannot_be_aligned_are_refused(shape):
    with pytest.raises(InvalidSignature, match=rf"an even number.*{shape[0]} × {shape[1]}"):
        elastic_distances(np.zeros(shape, np.int8), np.zeros((1, *shape), np.int8))


def test_a_crowd_in_one_go_is_the_same_as_one_by_one():
    rng = np.random.default_rng(2)
    crowd = rng.integers(-127, 128, (60, 256, 7)).astype(np.int8)  # too many for one block of diagonals
    alone = [elastic_distances(crowd[0], crowd[i : i + 1])[0] for i in range(60)]
    np.testing.assert_array_equal(elastic_distances(crowd[0], crowd), alone)


def test_elastic_distance_is_symmetric_and_zero_to_itself():
    rng = np.random.default_rng(1)
    a, b = rng.integers(-127, 128, (2, 64, 3)).astype(np.int8)
    assert elastic_distances(a, a[np.newaxis]) == 0
    assert elastic_distances(a, b[np.newaxis]) == elastic_distances(b, a[np.newaxis])


def test_distances_have_a_column_for_each_cue():
    stacked = references(5)
    out = distances(stacked[2], stacked, PEN.cues)
    assert out.shape == (5, len(PEN.cues))
    assert out.dtype == np.float32
    assert not out[2].any()
    assert (np.delete(out, 2, 0) > 0).all()
    expected = np.linalg.norm(stacked.vector - stacked.vector[2], axis=1)
    np.testing.assert_allclose(out[:, 2], expected, atol=1e-3)
    np.testing.assert_allclose(out[:, 3], np.abs(np.log(stacked.extent / stacked.extent[2])), rtol=1e-5)


def test_no_sequence_is_no_distance():
    stacked = references(3, depth=0)
    assert not distances(stacked[0], stacked, PEN.cues)[:, PEN.cues.index(SEQUENCE)].any()


def test_spread_is_all_distances_between_references():
    stacked = references(4)
    between = spread(stacked, PEN.cues)
    np.testing.assert_array_equal(between, between.transpose(1, 0, 2))
    assert not between[np.arange(4), np.arange(4)].any()
    for row in range(4):
        others = [column for column in range(4) if column != row]
        np.testing.assert_allclose(
            between[row, others], distances(stacked[row], stacked, PEN.cues)[others], atol=1e-6
        )


def test_one_reference_has_no_spread():
    assert spread(references(1), PEN.cues).tolist() == [[[0.0] * len(PEN.cues)]]


def test_references_are_joined_and_taken_in_order():
    three, two = references(3), references(2, seed=1)
    joined = References.join([three, two])
    assert len(joined) == 5
    np.testing.assert_array_equal(joined.series[3:], two.series)
    np.testing.assert_array_equal(joined.take([4, 0]).extent, [two.extent[1], three.extent[0]])


def test_embedding_is_quantized_and_clipped():
    embedding = Embedding.from_floats([[9.0, -0.5]], [[0.5, -3.0]], [1.0, 0.0], 1200)
    assert embedding.series.tolist() == [[127, -16]]
    assert embedding.sequence.tolist() == [[64, -127]]
    assert embedding.extent == 1200


def test_stacking_needs_embeddings_of_one_model():
    one, other = references(1)[0], references(1, depth=0)[0]
    with pytest.raises(InvalidSignature, match="no references"):
        References.stack([])
    with pytest.raises(InvalidSignature, match="different models"):
        References.stack([one, other])
