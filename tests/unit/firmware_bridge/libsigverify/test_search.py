"""Products of many vectors with one: the numbers of numpy, for any size and at the ends of the range."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigverify.errors import ConfigError


@settings(max_examples=60)
@given(count=st.integers(0, 40), size=st.integers(1, 140), seed=st.integers(0, 99), extreme=st.booleans())
def test_products_are_numpys(library, count, size, seed, extreme):
    rng = np.random.default_rng(seed)
    values = (
        rng.choice([-128, 127], (count + 1, size)) if extreme else rng.integers(-128, 128, (count + 1, size))
    )
    *vectors, vector = values.astype(np.int8)
    many = np.array(vectors, np.int8).reshape(count, size)
    wanted = many.astype(np.int64) @ vector.astype(np.int64)
    assert library.products(many, vector).tolist() == wanted.tolist()


def test_the_longest_do_not_overflow(library):
    vector = np.full(131_071, -128, np.int8)
    assert library.products(vector[np.newaxis], vector).tolist() == [2**14 * 131_071]
    longer = np.zeros(131_072, np.int8)
    with pytest.raises(ConfigError):
        library.products(longer[np.newaxis], longer)
    with pytest.raises(ConfigError):
        library.products(np.zeros((1, 0), np.int8), longer[:0])
