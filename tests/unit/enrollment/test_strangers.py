"""A person whom many strangers match: their threshold for strangers is their own, and enrollment says so."""

from dataclasses import replace

import numpy as np
import pytest

from sigverify import Caution, Impostor, Model, Policy, Verifier, similarity
from sigverify.corpora import open_corpus
from sigverify.matcher import Matcher
from sigverify.policy.adaptation import kinds
from sigverify.words import sentence

RATE = 0.01
POLICY = Policy(fmr=RATE, impostor="random", replay=False, per_user=None, per_device=None)


@pytest.fixture(scope="module")
def matcher():
    return Matcher.open(Model.read("base"))


@pytest.fixture(scope="module")
def everybody():
    """One signature of each of 40 invented people, nobody of the cohort."""
    corpus = open_corpus("synthetic:writers=40,genuine=1,skilled=0,seed=78")
    return [corpus.genuine(writer)[0].capture for writer in corpus.writers]


@pytest.fixture(scope="module")
def careful():
    corpus = open_corpus("synthetic:writers=1,genuine=7,skilled=0,seed=79")
    return [sample.capture for sample in corpus.samples]


@pytest.fixture
def lamb(everybody):
    """References that lie as far apart as those of five people."""
    return everybody[:5]


@pytest.fixture
def verifier(matcher):
    from sigverify.store import SqliteStore

    with Verifier(SqliteStore(":memory:"), matcher, policy=POLICY) as its:
        yield its


@pytest.fixture
def without_cohort(matcher):
    from sigverify.store import SqliteStore

    model = replace(matcher.model, cohort=b"")
    bare = Matcher(model, matcher.runtime, matcher._embed, matcher.engine)
    with Verifier(SqliteStore(":memory:"), bare, policy=POLICY) as its:
        yield its


def accepted(verifier, user_id, probes, **rates):
    return float(np.mean([verifier.verify(user_id, probe, **rates).accepted for probe in probes]))


def test_more_than_five_times_the_rate_before_and_not_after(verifier, without_cohort, lamb, everybody):
    for each in (verifier, without_cohort):
        each.enroll("lamb", lamb, quality="record")
    assert accepted(without_cohort, "lamb", everybody[5:]) > 5 * RATE
    assert accepted(verifier, "lamb", everybody[5:]) <= 5 * RATE


def test_enrollment_says_so_and_what_to_do(verifier, lamb, careful):
    receipt = verifier.enroll("lamb", lamb, quality="record")
    assert receipt.cautions == (Caution.MANY_STRANGERS,)
    assert receipt.strangers > 5 * RATE
    assert receipt.to_dict()["cautions"] == ["many_strangers"]
    for language, words in (("en", "sign more alike"), ("de", "gleichmäßiger")):
        assert words in sentence(receipt.cautions[0], language=language)
    receipt = verifier.enroll("careful", careful[:5])
    assert receipt.cautions == ()
    assert 0 <= receipt.strangers <= 5 * RATE


def test_a_model_without_a_cohort_says_that_nothing_is_limited(without_cohort, careful):
    receipt = without_cohort.enroll("careful", careful[:5])
    assert (receipt.strangers, receipt.cautions) == (None, (Caution.NO_COHORT,))
    assert without_cohort.store.get("careful", "pen").strangers is None
    assert without_cohort.verify("careful", careful[5]).accepted


def test_without_a_policy_for_strangers_nothing_is_missed(matcher, careful):
    model = replace(matcher.model, cohort=b"")
    with Verifier.open(":memory:", model=model) as verifier:
        assert verifier.enroll("careful", careful[:5]).cautions == ()


def test_thresholds_for_skilled_forgeries_are_those_of_all_people(verifier, without_cohort, lamb, everybody):
    for each in (verifier, without_cohort):
        each.enroll("lamb", lamb, quality="record")
    ours, theirs = (
        each.verify("lamb", everybody[9], impostor="skilled") for each in (verifier, without_cohort)
    )
    assert ours.threshold == theirs.threshold
    ours, theirs = (each.verify("lamb", everybody[9]) for each in (verifier, without_cohort))
    assert ours.threshold > theirs.threshold


def test_whoever_is_careful_has_the_threshold_of_all_people(verifier, matcher, careful):
    verifier.enroll("careful", careful[:5])
    decision = verifier.verify("careful", careful[5])
    assert decision.accepted
    assert decision.threshold == matcher.threshold(RATE, impostor=Impostor.RANDOM, references=5)


def test_a_search_names_a_lamb_no_more_often(verifier, without_cohort, lamb, everybody):
    for each in (verifier, without_cohort):
        each.enroll("lamb", lamb, quality="record")
    named = [
        sum(bool(each.identify(probe, fpir=RATE)) for probe in everybody[5:])
        for each in (without_cohort, verifier)
    ]
    assert named[0] > 5 * RATE * len(everybody[5:]) >= named[1]


def test_what_is_compared_without_a_store_is_decided_alike(verifier, matcher, lamb, everybody):
    verifier.enroll("lamb", lamb, quality="record")
    probe = everybody[9]
    found = similarity(probe, lamb, model=matcher, impostor="random", quality="record")
    assert found.threshold(RATE) == pytest.approx(verifier.verify("lamb", probe).threshold, abs=1e-4)
    common = dict(similarity(probe, lamb, model=matcher, quality="record").thresholds)
    assert common == dict(matcher.scoring.row(5).thresholds[Impostor.SKILLED])


def test_a_rekey_and_an_export_keep_it(verifier, lamb):
    from sigverify import Template
    from sigverify.store.rekey import change_renewal

    verifier.enroll("lamb", lamb, quality="record")
    kept = verifier.store.get("lamb", "pen")
    assert kept.strangers is not None
    assert change_renewal(kept, verifier.store.renewal, None).strangers == kept.strangers
    assert Template.from_bytes(kept.to_bytes()).strangers == kept.strangers


def test_renewed_references_are_compared_with_the_cohort_anew(matcher, careful):
    from sigverify.store import SqliteStore

    policy = replace(POLICY, fmr=0.1, adaptive=True)
    with Verifier(SqliteStore(":memory:"), matcher, policy=policy) as verifier:
        verifier.enroll("careful", careful[:5])
        before = verifier.store.get("careful", "pen")
        decisions = [verifier.verify("careful", probe) for probe in careful[5:]]
        assert any(decision.accepted for decision in decisions)
        after = verifier.store.get("careful", "pen")
        assert verifier.store.read_record(kinds("pen")[0], "careful") is not None, "renewed"
        assert after.strangers is not None
        assert after.strangers != before.strangers
