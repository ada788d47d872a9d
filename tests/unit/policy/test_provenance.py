"""Only captures that a known pen signed, for this moment and once, are judged; through `Verifier`."""

import dataclasses
import itertools

import pytest
from builders import arithmetic_matcher, signature

from sigverify.audit import Event
from sigverify.decision import Reason
from sigverify.errors import ConfigError, UntrustedCapture
from sigverify.policy import Policy, Schedule
from sigverify.policy.lockout import DEVICE
from sigverify.policy.lockout import KIND as LOCKOUT
from sigverify.policy.provenance import KIND
from sigverify.policy.sightings import KIND as SEEN
from sigverify.protection.keys import Key
from sigverify.signed.capture_keys import CaptureKeys
from sigverify.signed.challenges import Challenges
from sigverify.signed.signed_capture import Purpose, SignedCapture
from sigverify.signed.signer import CaptureSigner
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier

KEY, OTHER = Key(bytes(range(32))), Key(bytes(range(1, 33)))
KEYS = CaptureKeys({"pen-7": KEY, "pen-8": OTHER, "pen-9": None})
ENROLL = Purpose.ENROLL


def opened(path=MEMORY, keys=KEYS, **options):
    return Verifier(SqliteStore(path), arithmetic_matcher(), capture_keys=keys, **options)


class Pen(CaptureSigner):
    """A pen, and the line on which it asks for challenges."""

    def __init__(self, verifier, device="pen-7", key=KEY, start=1):
        self.numbers = itertools.count(start)
        super().__init__(device, key, lambda: next(self.numbers))
        self.verifier = verifier

    def write(self, *seed, purpose=Purpose.DECIDE):
        return self.sign(signature(*seed), self.verifier.challenge(), purpose)


@pytest.fixture
def verifier():
    with opened() as its:
        yield its


@pytest.fixture
def pen(verifier):
    its = Pen(verifier)
    verifier.enroll("alice", [its.write(0, each, purpose=ENROLL) for each in range(5)])
    return its


def left_behind(verifier):
    """What concerns people: failures counted by name, captures remembered."""
    store = verifier.store
    names = {subject for subject in store.records(LOCKOUT) if subject != DEVICE}
    return names, store.records(SEEN), store.records("replay")


def refused(verifier, ask, reason):
    """The call is refused for that reason, once counted against the device, logged, and nothing else."""
    before, entries = left_behind(verifier), len(list(verifier.audit.entries()))
    counter = verifier.store.records(KIND)
    with pytest.raises(UntrustedCapture) as raised:
        ask()
    assert raised.value.reason == reason
    assert left_behind(verifier) == before
    assert verifier.store.records(KIND) == counter
    new = list(verifier.audit.entries())[entries:]
    assert [(each.event, each.who) for each in new] == [(Event.CAPTURE_REFUSED, "")]
    assert new[0].detail["reason"] == reason


def test_all_is_as_before_where_the_pen_signs(verifier, pen):
    assert verifier.takes_signed_only
    assert verifier.verify("alice", pen.write(0, 7)).reason is Reason.ALIKE
    assert verifier.verify("alice", pen.write(1, 7)).reason is Reason.UNLIKE
    assert [match.user_id for match in verifier.identify(pen.write(0, 8))] == ["alice"]
    assert verifier.score("alice", pen.write(0, 9)) > 0
    enrollment = verifier.enrollment("bob", references=2)
    assert all(enrollment.add(pen.write(1, each, purpose=ENROLL)).accepted for each in range(2))
    enrollment.commit()
    assert verifier.users() == ("alice", "bob")


@pytest.mark.parametrize(
    "ask",
    [
        lambda verifier, its: verifier.verify("alice", its),
        lambda verifier, its: verifier.verify("nobody", its),
        lambda verifier, its: verifier.identify(its),
        lambda verifier, its: verifier.identify(its, remember=False),
        lambda verifier, its: verifier.score("alice", its),
        lambda verifier, its: verifier.checked(its),
        lambda verifier, its: verifier.enroll("bob", [its]),
        lambda verifier, its: verifier.enrollment("bob").add(its),
    ],
    ids=["verify", "unknown", "identify", "before verify", "score", "check", "enroll", "enrollment"],
)
@pytest.mark.usefixtures("pen")
class TestInjection:
    def test_what_no_pen_signed(self, verifier, ask):
        refused(verifier, lambda: ask(verifier, signature(0, 7)), "unsigned")

    def test_a_pen_that_is_not_known(self, verifier, ask):
        refused(verifier, lambda: ask(verifier, Pen(verifier, "pen-1", KEY).write(0, 7)), "unknown_device")

    def test_a_revoked_pen(self, verifier, ask):
        refused(verifier, lambda: ask(verifier, Pen(verifier, "pen-9", KEY).write(0, 7)), "revoked")

    def test_the_key_of_another_pen(self, verifier, ask):
        refused(verifier, lambda: ask(verifier, Pen(verifier, "pen-7", OTHER).write(0, 7)), "wrong_signature")

    def test_a_challenge_that_nobody_gave(self, verifier, pen, ask):
        for purpose in Purpose:
            its = pen.sign(signature(0, 7), bytes(16), purpose)
            refused(verifier, lambda its=its: ask(verifier, its), "stale")

    def test_a_challenge_of_another_line(self, verifier, pen, ask):
        its = dataclasses.replace(pen.write(0, 7), line=Challenges())
        refused(verifier, lambda: ask(verifier, its), "stale")


class TestReplay:
    def test_a_recorded_capture_answers_no_challenge(self, verifier, pen):
        its = pen.write(0, 7)
        assert verifier.verify("alice", its).accepted
        refused(verifier, lambda: verifier.verify("alice", its), "stale")
        refused(verifier, lambda: verifier.verify("bob", its), "stale")

    def test_a_number_that_was_used(self, verifier, pen):
        late = pen.write(0, 7)
        assert verifier.verify("alice", pen.write(0, 8)).accepted
        refused(verifier, lambda: verifier.verify("alice", late), "counted_before")

    def test_by_any_way_in(self, verifier, pen):
        late, later = pen.write(0, 7), pen.write(0, 17)
        reference, offered = pen.write(1, 7, purpose=ENROLL), pen.write(1, 8, purpose=ENROLL)
        verifier.identify(pen.write(0, 8))
        refused(verifier, lambda: verifier.identify(late), "counted_before")
        refused(verifier, lambda: verifier.score("alice", later), "counted_before")
        refused(verifier, lambda: verifier.enroll("bob", [reference]), "counted_before")
        refused(verifier, lambda: verifier.enrollment("bob").add(offered), "counted_before")

    def test_a_restart_forgets_no_counter(self, tmp_path):
        path = tmp_path / "store.db"
        with opened(path) as its:
            pen = Pen(its)
            its.enroll("alice", [pen.write(0, each, purpose=ENROLL) for each in range(5)])
            assert its.verify("alice", pen.write(0, 7)).accepted
        with opened(path) as its:
            before = Pen(its, start=6)
            refused(its, lambda: its.verify("alice", before.write(0, 8)), "counted_before")
            assert its.verify("alice", before.write(0, 9)).accepted

    def test_a_decision_that_fails_keeps_no_counter(self, verifier, pen, monkeypatch):
        before = verifier.store.records(KIND)
        monkeypatch.setattr("sigverify.policy.gate.Gate.settle", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            verifier.verify("alice", pen.write(0, 7))
        assert verifier.store.records(KIND) == before

    def test_a_capture_shown_during_a_wait_is_used_up(self):
        with opened(policy=Policy(per_user=Schedule(tries=1))) as verifier:
            pen = Pen(verifier)
            verifier.enroll("alice", [pen.write(0, each, purpose=ENROLL) for each in range(5)])
            verifier.verify("alice", pen.write(1, 7))
            its = pen.write(0, 8)
            assert verifier.verify("alice", its).reason is Reason.LOCKED
            verifier.unlock("alice")
            refused(verifier, lambda: verifier.verify("alice", its), "stale")


def test_one_purpose_is_not_the_other(verifier, pen):
    reference, probe = pen.write(0, 7, purpose=ENROLL), pen.write(1, 7)
    refused(verifier, lambda: verifier.verify("alice", reference), "other_purpose")
    refused(verifier, lambda: verifier.enroll("bob", [probe]), "other_purpose")


@pytest.mark.usefixtures("pen")
def test_each_pen_counts_by_itself_and_another_key_counts_anew(verifier):
    assert verifier.verify("alice", Pen(verifier, "pen-8", OTHER).write(0, 7)).accepted
    with Verifier(
        verifier.store, arithmetic_matcher(), capture_keys=CaptureKeys({"pen-7": Key(bytes(range(2, 34)))})
    ) as renewed:
        fresh = Pen(renewed, "pen-7", Key(bytes(range(2, 34))))
        assert renewed.verify("alice", fresh.write(0, 8)).accepted


def test_identify_and_then_verify_about_one_capture(verifier, pen):
    checked = verifier.checked(pen.write(0, 7))
    assert len(verifier.identify(checked, remember=False)) == 1
    assert verifier.verify("alice", checked).accepted
    refused(verifier, lambda: verifier.verify("alice", checked), "counted_before")
    with opened() as other, pytest.raises(UntrustedCapture):
        other.identify(verifier.checked(pen.write(0, 8)))


def test_a_forged_one_uses_up_nobodys_challenge(verifier, pen):
    its = pen.write(0, 7)
    forged = SignedCapture(**{**vars(its), "mac": bytes(32)})
    refused(verifier, lambda: verifier.verify("alice", forged), "wrong_signature")
    assert verifier.verify("alice", its).accepted


def test_refusals_lock_the_device_and_then_write_nothing():
    with opened(policy=Policy(per_device=Schedule(tries=3, patience=None))) as verifier:
        for _ in range(6):
            with pytest.raises(UntrustedCapture):
                verifier.verify("alice", signature(0, 7))
        events = [each.event for each in verifier.audit.entries()]
        assert events == [Event.CAPTURE_REFUSED] * 3 + [Event.LOCKED_OUT]
        pen = Pen(verifier)
        verifier.enroll("alice", [pen.write(0, each, purpose=ENROLL) for each in range(5)])
        assert verifier.verify("alice", pen.write(0, 7)).reason is Reason.LOCKED
        verifier.unlock()
        assert verifier.verify("alice", pen.write(0, 8)).accepted


def test_nothing_asks_for_signatures_without_keys(pen):
    with opened(keys=None) as verifier:
        assert not verifier.takes_signed_only
        verifier.enroll("alice", [signature(0, each) for each in range(5)])
        assert verifier.verify("alice", signature(0, 7)).accepted
        probe = signature(0, 8)
        assert verifier.checked(probe) is probe
        for ask in (verifier.identify, verifier.checked, lambda its: verifier.verify("alice", its)):
            with pytest.raises(ConfigError, match="no keys to check it by"):
                ask(pen.write(0, 8))


def test_a_damaged_counter_never_reads_as_none(verifier, pen):
    (subject,) = verifier.store.records(KIND)
    with verifier.store.transaction() as records:
        records.put(KIND, subject, b"")
    with pytest.raises(Exception, match="counter is damaged"):
        verifier.verify("alice", pen.write(0, 7))
