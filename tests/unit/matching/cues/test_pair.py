import math

import numpy as np
import pytest
from builders import references

from sigverify.errors import ConfigError
from sigverify.matching.cues.pair import LARGEST_LOG, PAIR
from sigverify.matching.pairing import Engine, Pairing


def measured(*said):
    its = references(len(said))
    return PAIR.measure(Pairing(its[0], its, Engine(judge=lambda _: np.array(said, np.float32)))).tolist()


def test_a_logarithm_becomes_a_distance():
    assert measured(0, 1, -2) == pytest.approx([1, math.e, math.exp(-2)])


def test_what_is_beyond_all_sense_is_clipped():
    assert measured(100, -100) == pytest.approx([math.exp(LARGEST_LOG), math.exp(-LARGEST_LOG)])


def test_it_needs_a_network():
    its = references(1)
    with pytest.raises(ConfigError, match="pair network"):
        PAIR.measure(Pairing(its[0], its))


def test_it_is_learned_and_counts_relative_to_the_references():
    assert (PAIR.learned, PAIR.relative, PAIR.signed) == (True, True, False)
