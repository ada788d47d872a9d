import numpy as np
import pytest

from sigverify.training.pair.writers import WriterPairs


@pytest.fixture(scope="session")
def corpus(make_traces):
    """Five writers with four genuine signatures and two forgeries each."""
    return make_traces(5, genuine=4, skilled=2)


@pytest.fixture(scope="session")
def writers(corpus):
    """The same, not distorted."""
    return WriterPairs(corpus, None)


@pytest.fixture(scope="session")
def laid(writers):
    """All of them, laid out once."""
    return writers.lay(np.arange(5), np.random.default_rng(0), reduced=0.5)
