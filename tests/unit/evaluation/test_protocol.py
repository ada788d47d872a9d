import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigverify.errors import ConfigError
from sigverify.evaluation import PROTOCOLS, Protocol
from sigverify.evaluation.protocol import STANDARD, find_protocol

protocols = st.sampled_from(sorted(PROTOCOLS.values(), key=lambda each: each.name))


@given(protocols, st.text(max_size=5), st.integers(0, 30), st.integers(1, 12), st.integers(0, 20))
def test_no_signature_is_reference_and_trial_at_once(protocol, writer, genuine, references, seed):
    found = protocol.draw(writer, genuine, references, seed)
    if found is None:
        return
    drawn, tried = found
    assert len(drawn) == references
    assert len(tried) >= 1
    assert not set(drawn) & set(tried)
    assert set(drawn) | set(tried) <= set(range(genuine))


@given(st.integers(2, 30), st.integers(1, 12), st.integers(0, 20))
def test_standard_uses_every_genuine_signature(genuine, references, seed):
    found = STANDARD.draw("w", genuine, references, seed)
    assert (found is None) == (references >= genuine)
    if found is not None:
        assert sorted([*found[0], *found[1]]) == list(range(genuine))


def test_draws_differ_by_seed_and_writer_and_repeat():
    draws = {
        (writer, seed): tuple(STANDARD.draw(writer, 20, 5, seed)[0]) for writer in "ab" for seed in range(10)
    }
    assert len(set(draws.values())) == len(draws)
    assert draws["a", 3] == tuple(STANDARD.draw("a", 20, 5, 3)[0])


def test_more_references_include_those_of_fewer():
    few, more = (set(STANDARD.draw("a", 20, count, 0)[0]) for count in (3, 7))
    assert few < more


def test_every_signature_is_drawn_about_as_often():
    counts = np.bincount(np.concatenate([STANDARD.draw("a", 10, 5, seed)[0] for seed in range(400)]))
    assert (np.abs(counts - 200) < 50).all()


def test_svc2004_draws_from_the_first_ten_and_tries_the_rest():
    drawn, tried = PROTOCOLS["svc2004"].draw("a", 20, 5, 0)
    assert drawn.max() < 10
    assert tried.tolist() == list(range(10, 20))


def test_susig_takes_the_first_five():
    drawn, tried = PROTOCOLS["susig"].draw("a", 10, 5, 7)
    assert drawn.tolist() == [0, 1, 2, 3, 4]
    assert tried.tolist() == [5, 6, 7, 8, 9]
    assert PROTOCOLS["susig"].draw("a", 5, 5, 0) is None


def test_unknown_names_and_counts_are_refused():
    with pytest.raises(ConfigError, match="svc2004"):
        find_protocol("svc")
    with pytest.raises(ConfigError):
        Protocol(name="x", pool=0)
    with pytest.raises(ConfigError):
        Protocol(name="x", held_back=-1)


def test_enrolled_takes_the_first_and_tries_all_later_ones():
    for seed in range(3):
        drawn, tried = PROTOCOLS["enrolled"].draw("a", 20, 5, seed)
        assert drawn.tolist() == [0, 1, 2, 3, 4]
        assert tried.tolist() == list(range(5, 20))


def test_sitting_tries_the_first_ten_only():
    drawn, tried = PROTOCOLS["sitting"].draw("a", 20, 3, 0)
    assert (drawn.tolist(), tried.tolist()) == ([0, 1, 2], list(range(3, 10)))
    assert PROTOCOLS["sitting"].draw("a", 20, 10, 0) is None


@pytest.mark.parametrize("wrong", [{"sitting": 0}, {"pool": 0}, {"held_back": -1}])
def test_counts_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match="out of range"):
        Protocol(name="mine", **wrong)
