import numpy as np
import pytest
from builders import arithmetic_matcher, signature, template

from sigverify.errors import StoreError
from sigverify.policy import Policy
from sigverify.policy.adaptation import ORIGINAL, PAUSE_S, STATE, State, anchors, kinds
from sigverify.policy.clock import Instant
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier


class Days:
    """A clock that is moved by whole pauses."""

    def __init__(self):
        self.count = 1.0

    def __call__(self):
        return Instant(boot="b", boot_s=self.count * PAUSE_S, wall_s=0)


@pytest.fixture
def days():
    return Days()


@pytest.fixture
def verifier(days):
    policy = Policy(adaptive=True, fmr=0.1)
    with Verifier(SqliteStore(MEMORY), arithmetic_matcher(), policy=policy, now=days) as its:
        yield its


def enrolled(verifier, count=5):
    verifier.enroll("alice", [signature(0, repetition) for repetition in range(count)])
    return verifier.store.get("alice", "pen")


def changed(before, after):
    return [
        index
        for index in range(len(before))
        if not np.array_equal(before.references.series[index], after.references.series[index])
    ]


def test_a_confident_acceptance_renews_the_oldest_that_may_go(verifier, days):
    before = enrolled(verifier)
    assert anchors(before) == 3
    assert verifier.verify("alice", signature(0, 9)).accepted
    after = verifier.store.get("alice", "pen")
    assert changed(before, after) == [3]
    assert verifier.verify("alice", signature(0, 10)).accepted
    assert changed(after, verifier.store.get("alice", "pen")) == []
    days.count += 1
    for repetition in range(11, 20):
        days.count += 1
        assert verifier.verify("alice", signature(0, repetition)).accepted
    assert changed(before, verifier.store.get("alice", "pen")) == [3, 4]
    assert State.from_bytes(verifier.store.read_record(STATE, "alice")).renewals >= 3


def test_the_renewed_reference_is_the_probe(verifier):
    enrolled(verifier)
    verifier.verify("alice", signature(0, 9))
    turned = verifier.store.renewal.turn(arithmetic_matcher().embed(signature(0, 9)))
    its = verifier.store.get("alice", "pen")
    np.testing.assert_array_equal(its.references.series[3], turned.series)
    assert its.spread[3, 3, 0] == 0
    assert verifier.verify("alice", signature(0, 9)).accepted is False


def test_restoring_brings_back_what_was_enrolled(verifier, days):
    before = enrolled(verifier)
    for repetition in range(9, 13):
        days.count += 1
        verifier.verify("alice", signature(0, repetition))
    assert changed(before, verifier.store.get("alice", "pen"))
    assert verifier.restore_references("alice") is True
    assert verifier.store.get("alice", "pen").to_bytes() == before.to_bytes()
    assert verifier.restore_references("alice") is False


def test_no_renewal_by_rejected_or_by_hesitant_acceptances_or_with_few_references(verifier, monkeypatch):
    before = enrolled(verifier)
    verifier.verify("alice", signature(3, 0))
    assert not changed(before, verifier.store.get("alice", "pen"))
    monkeypatch.setattr("sigverify.verification.CONFIDENCE", 1.1)
    assert verifier.verify("alice", signature(0, 9)).accepted
    assert not changed(before, verifier.store.get("alice", "pen"))
    monkeypatch.undo()
    verifier.enroll("bob", [signature(1, 0), signature(1, 1)])
    assert verifier.verify("bob", signature(1, 9)).accepted
    assert verifier.store.read_record(ORIGINAL, "bob") is None


def test_enrolling_anew_and_forgetting_leave_nothing(verifier):
    enrolled(verifier)
    verifier.verify("alice", signature(0, 9))
    assert verifier.store.read_record(ORIGINAL, "alice")
    verifier.enroll("alice", [signature(1, repetition) for repetition in range(5)], replace=True)
    assert verifier.restore_references("alice") is False
    verifier.verify("alice", signature(1, 9))
    verifier.forget("alice")
    assert not {kind for kind in (ORIGINAL, STATE) if verifier.store.records(kind)}


def test_each_modality_has_records_of_its_own_and_forgetting_deletes_all(verifier):
    enrolled(verifier)
    verifier.verify("alice", signature(0, 9))
    verifier.store.put(template("alice", 3, modality="image", model_id="f" * 16))
    with verifier.store.transaction() as records:
        for kind in kinds("image"):
            records.put(kind, "alice", b"of the image")
    assert verifier.restore_references("alice")
    assert verifier.store.read_record(ORIGINAL, "alice") is None
    assert verifier.store.read_record(kinds("image")[0], "alice") == b"of the image"
    verifier.forget("alice")
    assert not {kind for kind in (*kinds("pen"), *kinds("image")) if verifier.store.records(kind)}


def test_off_unless_asked_for():
    with Verifier(SqliteStore(MEMORY), arithmetic_matcher(), policy=Policy(fmr=0.1)) as its:
        before = enrolled(its)
        assert its.verify("alice", signature(0, 9)).accepted
        assert not changed(before, its.store.get("alice", "pen"))


@pytest.mark.parametrize("content", [b"", b"\x09" * 22, b"\x01\x00" + bytes(20) + b"\xff"])
def test_damaged_state(content):
    with pytest.raises(StoreError):
        State.from_bytes(content)
