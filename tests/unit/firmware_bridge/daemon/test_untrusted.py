"""What clients that are not trusted may ask, what they are told, and what it costs them."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from builders import arithmetic_matcher, signature

from firmware_bridge.capability import DAEMON
from firmware_bridge.client import Client
from firmware_bridge.daemon.untrusted import Terms
from firmware_bridge.testing import MemoryDaemon
from sigverify.audit import Event
from sigverify.enrollment.addition import AdditionReason
from sigverify.errors import AlreadyEnrolled, Busy, ConfigError, EnrollmentError, NotAllowed, UnknownUser
from sigverify.modality.pen.signature import Signature
from sigverify.policy import Policy
from sigverify.policy.clock import Instant
from sigverify.policy.lockout import PER_DEVICE, Schedule
from sigverify.store import MEMORY, SqliteStore
from sigverify.verifier import Verifier

ALICE = [signature(0, repetition) for repetition in range(5)]
BOB = [signature(1, repetition) for repetition in range(5)]
FREE = PER_DEVICE.tries


class Clock:
    """A time that tests set."""

    now_s = 1000.0

    def __call__(self):
        return Instant(boot="b", boot_s=self.now_s, wall_s=0)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def verifier(clock):
    with Verifier(SqliteStore(MEMORY), arithmetic_matcher(), policy=Policy.kiosk(), now=clock) as its:
        its.enroll("alice", ALICE)
        its.enroll("bob", BOB)
        yield its


@pytest.fixture
def client(verifier, clock):
    daemon = MemoryDaemon(verifier, allowed=DAEMON, untrusted=Terms())
    daemon._service._budget._lockout._now = clock
    with Client(daemon) as its:
        yield its


def events(verifier):
    return [entry.event for entry in verifier.audit.entries()][2:]  # two were enrolled before


class TestNothingIsTheirsToChoose:
    @pytest.mark.parametrize(
        "ask",
        [
            lambda client: client.verify("alice", signature(0, 9), fmr=0.5),
            lambda client: client.verify("alice", signature(0, 9), impostor="random"),
            lambda client: client.verify("alice", signature(0, 9), refer_fmr=0.5),
            lambda client: client.identify(signature(0, 9), fpir=0.9),
            lambda client: client.identify(signature(0, 9), fpir=0.01),
            lambda client: client.identify(signature(0, 9), among="staff"),
            lambda client: client.enrollment("carol", references=1),
            lambda client: client.enrollment("carol", references=12),
            lambda client: client.enrollment("carol", groups=["staff"]),
            lambda client: client.enrollment("alice", replace=True),
        ],
    )
    def test_no_number_that_moves_a_threshold_and_no_list(self, client, verifier, ask):
        with pytest.raises(NotAllowed, match="may not choose"):
            ask(client)
        assert events(verifier) == [], "nothing was asked of the verifier"

    def test_the_operators_terms_count(self, verifier):
        with Client(
            MemoryDaemon(verifier, allowed=DAEMON, untrusted=Terms(references=3, fpir=0.2))
        ) as client:
            enrollment = client.enrollment("carol", references=3)
            assert enrollment.remaining == 3
            assert client.identify(signature(0, 9)).fpir == 0.2

    @pytest.mark.parametrize(
        "policy",
        [Policy(), replace(Policy.kiosk(), reveal_unknown=True), replace(Policy.kiosk(), per_device=None)],
    )
    def test_a_policy_that_would_tell_them_more_is_refused(self, policy):
        with (
            Verifier(SqliteStore(MEMORY), arithmetic_matcher(), policy=policy) as its,
            pytest.raises(ConfigError, match="not trusted"),
        ):
            MemoryDaemon(its, allowed=DAEMON, untrusted=Terms())

    def test_terms_that_make_no_sense(self):
        for fpir in (0, 1, -1, float("nan")):
            with pytest.raises(ConfigError, match="identification rate"):
                Terms(fpir=fpir)
        with pytest.raises(EnrollmentError):
            Terms(references=0)


class TestAnswers:
    def test_one_name_without_a_score_and_true_where_somebody_was_found(self, client):
        found = client.identify(signature(0, 9), top_k=100)
        assert [(match.user_id, match.score) for match in found] == [("alice", None)]
        assert bool(found) is True
        assert bool(client.identify(signature(7, 0))) is False

    def test_who_is_named_is_also_accepted_so_copies_and_waits_count(self, client, verifier):
        assert client.identify(signature(0, 9))
        assert not client.identify(signature(0, 9)), "the same bytes again"
        assert not client.identify(ALICE[0]), "a reference"
        assert events(verifier)[-2:] == [Event.REPLAYED, Event.REPLAYED]
        for repetition in range(5):
            client.verify("bob", signature(8, repetition))
        assert not client.identify(signature(1, 9)), "bob has to wait"
        verifier.unlock("bob")
        assert client.identify(signature(1, 10))

    def test_a_receipt_says_nothing_of_likeness(self, client):
        receipt = client.enroll("carol", [signature(2, repetition) for repetition in range(5)])
        assert receipt.consistency is None
        assert receipt.to_dict()["consistency"] is None
        assert receipt.strangers is None


class TestEachQuestionCountsAndIsLogged:
    """Each "no" is a failed try of the device."""

    def ask_until_locked(self, ask, error):
        asked = 0
        while True:
            try:
                ask()
            except Busy:
                return asked
            except error:
                pass
            asked += 1
            assert asked < 1000

    @pytest.mark.parametrize(
        ("ask", "error", "event"),
        [
            (lambda client: client.identify(signature(7, 0)), (), Event.NOT_IDENTIFIED),
            (lambda client: client.users(), (), Event.LISTED),
            (lambda client: client.enrollment("alice"), AlreadyEnrolled, Event.ENROLLMENT_REFUSED),
            (lambda client: client.forget("nobody"), UnknownUser, Event.UNKNOWN_USER),
        ],
    )
    def test_by_itself(self, client, verifier, clock, ask, error, event):
        assert self.ask_until_locked(lambda: ask(client), error) == FREE
        assert events(verifier)[:-1] == [event] * FREE
        assert events(verifier)[-1] is Event.LOCKED_OUT
        assert verifier.verify("bob", signature(1, 9)).retry_after_s > 0, "one budget, whatever the door"
        with pytest.raises(Busy, match="Ask again in 30 s"):
            ask(client)
        clock.now_s += 31
        with pytest.raises(error) if error else nullcontext():
            ask(client)

    def test_all_doors_have_one_budget(self, client):
        for number in range(FREE // 5):
            client.users()
            assert not client.identify(signature(7, number))
            assert not client.verify(f"nobody {number}", signature(7, 50 + number))
            with pytest.raises(AlreadyEnrolled):
                client.enrollment("bob")
            with pytest.raises(UnknownUser):
                client.forget("nobody")
        with pytest.raises(Busy):
            client.users()
        assert client.verify("bob", signature(1, 30)).retry_after_s > 0

    def test_references_that_are_refused_by_their_likeness(self, client, verifier):
        enrollment = client.enrollment("carol")
        assert enrollment.add(signature(2, 0))
        for _ in range(3):
            assert enrollment.add(signature(2, 0)).reason is AdditionReason.COPY
        refused = [entry for entry in verifier.audit.entries() if entry.event is Event.ENROLLMENT_REFUSED]
        assert [dict(entry.detail) for entry in refused] == [{"reason": "copy"}] * 3

    def test_a_yes_costs_nothing(self, client, verifier):
        for repetition in range(10, 60):
            client.verify("alice", signature(0, repetition))
            verifier.unlock("alice")
            verifier.unlock()
        found = [client.identify(signature(0, 100 + repetition)) for repetition in range(FREE)]
        assert sum(map(bool, found)) > FREE // 2

    def test_an_operator_may_block_the_device_for_good(self, clock):
        policy = replace(Policy.kiosk(), per_device=Schedule(tries=1, patience=2, trust_wall=False))
        with Verifier(SqliteStore(MEMORY), arithmetic_matcher(), policy=policy, now=clock) as its:
            daemon = MemoryDaemon(its, allowed=DAEMON, untrusted=Terms())
            daemon._service._budget._lockout._now = clock
            with Client(daemon) as client:
                client.users()
                clock.now_s += 1e6
                client.users()
                clock.now_s += 1e9
                with pytest.raises(Busy, match="An operator has to unlock"):
                    client.users()
                its.unlock()
                client.users()


def near_forgery():
    """A tenth of the way from alice's hand to another's: rejected, and not by far."""
    its, other = signature(0, 40), signature(4, 0)
    x, y = 0.9 * its.x + 0.1 * other.x, 0.9 * its.y + 0.1 * other.y
    return Signature(x, y, its.time_ms, its.pressure, its.pen_down)


class TestClimbing:
    """A forgery that was rejected, changed a little at random, each change kept that seems to help."""

    def changed(self, forgery, rng):
        """Add a smooth wave to the way of the pen."""
        even = np.linspace(0, 1, len(forgery))
        waves = [
            sum(rng.normal() * np.sin(np.pi * (number + 1) * even) for number in range(6)) for _ in range(2)
        ]
        size = np.ptp(forgery.x) * rng.uniform(0.002, 0.02)
        x, y = forgery.x + size * waves[0], forgery.y + size * waves[1]
        return Signature(x, y, forgery.time_ms, forgery.pressure, forgery.pen_down)

    def climb(self, ask, steps):
        """Return the best that was found by the answers of `ask`: numbers, higher is better."""
        rng = np.random.default_rng(1)
        best = near_forgery()
        reached = ask(best)
        for _ in range(steps):
            probe = self.changed(best, rng)
            answer = ask(probe)
            if answer > reached:
                best, reached = probe, answer
        return best

    def test_where_the_rate_is_the_clients_to_choose_it_climbs(self, verifier):
        """So it was for clients that are not trusted: the lowest rate that still names alice is her score."""
        verifier.policy = Policy.unguarded()
        with Client(MemoryDaemon(verifier)) as client:

            def score(probe):
                low, high = -2.3, -1.0  # powers of ten
                for _ in range(6):
                    middle = (low + high) / 2
                    found = "alice" in [match.user_id for match in client.identify(probe, fpir=10**middle)]
                    low, high = (low, middle) if found else (middle, high)
                return -high

            before = verifier.score("alice", near_forgery())
            assert verifier.score("alice", self.climb(score, 40)) > before + 0.05

    def test_within_the_budget_it_gains_nothing(self, client, verifier, clock):
        asked = {"answered": 0, "refused": 0, "named": 0}

        def named(probe):
            clock.now_s += 20.0  # three a minute, of which the budget lets one
            try:
                found = len(client.identify(probe))
            except Busy:
                asked["refused"] += 1
                return 0
            asked["answered"] += 1
            asked["named"] += found
            return found

        best = self.climb(named, 240)
        # In 80 minutes: the free tries, one a minute, and what waits of half a minute cost of those.
        assert asked == {"answered": 111, "refused": 130, "named": 0}
        assert verifier.score("alice", best) == verifier.score("alice", near_forgery()), "not a step"
        assert (
            events(verifier).count(Event.NOT_IDENTIFIED) + events(verifier).count(Event.REJECTED)
            == (asked["answered"])
        )
