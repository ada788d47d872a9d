from pathlib import Path

import numpy as np
import pytest
from builders import arithmetic_matcher, signature, stretched

from sigverify.enrollment.addition import AdditionReason
from sigverify.enrollment.candidates import Candidates
from sigverify.errors import AlreadyEnrolled, ConfigError, EnrollmentError
from sigverify.matching.scoring import MAX_REFERENCES
from sigverify.modality.pen.signature import Signature
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier


@pytest.fixture
def verifier():
    with Verifier(SqliteStore(MEMORY), arithmetic_matcher()) as its:
        yield its


def dash():
    time = np.linspace(0, 1, 100)
    return Signature(300 * time, 0 * time, 1000 * time)


def test_a_conversation(verifier):
    enrollment = verifier.enrollment("alice", references=3)
    assert enrollment.remaining == 3
    first = enrollment.add(signature(0, 0))
    assert (first.accepted, first.reason, first.remaining) == (True, AdditionReason.TAKEN, 2)
    assert first.quality.complexity > 0.5
    refused = [enrollment.add(each) for each in (dash(), signature(0, 0), signature(3, 0))]
    assert [addition.reason for addition in refused] == [
        AdditionReason.TOO_SIMPLE, AdditionReason.COPY, AdditionReason.UNLIKE,
    ]  # fmt: skip
    assert not any(addition.accepted for addition in refused)
    assert {addition.remaining for addition in refused} == {2}
    with pytest.raises(EnrollmentError, match="expected 3; received 1"):
        enrollment.commit()
    assert verifier.users() == ()
    assert enrollment.add(signature(0, 1)).accepted
    assert enrollment.add(signature(0, 2)).remaining == 0
    with pytest.raises(EnrollmentError, match="no more"):
        enrollment.add(signature(0, 3))
    receipt = enrollment.commit()
    assert receipt.references == len(verifier.store.get("alice", "pen")) == 3
    assert receipt.reasons == (AdditionReason.TAKEN,) * 3
    assert 0 < receipt.consistency <= 1
    assert verifier.verify("alice", signature(0, 9)).accepted
    for again in (enrollment.commit, lambda: enrollment.add(signature(0, 4))):
        with pytest.raises(EnrollmentError, match="is committed"):
            again()


def test_the_conversation_gives_the_template_that_enrolling_at_once_gives(verifier):
    enrollment = verifier.enrollment("alice", references=3)
    for repetition in range(3):
        enrollment.add(signature(0, repetition))
    enrollment.commit()
    verifier.enroll("bob", [signature(0, repetition) for repetition in range(3)])
    probe = signature(0, 9)
    assert verifier.score("alice", probe) == verifier.score("bob", probe)


def test_when_the_first_was_another_hand_it_is_the_first_that_goes(verifier):
    enrollment = verifier.enrollment("alice", references=2)
    assert enrollment.add(signature(5, 0)).accepted
    assert enrollment.add(signature(0, 0)).reason is AdditionReason.UNLIKE
    turned = enrollment.add(signature(0, 1))
    assert (turned.accepted, turned.remaining) == (True, 0)
    enrollment.commit()
    assert verifier.score("alice", signature(0, 9)) > 0.5 > verifier.score("alice", signature(5, 9))


def test_two_writers_in_turns_never_get_into_one_template(verifier):
    enrollment = verifier.enrollment("alice", references=4)
    for repetition in range(4):
        for writer in (0, 1):
            if enrollment.remaining:
                enrollment.add(signature(writer, repetition))
    enrollment.commit()
    scores = [verifier.score("alice", signature(writer, 9)) for writer in (0, 1)]
    assert scores[0] > 0.5 > scores[1]


def test_somebody_already_enrolled_is_told_at_once(verifier):
    verifier.enroll("alice", [signature(0)])
    with pytest.raises(AlreadyEnrolled):
        verifier.enrollment("alice")
    enrollment = verifier.enrollment("alice", references=1, replace=True)
    enrollment.add(signature(1))
    assert enrollment.commit().references == 1


@pytest.mark.parametrize("count", [0, -1, MAX_REFERENCES + 1])
def test_numbers_of_references_that_no_template_holds(verifier, count):
    with pytest.raises(EnrollmentError, match="1 to 12"):
        verifier.enrollment("alice", references=count)


def test_nobody_tries_for_ever(verifier):
    enrollment = verifier.enrollment("alice", references=1)
    for _ in range(48):
        enrollment.add(dash())
    with pytest.raises(EnrollmentError, match="too many signatures tried"):
        enrollment.add(dash())


def written(writer, repetition, share=0.0):
    """A signature, or a copy of it in a rhythm of its own."""
    its = signature(writer, repetition)
    return stretched(its, share) if share else its


MIXED = {
    "a copy": ([(0, 0), (0, 1), (0, 0)], ["reference 3 is a copy"]),
    "a copy in another rhythm": ([(0, 0), (0, 1), (0, 0, 0.3)], ["reference 3 is a copy"]),
    "one of another writer": ([(0, 0), (4, 0), (0, 1)], ["reference 2 is too unlike"]),
    "two writers": ([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)], ["reference 4 is too", "reference 5 is too"]),
}


@pytest.mark.parametrize("name", MIXED)
def test_sets_that_are_refused_at_once(verifier, name):
    numbers, said = MIXED[name]
    with pytest.raises(EnrollmentError) as raised:
        verifier.enroll("alice", [written(*number) for number in numbers])
    assert all(part in str(raised.value) for part in said)
    assert str(raised.value).count("reference ") == len(said)
    assert verifier.users() == ()


@pytest.mark.parametrize("name", MIXED)
def test_recorded_sets_are_kept_with_what_is_wrong(verifier, name):
    numbers, said = MIXED[name]
    enrollment = verifier.enroll("alice", [written(*number) for number in numbers], quality="record")
    assert enrollment.references == len(verifier.store.get("alice", "pen")) == len(numbers)
    assert sum(reason is not AdditionReason.TAKEN for reason in enrollment.reasons) == len(said)


def test_simple_captures(verifier):
    with pytest.raises(EnrollmentError, match="reference 1 is too simple"):
        verifier.enroll("alice", [dash()])
    assert verifier.enroll("alice", [dash()], quality="record").complexity == 0
    with pytest.raises(ConfigError, match="enforce or record"):
        verifier.enroll("bob", [signature(0)], quality="perfect")


def test_groups_are_joined(verifier):
    verifier.enroll("alice", [signature(0)], groups=["staff"])
    assert verifier.store.read_record("groups", "alice") == b'["staff"]'


def test_nothing_is_kept_when_a_group_is_refused(verifier):
    with pytest.raises(ConfigError):
        verifier.enroll("alice", [signature(0)], groups=["x" * 1000])
    assert verifier.users() == ()


def test_the_order_of_signatures_does_not_decide_who_belongs_together():
    rng = np.random.default_rng(0)
    its = [signature(0, repetition) for repetition in range(4)] + [signature(2, 0)]
    for _ in range(6):
        order = rng.permutation(5)
        candidates = Candidates(arithmetic_matcher())
        for index in order:
            candidates.add(its[index])
        assert sorted(order[candidates.taken]) == [0, 1, 2, 3]


@pytest.mark.parametrize("wrong", [signature(0, 0), "alice.csv", b"x,y", Path("alice.csv"), 7, None])
def test_what_is_no_list_of_signatures_says_what_to_write(wrong):
    with Verifier.open(MEMORY) as verifier, pytest.raises(EnrollmentError, match="list") as raised:
        verifier.enroll("alice", wrong)
    assert ("[signature]" in str(raised.value)) == (type(wrong).__name__ == "Signature")


def test_a_refusal_names_what_the_caller_calls_it():
    captures = [signature(0, 0), signature(0, 1), signature(0, 2), signature(0, 1)]
    names = ["first.csv", "second.csv", "third.csv", "again.csv"]
    with Verifier.open(MEMORY) as verifier, pytest.raises(EnrollmentError, match=r"again\.csv is "):
        verifier.enroll("alice", captures, names=names)


def test_names_for_some_of_them_only():
    captures = [signature(0, 0), signature(0, 1)]
    with Verifier.open(MEMORY) as verifier:
        with pytest.raises(ConfigError, match="names of signatures; expected one for each; received 1"):
            verifier.enroll("alice", captures, names=["first.csv"])
        assert verifier.users() == ()


@pytest.mark.parametrize("groups", [["\n"], [""], ["x" * 65], [str(number) for number in range(65)], [7]])
def test_what_cannot_name_a_group_is_refused_before_anybody_signs(groups):
    with Verifier.open(MEMORY) as verifier:
        with pytest.raises(ConfigError, match="group"):
            verifier.enrollment("alice", groups=groups)
        with pytest.raises(ConfigError, match="group"):
            verifier.enroll("alice", [signature(0, 0)], groups=groups)
        assert verifier.users() == ()
