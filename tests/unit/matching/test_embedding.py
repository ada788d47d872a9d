import numpy as np
import pytest
from builders import references

from sigverify.errors import InvalidSignature
from sigverify.matching.embedding import Embedding, References


def test_references_are_joined_and_taken_in_order():
    three, two = references(3), references(2, seed=1)
    joined = References.join([three, two])
    assert len(joined) == 5
    np.testing.assert_array_equal(joined.series[3:], two.series)
    np.testing.assert_array_equal(joined.detail[:3], three.detail)
    np.testing.assert_array_equal(joined.take([4, 0]).extent, [two.extent[1], three.extent[0]])
    np.testing.assert_array_equal(joined[3].detail, two.detail[0])


def test_embedding_is_quantized_and_clipped():
    embedding = Embedding.from_floats([[9.0, -0.5]], [[-4.0, 1.0]], [[0.5, -3.0]], [1.0, 0.0], 1200)
    assert embedding.series.tolist() == [[127, -16]]
    assert embedding.detail.tolist() == [[-127, 32]]
    assert embedding.sequence.tolist() == [[64, -127]]
    assert embedding.extent == 1200


def test_an_encoder_without_local_vectors():
    embedding = Embedding.from_floats([[0.0]], [[]], None, [1.0], 1)
    assert embedding.sequence.shape == (1, 0)
    assert embedding.detail.shape == (1, 0)


def test_stacking_needs_embeddings_of_one_model():
    one, other = references(1)[0], references(1, depth=0)[0]
    with pytest.raises(InvalidSignature, match="no references"):
        References.stack([])
    with pytest.raises(InvalidSignature, match="different models"):
        References.stack([one, other])
