"""The rules of `Verifier.verify`: what a try leaves behind, and what it may tell."""

import time
from dataclasses import replace

import numpy as np
import pytest
from builders import arithmetic_matcher, signature
from in_threads import in_threads

from sigverify.audit import Event
from sigverify.decision import Outcome, Reason
from sigverify.errors import ConfigError, StoreError, UnknownUser
from sigverify.matching.aspect import Aspect
from sigverify.modality.pen.signature import Signature
from sigverify.policy import Policy
from sigverify.policy.clock import Instant
from sigverify.policy.gate import Gate, Trial
from sigverify.policy.lockout import DEVICE, KIND, Schedule
from sigverify.policy.replay import Memory, Role
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier

STRICT = Schedule(tries=3, first_s=60)


class Clock:
    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return Instant(boot="b", boot_s=self.now_s, wall_s=0)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make(clock):
    """Return a function from a policy to a verifier with alice (writer 0) and bob (writer 1)."""
    made = []

    def open_with(policy, path=MEMORY):
        its = Verifier(SqliteStore(path), arithmetic_matcher(), policy=policy, now=clock)
        made.append(its)
        for writer, name in enumerate(("alice", "bob")):
            if name not in its.users():
                its.enroll(name, [signature(writer, repetition) for repetition in range(5)])
        return its

    yield open_with
    for its in made:
        its.close()


def disturbed(its):
    rng = np.random.default_rng(0)
    x = its.x + 0.2 * rng.normal(size=len(its))
    return Signature(x + 10, its.y - 5, its.time_ms + 500, its.pressure, its.pen_down)


def test_copies_of_probes_and_references_are_refused(make):
    verifier = make(Policy(fmr=0.1))
    assert verifier.verify("alice", signature(0, 9)).accepted
    for copy in (signature(0, 9), disturbed(signature(0, 9)), signature(0, 2), disturbed(signature(0, 2))):
        decision = verifier.verify("alice", copy)
        assert (decision.outcome, decision.reason) == (Outcome.REJECT, Reason.REPLAY)
    assert verifier.score("alice", signature(0, 9)) > 0.5
    verifier.unlock("alice")
    verifier.policy = replace(verifier.policy, replay=False)
    assert verifier.verify("alice", signature(0, 9)).accepted


def test_what_was_rejected_is_remembered_too_and_what_was_replaced(make):
    verifier = make(Policy(fmr=0.1))
    assert verifier.verify("alice", signature(4, 0)).reason is Reason.UNLIKE
    assert verifier.verify("alice", signature(4, 0)).reason is Reason.REPLAY
    verifier.enroll("alice", [signature(0, repetition) for repetition in range(20, 25)], replace=True)
    assert verifier.verify("alice", signature(0, 3)).reason is Reason.REPLAY
    assert verifier.verify("bob", signature(0, 30)).reason is Reason.UNLIKE


def test_the_memory_is_bounded(make):
    verifier = make(Policy(per_user=None, per_device=None, remembered=4))
    for repetition in range(9, 19):
        verifier.verify("alice", signature(0, repetition))
    memory = Memory.from_bytes(verifier.store.read_record("replay", "alice"))
    roles = [role for role, _ in memory.entries]
    assert (roles.count(Role.REFERENCE), len(roles)) == (5, 9)


def test_failed_tries_lock_a_user_out_and_nobody_else(make, clock):
    verifier = make(Policy(fmr=0.1, per_user=STRICT))
    waits = [verifier.verify("alice", signature(3, number)).retry_after_s for number in range(3)]
    assert waits == [0, 0, 60]
    locked = verifier.verify("alice", signature(0, 9))
    assert (locked.outcome, locked.reason) == (Outcome.REJECT, Reason.LOCKED)
    assert (locked.score, locked.retry_after_s) == (None, 60)
    assert verifier.verify("bob", signature(1, 9)).accepted
    clock.now_s += 59
    assert verifier.verify("alice", signature(0, 10)).retry_after_s == pytest.approx(1)
    clock.now_s += 2
    assert verifier.verify("alice", signature(0, 11)).accepted
    assert verifier.store.read_record(KIND, "alice") is None


def test_a_locked_try_is_not_counted_and_its_capture_is_no_longer_new(make, clock):
    verifier = make(Policy(fmr=0.1, per_user=STRICT))
    for number in range(8):
        verifier.verify("alice", signature(3, number))
    clock.now_s += 61
    assert verifier.verify("alice", signature(3, 8)).reason is Reason.UNLIKE
    clock.now_s += 600
    assert verifier.verify("alice", signature(3, 7)).reason is Reason.REPLAY


def test_a_lockout_outlives_the_process(make, tmp_path):
    policy = Policy(fmr=0.1, per_user=STRICT)
    verifier = make(policy, tmp_path / "a.db")
    for number in range(3):
        verifier.verify("alice", signature(3, number))
    verifier.close()
    assert make(policy, tmp_path / "a.db").verify("alice", signature(0, 9)).reason is Reason.LOCKED


def test_the_device_is_locked_by_failures_under_many_names_whatever_is_accepted(make):
    verifier = make(Policy(fmr=0.1, per_device=STRICT))
    verifier.verify("alice", signature(3, 0))
    verifier.verify("bob", signature(3, 1))
    assert verifier.verify("alice", signature(0, 9)).accepted
    assert verifier.verify("bob", signature(3, 2)).retry_after_s == 60
    assert verifier.verify("alice", signature(0, 10)).reason is Reason.LOCKED
    verifier.unlock()
    assert verifier.verify("alice", signature(0, 11)).accepted


def test_unlocking_one_user(make):
    verifier = make(Policy(fmr=0.1, per_user=STRICT))
    for number in range(3):
        verifier.verify("alice", signature(3, number))
    verifier.unlock("alice")
    assert verifier.verify("alice", signature(0, 9)).accepted
    with pytest.raises(UnknownUser):
        verifier.unlock("nobody")


def test_three_outcomes(make):
    verifier = make(Policy.unguarded())
    scores = {repetition: verifier.score("alice", signature(0, repetition)) for repetition in range(6, 40)}
    strict, loose = (
        verifier.model.manifest.scoring.threshold(fmr, references=5) for fmr in (0.001, 0.1)
    )  # fmt: skip
    seen = set()
    for repetition, score in scores.items():
        decision = verifier.verify("alice", signature(0, repetition), fmr=0.001, refer_fmr=0.1)
        expected = Outcome.ACCEPT if score >= strict else Outcome.REFER if score >= loose else Outcome.REJECT
        assert decision.outcome is expected
        assert (decision.reason is Reason.UNSURE) == (expected is Outcome.REFER)
        assert bool(decision.unlike) == (expected is not Outcome.ACCEPT)
        assert 0.5 <= decision.confidence <= 1
        seen.add(expected)
    assert {Outcome.ACCEPT, Outcome.REFER} <= seen


def test_rates_without_a_threshold_leave_no_trace(make):
    verifier = make(Policy())
    before = verifier.store.read_record("replay", "alice")
    for rates in ({"fmr": 0.4}, {"refer_fmr": 0.9}, {"refer_fmr": float("nan")}, {"fmr": float("nan")}):
        with pytest.raises(ConfigError):
            verifier.verify("alice", signature(0, 9), **rates)
    assert verifier.store.read_record("replay", "alice") == before


def test_too_little_signature_is_an_outcome_and_no_failed_try(make):
    verifier = make(Policy(per_user=STRICT))
    its = signature(0, 9)
    slip = Signature(its.x[:12], its.y[:12], its.time_ms[:12])
    for _ in range(5):
        decision = verifier.verify("alice", slip)
        assert (decision.outcome, decision.reason, decision.score) == (Outcome.REJECT, Reason.POOR, None)
    assert verifier.store.read_record(KIND, "alice") is None


def test_a_rejection_says_what_is_unlike(make):
    verifier = make(Policy())
    assert Aspect.SHAPE in verifier.verify("alice", signature(3, 9)).unlike
    assert verifier.verify("alice", signature(0, 9), fmr=0.1).unlike == ()


# ------------------------------------------------------------------------------------ untrusted callers
def untrusted(**changes):
    return replace(Policy.kiosk(), fmr=0.1, **changes)


def test_nobody_learns_who_is_enrolled(make):
    verifier = make(untrusted(per_user=STRICT, per_device=None))
    with pytest.raises(UnknownUser):
        make(Policy()).verify("nobody", signature(3, 0))
    for number in range(5):
        known, unknown = (verifier.verify(name, signature(3, number)) for name in ("alice", "nobody"))
        assert known == unknown
        assert known.latency_ms is None
    assert known.reason is Reason.LOCKED
    verifier.unlock("alice")
    assert verifier.verify("alice", signature(0, 9)).accepted
    assert verifier.verify("nobody", signature(0, 9)).outcome is Outcome.REJECT


def test_a_copy_looks_like_any_rejection(make):
    verifier = make(untrusted())
    decision = verifier.verify("alice", signature(0, 2))
    assert (decision.reason, decision.score, decision.unlike) == (Reason.UNLIKE, None, ())


def test_many_unknown_names_fill_no_disk(make):
    verifier = make(untrusted(per_device=None))
    for number in range(40):
        verifier.verify(f"nobody-{number}", signature(3, number))
    names = {name for kind in ("lockout-unknown", "replay-unknown") for name in verifier.store.records(kind)}
    assert names
    assert all(len(name) == 2 for name in names)
    assert verifier.users() == ("alice", "bob")


@pytest.mark.slow
def test_unknown_names_take_like_time(make):
    verifier = make(untrusted(per_user=None, per_device=None))
    taken = {"alice": [], "nobody": []}
    for number in range(60):
        for name, latencies in taken.items():
            start = time.process_time()
            verifier.verify(name, signature(3, number))
            latencies.append(time.process_time() - start)
    # The shortest: whatever else a machine does makes times longer, and never shorter.
    known, unknown = (min(latencies) for latencies in taken.values())
    assert 0.6 < unknown / known < 1.6


# ------------------------------------------------------------------------------------ the transaction
def trial(**changes):
    plain = {"subject": "alice", "known": True, "score": 0.5, "threshold": 0.9, "refer_threshold": None}
    return Trial(**plain | changes)


def test_nobody_unknown_is_accepted_or_referred_whatever_the_score():
    with SqliteStore(MEMORY) as store, store.transaction() as records:
        for score in (0.5, 1.0):
            its = trial(known=False, score=score, refer_threshold=0.1)
            assert Gate(Policy()).settle(records, its).outcome is Outcome.REJECT


def test_without_a_record_there_is_no_answer(make, monkeypatch):
    verifier = make(Policy(fmr=0.1))

    def fail(*_):
        raise StoreError("the disk is full")

    monkeypatch.setattr("sigverify.policy.gate.Gate.settle", fail)
    with pytest.raises(StoreError, match="disk is full"):
        verifier.verify("alice", signature(0, 9))


@pytest.mark.parametrize(
    ("probe", "policy", "durable"),
    [
        (signature(3, 0), Policy(fmr=0.1), [True]),
        (signature(0, 9), Policy(fmr=0.1), [False]),
        (signature(0, 9), Policy(fmr=0.1, durable_accepts=True), [True]),
        (signature(0, 2), Policy(fmr=0.1), [False, True]),
    ],
    ids=["rejected", "accepted", "accepted with care", "alike and yet a copy"],
)
def test_refusals_are_on_the_disk_before_the_answer(make, monkeypatch, probe, policy, durable):
    verifier = make(policy)
    assert verifier.verify("bob", signature(1, 30)).accepted
    asked, transaction = [], verifier.store.transaction

    def noting(*, durable=True, local=False):
        asked.append(durable)
        return transaction(durable=durable, local=local)

    monkeypatch.setattr(verifier.store, "transaction", noting)
    verifier.verify("alice", probe)
    assert asked == durable


def test_forgetting_leaves_no_record(make):
    verifier = make(Policy(fmr=0.1))
    verifier.join("alice", "staff")
    verifier.verify("alice", signature(3, 0))
    verifier.forget("alice")
    for kind in ("lockout", "replay", "groups"):
        assert "alice" not in verifier.store.records(kind)
    assert "bob" in verifier.store.records("replay")
    verifier.enroll("alice", [signature(0, repetition) for repetition in range(5)])
    assert verifier.verify("alice", signature(0, 9)).accepted


# ------------------------------------------------------------------------------------ threads
def test_eight_threads_get_the_answers_that_one_gets(make, tmp_path):
    verifier = make(Policy(fmr=0.1, per_user=None, per_device=None), tmp_path / "a.db")
    probes = [
        (name, signature(writer, 9 + n)) for n in range(12) for writer, name in ((0, "alice"), (1, "bob"))
    ]
    expected = [verifier.score(name, probe) for name, probe in probes]
    got = [None] * len(probes)

    def work(number):
        for index in range(number, len(probes), 8):
            got[index] = verifier.verify(*probes[index])

    in_threads(8, work)
    assert [decision.score for decision in got] == expected
    again = [verifier.verify(*probe).reason for probe in probes]
    assert set(again) == {Reason.REPLAY}


def test_eight_threads_with_one_capture_get_in_once(make):
    verifier = make(Policy(fmr=0.1, per_user=None, per_device=None))
    decisions = []
    in_threads(8, lambda _: decisions.append(verifier.verify("alice", signature(0, 9))))
    assert sorted(decision.accepted for decision in decisions) == [False] * 7 + [True]


def test_eight_threads_do_not_outrun_the_lockout(make):
    verifier = make(Policy(fmr=0.1, per_user=STRICT))
    decisions = []
    in_threads(8, lambda number: decisions.append(verifier.verify("alice", signature(3, number))))
    reasons = [decision.reason for decision in decisions]
    assert reasons.count(Reason.UNLIKE) == 3
    assert reasons.count(Reason.LOCKED) == 5
    assert verifier.store.read_record(KIND, DEVICE) is not None


class TestPatience:
    """NIST SP 800-63B: at most 100 consecutive failed attempts; then a person has to look."""

    def fail(self, verifier, clock, count, user="alice"):
        reasons = []
        for number in range(count):
            clock.now_s += 86_400
            reasons.append(verifier.verify(user, signature(4, number)).reason)
        return reasons

    @pytest.mark.parametrize("policy", [Policy(fmr=0.1), Policy.kiosk()], ids=["trusted", "kiosk"])
    def test_after_a_hundred_failures_no_wait_helps(self, make, clock, policy):
        verifier = make(replace(policy, per_device=None))
        reasons = self.fail(verifier, clock, 103)
        assert set(reasons[:99]) <= {Reason.UNLIKE, Reason.REPLAY}
        assert reasons[99:] == [Reason.BLOCKED] * 4
        clock.now_s += 1e9
        assert verifier.verify("alice", signature(0, 30)).to_dict() | {"latency_ms": None} == {
            **verifier.verify("alice", signature(4, 200)).to_dict(),
            "latency_ms": None,
        }
        assert verifier.verify("bob", signature(1, 30)).accepted

    def test_an_operator_unlocks_and_all_of_it_is_in_the_log(self, make, clock):
        verifier = make(replace(Policy(fmr=0.1), per_device=None))
        self.fail(verifier, clock, 102)
        blocked = [entry for entry in verifier.audit.entries(user_id="alice") if entry.event is Event.BLOCKED]
        assert len(blocked) == 1
        verifier.unlock("alice")
        assert verifier.verify("alice", signature(0, 31)).accepted
        assert [entry.event for entry in verifier.audit.entries(user_id="alice")][-2:] == [
            Event.UNLOCKED,
            Event.ACCEPTED,
        ]
        assert verifier.audit.verify()

    def test_nobody_learns_by_it_who_is_enrolled(self, make, clock):
        verifier = make(replace(Policy.kiosk(), per_device=None))
        assert self.fail(verifier, clock, 101, "nobody") == self.fail(verifier, clock, 101)

    def test_a_referral_stays_one_and_counts(self, make, clock):
        verifier = make(replace(Policy(), per_user=Schedule(tries=1, patience=1), replay=False))
        trial = replace(SCORELESS, score=0.3, refer_threshold=0.2)
        with verifier.store.transaction() as records:
            gate = Gate(verifier.policy, now=clock)
            assert gate.settle(records, trial).outcome is Outcome.REFER
            assert gate.settle(records, trial).reason is Reason.BLOCKED


SCORELESS = Trial(subject="alice", known=True, score=0.0, threshold=0.5, refer_threshold=None)
