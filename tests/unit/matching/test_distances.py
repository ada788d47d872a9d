from dataclasses import replace

import numpy as np
import pytest
from builders import CUES, references

from sigverify.errors import InvalidSignature
from sigverify.matching.cues import EXTENT, SEQUENCE, SERIES, TRIMMED, VECTOR
from sigverify.matching.distances import distances, signs, spread
from sigverify.matching.pairing import Engine
from sigverify.modality.pen.tempo import TEMPO


def column(cue):
    return CUES.index(cue)


def test_distances_have_a_column_for_each_cue():
    stacked = references(5)
    out = distances(stacked[2], stacked, CUES)
    assert out.shape == (5, len(CUES))
    assert out.dtype == np.float32
    assert not out[2].any()
    unsigned = [number for number, cue in enumerate(CUES) if not cue.signed]
    assert (np.delete(out, 2, 0)[:, unsigned] > 0).all()
    expected = np.linalg.norm(stacked.vector - stacked.vector[2], axis=1)
    np.testing.assert_allclose(out[:, column(VECTOR)], expected, atol=1e-3)
    np.testing.assert_allclose(
        out[:, column(EXTENT)], np.log(stacked.extent[2] / stacked.extent), rtol=1e-5, atol=1e-7
    )
    assert (out[:, column(TRIMMED)] <= out[:, column(SERIES)]).all()


def test_no_sequence_is_no_distance():
    stacked = references(3, depth=0)
    assert not distances(stacked[0], stacked, CUES)[:, column(SEQUENCE)].any()


def test_spread_is_all_distances_between_references():
    stacked = references(4)
    between = spread(stacked, CUES)
    np.testing.assert_array_equal(between, between.transpose(1, 0, 2) * signs(CUES))
    assert not between[np.arange(4), np.arange(4)].any()
    for row in range(1, 4):
        # The later one is the probe.
        np.testing.assert_allclose(
            between[row, :row], distances(stacked[row], stacked, CUES)[:row], atol=1e-6
        )


def test_a_signed_cue_changes_its_sign_where_two_change_places():
    stacked = references(3)
    between = spread(stacked, CUES)
    for cue in (EXTENT, TEMPO):
        its = between[..., column(cue)]
        assert its[0, 1] == -its[1, 0] != 0
        there = distances(stacked[0], stacked, (cue,))[:, 0]
        back = [distances(each, stacked.take([0]), (cue,))[0, 0] for each in stacked]
        np.testing.assert_allclose(there, -np.array(back), atol=1e-6)
        np.testing.assert_allclose(there, its[0], atol=1e-6)
    for cue in CUES:
        assert signs((cue,)).tolist() == [-1.0 if cue in (EXTENT, TEMPO) else 1.0]


def test_one_reference_has_no_spread():
    assert spread(references(1), CUES).tolist() == [[[0.0] * len(CUES)]]


def test_each_of_several_probes_is_compared_with_the_reference_of_its_number():
    one, other = references(3), references(3, seed=1)
    expected = [distances(one[number], other, CUES)[number] for number in range(3)]
    np.testing.assert_allclose(distances(one, other, CUES), expected, atol=1e-6)


def test_an_engine_that_measures_all_at_once_is_asked_once():
    asked = []

    def whole(pairing):
        asked.append(pairing)
        return np.full((len(pairing), len(CUES)), 7, np.float32)

    stacked = references(3)
    between = spread(stacked, CUES, engine=Engine(whole=whole, cues=CUES))
    assert [len(each) for each in asked] == [3]
    assert between[1, 0, column(TEMPO)] == 7 == -between[0, 1, column(TEMPO)]
    assert between[0, 1, column(SERIES)] == 7


@pytest.mark.parametrize("name", ["series", "detail", "sequence", "vector"])
def test_embeddings_of_different_models_are_not_compared(name):
    stacked = references(2)
    probe = stacked[0]
    with pytest.raises(InvalidSignature, match="different models"):
        distances(replace(probe, **{name: getattr(probe, name)[..., :-1]}), stacked, CUES)
    with pytest.raises(InvalidSignature, match="different models"):
        distances(references(3), stacked, CUES)
