"""Candidates that are compared all at once are judged as those that come one by one."""

import numpy as np
import pytest
from builders import arithmetic_matcher, signature, stretched

from sigverify.enrollment.addition import AdditionReason
from sigverify.enrollment.candidates import Candidates
from sigverify.matching.embedding import References


@pytest.fixture(scope="module")
def matcher():
    return arithmetic_matcher()


def without_pressure(its):
    return type(its)(its.x, its.y, its.time_ms, None, its.ink)


def captures(said):
    """Of "a": one person's next; "c": the first once more; "t": that in another rhythm; "x": another's.

    "A" and "C" are without pressure.
    """
    first, made = signature(0, 0), []
    for number, each in enumerate(said):
        own = signature(0, number)
        made.append(
            {
                "a": own,
                "A": without_pressure(own),
                "c": first,
                "C": without_pressure(first),
                "t": stretched(first, 0.3),
            }.get(each, signature(3, number))
        )
    return made


def judged(matcher, shown, *, one_by_one):
    its = Candidates(matcher)
    for capture in shown:
        its.add(capture)
        if one_by_one:
            assert its.reasons
    return its


SETS = [
    "a",
    "aaaaa",
    "AAAAA",
    "aaAaa",
    "Aaaaa",
    "aaaaA",
    "acaaa",
    "aacAC",
    "aCaaa",
    "aaCAa",
    "axaaa",
    "xaaAc",
    "cC",
    "ataaa",
    "tAaCt",
]


@pytest.mark.parametrize("said", SETS)
def test_it_makes_no_difference_when_they_are_asked_about(matcher, said):
    shown = captures(said)
    at_once, later = (judged(matcher, shown, one_by_one=each) for each in (False, True))
    assert at_once.reasons == later.reasons
    assert at_once.consistency() == later.consistency()
    for one in (at_once, later):
        assert len(one.taken) >= 1
    np.testing.assert_array_equal(at_once.spread(at_once.taken), later.spread(later.taken))
    every = range(len(shown))
    assert (at_once.spread(every) is None) == (later.spread(every) is None)


def test_the_sets_above_have_copies_and_others_among_them(matcher):
    found = {reason for said in SETS for reason in judged(matcher, captures(said), one_by_one=False).reasons}
    assert {AdditionReason.TAKEN, AdditionReason.COPY, AdditionReason.UNLIKE} <= found


def test_a_model_that_does_not_compare_series_finds_copies_too(matcher):
    embeddings = [matcher.embed(capture) for capture in captures("aac")]
    its = References.stack(embeddings)
    whole = matcher.copies(matcher.spread(its), its)
    bare = arithmetic_matcher()
    bare.cues = tuple(cue for cue in matcher.cues if cue.name != "series")
    np.testing.assert_array_equal(whole, bare.copies(bare.spread(its), its))
    assert whole.tolist() == [[False, False, True], [False, False, False], [True, False, False]]
