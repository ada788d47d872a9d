"""What a verifier is shown and what an evaluation tries are the same signatures, in the same names."""

import pytest
from builders import arithmetic_matcher

from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.evaluation import SdkSystem, evaluate
from sigverify.experiments.tries import PROTOCOL, REFERENCES, TryKind, count, enrolled, reported, tries
from sigverify.policy import Policy
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier

SITTING = 7


@pytest.fixture(scope="module")
def corpus():
    return synthesize(SyntheticConfig(writers=3, genuine=2 * SITTING, skilled=3, sessions=2, seed=4))


@pytest.fixture(scope="module")
def report(corpus):
    system = SdkSystem(arithmetic_matcher())
    return evaluate(system, corpus, references=(REFERENCES,), protocol=PROTOCOL)


def test_both_list_the_same_tries(corpus, report):
    keys = [each.key for each in tries(corpus, SITTING)]
    assert len(set(keys)) == len(keys)
    assert set(keys) == set(reported(report.trials, 0.5))


def test_both_decide_alike(corpus, report):
    matcher = arithmetic_matcher()
    with Verifier(SqliteStore(MEMORY), matcher, policy=Policy.unguarded()) as verifier:
        for writer in corpus.writers:
            references = [each.capture for each in enrolled(corpus, writer)]
            verifier.enroll(writer, references, quality="record")
        decided = {
            each.key: verifier.verify(each.writer, each.sample.capture) for each in tries(corpus, SITTING)
        }
    threshold = matcher.threshold(Policy().fmr)
    assert {key: each.accepted for key, each in decided.items()} == reported(report.trials, threshold)
    assert {each.accepted for each in decided.values()} == {True, False}


def test_genuine_ones_are_told_apart_by_the_day(corpus):
    kinds = {
        each.sample.number: each.kind
        for each in tries(corpus, SITTING)
        if each.writer == corpus.writers[0] and each.kind in (TryKind.SAME_SITTING, TryKind.OTHER_DAY)
    }
    assert list(kinds) == list(range(REFERENCES + 1, 2 * SITTING + 1)), "no reference is tried"
    assert [number for number, kind in kinds.items() if kind is TryKind.SAME_SITTING] == [6, 7]


def test_they_are_counted_by_kind(corpus):
    shown = list(tries(corpus, SITTING))
    everything, nothing = ({each.key: answer for each in shown} for answer in (True, False))
    counts = count(shown, {"all": everything, "none": nothing})
    assert {each.kind: each.tried for each in counts} == {
        TryKind.SAME_SITTING: 6, TryKind.OTHER_DAY: 21, TryKind.SKILLED: 9, TryKind.RANDOM: 6
    }  # fmt: skip
    assert all(each.accepted == {"all": each.tried, "none": 0} for each in counts)
