"""A verifier of strokes and pictures: what each method does with either kind, and with both at once."""

from dataclasses import replace

import numpy as np
import pytest
from builders import arithmetic_matcher, signature
from toy_images import image_matcher, image_model, picture

from sigverify.audit import Event
from sigverify.decision import Outcome, Reason
from sigverify.errors import (
    AlreadyEnrolled,
    ConfigError,
    EnrollmentError,
    IncompatibleModel,
    InvalidSignature,
    StoreError,
    UnknownUser,
)
from sigverify.matching.aspect import Aspect
from sigverify.modality.quality import Flaw
from sigverify.policy import Policy, Schedule
from sigverify.policy.clock import Instant
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier

FREE = Policy(fmr=0.1, per_user=None, per_device=None)
HIDING = replace(Policy.kiosk(), fmr=0.1, per_device=None)


def opened(policy=FREE, path=MEMORY, *, now=Instant.now):
    return Verifier(
        SqliteStore(path), arithmetic_matcher(), others={"image": image_matcher}, policy=policy, now=now
    )


@pytest.fixture
def verifier():
    """Alice by both kinds, bob by strokes, carol by pictures."""
    with opened() as its:
        fill(its)
        yield its


def fill(verifier):
    verifier.enroll("alice", [*strokes(0), *pictures(0)])
    verifier.enroll("bob", strokes(1))
    verifier.enroll("carol", pictures(2), quality="record")


def strokes(writer, count=5):
    return [signature(writer, repetition) for repetition in range(count)]


def pictures(writer, count=5):
    return [picture(writer, repetition) for repetition in range(count)]


# ------------------------------------------------------------------------------------ each by itself
def test_either_kind_is_taken_by_the_type_of_the_capture(verifier):
    assert verifier.modalities == ("pen", "image")
    assert verifier.verify("alice", signature(0, 7)).accepted
    assert verifier.verify("alice", picture(0, 7)).accepted
    assert not verifier.verify("alice", picture(1, 7)).accepted
    assert verifier.verify("bob", signature(1, 7)).accepted
    for probe in (signature(0, 8), picture(0, 8)):
        decision = verifier.verify("alice", probe)
        assert decision.score == verifier.score("alice", probe)
        assert (decision.scores, decision.left_out) == ({}, ())
        assert not {"scores", "left_out"} & set(decision.to_dict())


def test_identify_searches_among_references_of_the_same_kind(verifier):
    assert verifier.prepare() == 3
    assert [match.user_id for match in verifier.identify(picture(0, 9))] == ["alice", "carol"]
    assert [match.user_id for match in verifier.identify(signature(1, 9))] == ["bob", "alice"]


def test_users_are_those_enrolled_by_anything(verifier):
    assert verifier.users() == ("alice", "bob", "carol")
    assert verifier.users("image") == ("alice", "carol")
    verifier.join("carol", "staff")
    assert verifier.groups("carol") == ("staff",)
    assert [match.user_id for match in verifier.identify(picture(0, 9), among="staff")] == ["carol"]


def test_forgetting_deletes_both(verifier):
    verifier.verify("alice", picture(0, 7))
    verifier.forget("alice")
    assert verifier.users() == ("bob", "carol")
    for kind in ("replay", "replay image", "lockout"):
        assert "alice" not in verifier.store.records(kind)
    with pytest.raises(UnknownUser, match="'alice' is not enrolled"):
        verifier.verify("alice", picture(0, 8))


def test_enrolled_by_one_kind_and_shown_the_other(verifier):
    for call in (verifier.verify, verifier.score):
        with pytest.raises(UnknownUser, match="'bob' is enrolled by pen, not by image"):
            call("bob", picture(1, 7))
    with pytest.raises(UnknownUser, match="'carol' is enrolled by image, not by pen"):
        verifier.verify("carol", signature(2, 7))


def test_a_replaced_enrollment_leaves_the_other_kind_as_it_is(verifier):
    with pytest.raises(AlreadyEnrolled):
        verifier.enroll("alice", pictures(3))
    verifier.enroll("alice", [picture(3, repetition) for repetition in range(5, 9)], replace=True)
    assert verifier.verify("alice", picture(3, 11)).accepted
    assert verifier.verify("alice", signature(0, 11)).accepted
    # References that were replaced are remembered as what they were: captures seen before.
    assert verifier.verify("alice", picture(0, 2)).reason is Reason.REPLAY


def test_copies_are_copies_of_their_own_kind(verifier):
    assert verifier.verify("alice", picture(0, 7)).accepted
    assert verifier.verify("alice", picture(0, 7)).reason is Reason.REPLAY
    assert verifier.verify("alice", signature(0, 7)).accepted


def test_renewals_of_both_kinds_are_undone():
    moment = iter(range(10**9))
    days = lambda: Instant(boot="b", boot_s=86_400.0 * next(moment), wall_s=0)  # noqa: E731
    with opened(replace(FREE, adaptive=True), now=days) as its:
        fill(its)
        before = {each: its.store.get("alice", each).references for each in ("pen", "image")}
        for repetition in range(7, 14):
            its.verify("alice", (signature(0, repetition), picture(0, repetition)))
        changed = {each: its.store.get("alice", each).references for each in before}
        assert all((changed[each].vector != before[each].vector).any() for each in before)
        assert its.restore_references("alice")
        for each, references in before.items():
            np.testing.assert_array_equal(its.store.get("alice", each).references.vector, references.vector)
        assert not its.restore_references("alice")


# ------------------------------------------------------------------------------------ enrollment
def test_both_kinds_are_enrolled_wholly_or_not_at_all(verifier):
    with pytest.raises(EnrollmentError, match="reference 7 is a copy"):
        verifier.enroll("dora", [*strokes(3), picture(3, 0), picture(3, 0)])
    with pytest.raises(EnrollmentError, match="scan is a copy"):
        verifier.enroll("dora", [picture(3, 0), signature(3), picture(3, 0)], names=["a", "b", "scan"])
    with pytest.raises(InvalidSignature, match="expected a Signature or a SignatureImage; received str"):
        verifier.enroll("dora", [*strokes(3), "dora.png"])
    with pytest.raises(AlreadyEnrolled):
        verifier.enroll("bob", [*pictures(1), *strokes(1)])
    assert verifier.users() == ("alice", "bob", "carol")
    assert verifier.users("image") == ("alice", "carol")


def test_the_receipt_tells_of_both(verifier):
    receipt = verifier.enroll("dora", [*pictures(4, 2), *strokes(4, 3)], quality="record")
    other = receipt.also["image"]
    assert (receipt.references, other.references) == (3, 2)
    assert (receipt.model_id, other.model_id) == (verifier.model.id, image_model().id)
    assert receipt.to_dict()["also"]["image"]["references"] == 2
    alone = verifier.enroll("eve", pictures(5, 1))
    assert (alone.model_id, alone.also) == (image_model().id, {})
    assert "also" not in alone.to_dict()


def test_a_list_is_wanted_and_not_more_than_a_template_holds(verifier):
    with pytest.raises(EnrollmentError, match="one signature where a list is wanted"):
        verifier.enroll("dora", picture(3))
    with pytest.raises(EnrollmentError, match="received 13"):
        verifier.enroll("dora", [*strokes(3), *[picture(3, n) for n in range(13)]])
    with pytest.raises(EnrollmentError, match="received 0"):
        verifier.enroll("dora", [])


def test_a_conversation_is_of_one_kind(verifier):
    with pytest.raises(AlreadyEnrolled):
        verifier.enrollment("carol", modality="image")
    enrollment = verifier.enrollment("bob", references=2, modality="image")
    with pytest.raises(InvalidSignature, match="expected a SignatureImage; received Signature"):
        enrollment.add(signature(1, 0))
    assert enrollment.add(picture(1, 0)).accepted
    assert enrollment.add(picture(1, 1)).accepted
    enrollment.commit()
    assert verifier.store.modalities("bob") == ("image", "pen")
    with pytest.raises(ConfigError, match="expected pen or image; received melody"):
        verifier.enrollment("bob", modality="melody")


# ------------------------------------------------------------------------------------ both at once
def test_strokes_and_a_picture_make_one_decision(verifier):
    probe = signature(0, 7), picture(0, 7)
    decision = verifier.verify("alice", probe)
    assert decision.accepted
    assert decision.scores == {
        kind: verifier.score("alice", each) for kind, each in zip(("pen", "image"), probe, strict=True)
    }
    assert decision.to_dict()["scores"] == decision.scores
    assert verifier.verify("alice", (picture(0, 8), signature(0, 8))).accepted  # in any order
    mixed = verifier.verify("alice", (signature(0, 9), picture(1, 9)), fmr=0.01)
    assert mixed.outcome is Outcome.REJECT
    assert mixed.threshold == verifier.verify("alice", signature(0, 10), fmr=0.01).threshold
    assert set(mixed.unlike) <= {Aspect.SHAPE, Aspect.PROPORTION}  # of the picture alone, which is to blame


def test_a_copy_of_either_is_a_copy(verifier):
    assert verifier.verify("alice", picture(0, 7)).accepted
    decision = verifier.verify("alice", (signature(0, 7), picture(0, 7)))
    assert decision.reason is Reason.REPLAY
    assert verifier.verify("alice", signature(0, 7)).reason is Reason.REPLAY  # it was seen then


def test_what_somebody_is_not_enrolled_by_is_left_out(verifier):
    decision = verifier.verify("bob", (signature(1, 7), picture(1, 7)))
    assert decision.accepted
    assert decision.scores == {"pen": decision.score}
    assert decision.left_out == ("image",)
    assert decision.to_dict()["left_out"] == ["image"]
    assert decision.score == verifier.score("bob", signature(1, 7))


def test_a_capture_that_is_too_poor_is_left_out(verifier, monkeypatch):
    monkeypatch.setattr("sigverify.modality.image.assessment.unfit", lambda _: Flaw.TOO_SIMPLE)
    decision = verifier.verify("alice", (signature(0, 7), picture(0, 7)))
    assert decision.accepted
    assert (set(decision.scores), decision.left_out) == ({"pen"}, ("image",))
    decision = verifier.verify("carol", (signature(2, 7), picture(2, 7)))
    assert (decision.reason, decision.flaw) == (Reason.POOR, Flaw.TOO_SIMPLE)
    assert decision.left_out == ("pen", "image")


def test_whoever_has_to_show_every_kind(verifier):
    verifier.policy = replace(FREE, every_kind=True)
    for one in (signature(0, 7), picture(0, 7)):
        assert verifier.verify("alice", one).reason is Reason.POOR
    assert verifier.verify("alice", (signature(0, 8), picture(0, 8))).accepted
    with pytest.raises(UnknownUser, match="'bob' is enrolled by pen, not by image"):
        verifier.verify("bob", (signature(1, 7), picture(1, 7)))


@pytest.mark.parametrize(
    "probe", [(), (signature(0), signature(0, 1)), (picture(0), signature(0), picture(0, 1))]
)
def test_one_of_a_kind(verifier, probe):
    with pytest.raises(InvalidSignature, match="one of each kind: pen, image"):
        verifier.verify("alice", probe)


def test_failures_count_for_the_person_whatever_was_shown():
    with opened(Policy(fmr=0.1, per_user=Schedule(tries=3, first_s=60))) as its:
        fill(its)
        its.verify("alice", signature(3, 0))
        its.verify("alice", picture(3, 1))
        assert its.verify("alice", (signature(3, 2), picture(3, 2))).retry_after_s == 60
        for probe in (signature(0, 7), picture(0, 7)):
            assert its.verify("alice", probe).reason is Reason.LOCKED
        its.unlock("alice")
        assert its.verify("alice", picture(0, 8)).accepted
        assert its.store.read_record("lockout", "alice") is None


def test_the_log_says_which_kind(verifier):
    verifier.verify("alice", signature(0, 7))
    verifier.verify("alice", picture(0, 8))
    verifier.verify("alice", (picture(0, 9), signature(0, 9)))
    entries = [entry for entry in verifier.audit.entries() if entry.event is Event.ACCEPTED]
    assert [entry.detail.get("kinds") for entry in entries] == [None, "image", "pen+image"]


# ------------------------------------------------------------------------------------ untrusted callers
def shown(number):
    return [
        signature(3, number),
        picture(3, 50 + number),
        (signature(3, 100 + number), picture(3, 100 + number)),
    ]


@pytest.mark.parametrize("way", range(3), ids=["strokes", "picture", "both"])
@pytest.mark.parametrize("every_kind", [False, True])
def test_nobody_learns_who_is_enrolled_by_what(way, every_kind):
    policy = replace(HIDING, per_user=Schedule(tries=3, first_s=60), every_kind=every_kind)
    with opened(policy, now=lambda: Instant(boot="b", boot_s=1000.0, wall_s=0)) as its:
        fill(its)
        for number in range(4):
            answers = [its.verify(name, shown(number)[way]) for name in ("alice", "bob", "carol", "nobody")]
            assert len(set(answers)) == 1
        assert answers[0].scores == {}


def test_the_kind_somebody_is_enrolled_by_still_opens_the_door():
    with opened(HIDING) as its:
        fill(its)
        assert its.verify("bob", (signature(1, 7), picture(1, 7))).accepted
        assert not its.verify("bob", picture(1, 8)).accepted


# ------------------------------------------------------------------------------------ models
def test_without_a_model_of_pictures():
    with Verifier(SqliteStore(MEMORY), arithmetic_matcher()) as its:
        its.enroll("alice", strokes(0))
        for call in (lambda p: its.verify("alice", p), its.identify, lambda p: its.enroll("bob", [p])):
            with pytest.raises(ConfigError, match=r"expected pen; received image\. .*image_model"):
                call(picture(0))
        with pytest.raises(InvalidSignature, match="expected a Signature; received int"):
            its.identify(7)


def test_pictures_alone():
    with Verifier(SqliteStore(MEMORY), image_matcher(), policy=FREE) as its:
        its.enroll("alice", pictures(0))
        assert its.verify("alice", picture(0, 7)).accepted
        with pytest.raises(ConfigError, match="expected image; received pen"):
            its.verify("alice", signature(0))


def test_the_second_model_is_opened_once_and_by_the_first_picture(tmp_path):
    times = []

    def opener():
        times.append(1)
        return image_matcher()

    with Verifier(SqliteStore(tmp_path / "a.db"), arithmetic_matcher(), others={"image": opener}) as its:
        its.enroll("alice", strokes(0))
        its.verify("alice", signature(0, 7))
        its.identify(signature(0, 8))
        its.prepare()
        assert not times
        its.enroll("alice", pictures(0))
        its.verify("alice", picture(0, 7))
        assert times == [1]
    with Verifier(SqliteStore(tmp_path / "a.db"), arithmetic_matcher(), others={"image": opener}) as its:
        assert its.prepare() == 1
        assert times == [1, 1]


def test_a_store_of_another_model_of_pictures_is_refused(tmp_path):
    with opened(path=tmp_path / "a.db") as its:
        fill(its)
    other = {"image": lambda: image_matcher(image_model(name="other"))}
    with Verifier(SqliteStore(tmp_path / "a.db"), arithmetic_matcher(), others=other) as its:
        assert its.verify("alice", signature(0, 7)).accepted
        with pytest.raises(StoreError, match="templates of another model"):
            its.verify("alice", picture(0, 7))


def test_what_opens_another_kind_than_it_should():
    others = {"image": arithmetic_matcher}
    with (
        Verifier(SqliteStore(MEMORY), arithmetic_matcher(), others=others) as its,
        pytest.raises(ConfigError, match="a model of another kind of capture; expected image; received pen"),
    ):
        its.identify(picture(0))


def test_a_model_that_cannot_be_opened_says_so_each_time():
    def broken():
        raise IncompatibleModel("of another release")

    with Verifier(SqliteStore(MEMORY), arithmetic_matcher(), others={"image": broken}) as its:
        for _ in range(2):
            with pytest.raises(IncompatibleModel):
                its.identify(picture(0))
        its.enroll("alice", strokes(0))
