import numpy as np
import pytest
from builders import references
from toy_networks import PAIR_SHAPE, keras_pair_network, toy_pairs

from converter.pair import PAIRS, PairEncoder, representative_pairs
from sigverify.errors import ConversionError
from sigverify.matching.pair_inputs import pair_inputs
from sigverify.matching.pairing import Pairing
from sigverify.modality.pen.pen import PEN


def test_a_loaded_network_says_what_was_trained(tmp_path):
    network = keras_pair_network()
    network.save(tmp_path / "pair.keras")
    encoder = PairEncoder.load(tmp_path / "pair.keras", PEN)
    pairs = toy_pairs(2)
    assert encoder.input_shape == PAIR_SHAPE
    np.testing.assert_array_equal(encoder(pairs), np.asarray(network(pairs))[:, 0])
    assert encoder.network.input_shape == (1, *PAIR_SHAPE)
    assert float(encoder.network(pairs[3:4])[0, 0]) == pytest.approx(encoder(pairs)[3], rel=1e-5)


def test_pairs_are_of_one_writer_each():
    its = references(7)
    writers = ["b", "a", "b", "a", "b", "a", "a"]
    found = representative_pairs([its[number] for number in range(7)], writers, PEN)
    # Of each writer every signature with the next but one: a 1-5 and 3-6, b 0-4.
    expected = pair_inputs(Pairing(its.take([1, 3, 0]), its.take([5, 6, 4])), PEN.pair_layout)
    np.testing.assert_array_equal(found, expected)


def test_there_are_not_too_many():
    its = references(3)
    many = [its[number % 3] for number in range(PAIRS + 50)]
    assert representative_pairs(many, ["one"] * len(many), PEN).shape == (PAIRS, *PAIR_SHAPE)


def test_writers_with_two_signatures_give_none():
    its = references(4)
    with pytest.raises(ConversionError, match="writers with three signatures or more"):
        representative_pairs([its[number] for number in range(4)], ["a", "a", "b", "b"], PEN)
