import pytest

from firmware_bridge.capability import ALL, Capability, Grant
from firmware_bridge.kiosk.enrollments import IDLE_S as ENROLLMENT_IDLE_S
from firmware_bridge.kiosk.enrollments import MAX_ENROLLMENTS, Enrollments
from firmware_bridge.kiosk.operators import IDLE_S, MAX_SESSIONS, Operators, operator
from firmware_bridge.kiosk.refusal import Refused
from sigverify.actor import Actor, ActorKind, acting
from sigverify.administration import unlock
from sigverify.audit import AuditLog, Event
from sigverify.policy.clock import Instant
from sigverify.store import MEMORY, SqliteStore

CODE = "123456"
GRANTS = (Grant(name="operator", secret=CODE, may=ALL),)


class Clock:
    """A time that tests set."""

    now_s = 1000.0

    def __call__(self):
        return self.now_s

    def instant(self):
        return Instant(boot="b", boot_s=self.now_s, wall_s=self.now_s)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store():
    with SqliteStore(MEMORY) as its:
        yield its


@pytest.fixture
def operators(store, clock):
    return Operators(store, GRANTS, clock=clock, now=clock.instant)


def test_a_session_ends_when_nobody_uses_it(operators, clock):
    session = operators.sign_in(CODE)
    clock.now_s += IDLE_S - 1
    assert operators.has(session)
    clock.now_s += IDLE_S - 1
    assert operators.has(session)
    clock.now_s += IDLE_S + 1
    assert not operators.has(session)


def test_sessions_are_not_guessed(operators):
    session = operators.sign_in(CODE)
    assert len(session) >= 32
    for other in (None, "", session[:-1], operators.sign_in(CODE)[::-1]):
        assert not operators.has(other)
    operators.sign_out(session)
    operators.sign_out(session)
    operators.sign_out(None)
    assert not operators.has(session)


def test_only_so_many_at_one_time(operators, clock):
    sessions = []
    for _ in range(MAX_SESSIONS + 1):
        clock.now_s += 1
        sessions.append(operators.sign_in(CODE))
    assert [operators.has(session) for session in sessions] == [False] + [True] * MAX_SESSIONS


def test_wrong_codes_cost_time_that_outlives_a_restart(operators, store, clock):
    for _ in range(5):
        with pytest.raises(Refused, match="not the operator's code") as refused:
            operators.sign_in("654321")
        assert refused.value.http == 403
    again = Operators(store, GRANTS, clock=clock, now=clock.instant)
    with pytest.raises(Refused, match="wait") as refused:
        again.sign_in(CODE)  # even the right one: otherwise the wait would tell which it is
    assert refused.value.http == 429
    assert 29 < refused.value.retry_after_s <= 30
    clock.now_s += 31
    assert again.has(again.sign_in(CODE))
    with pytest.raises(Refused, match="not the operator's code"):
        again.sign_in("ä")


def test_a_hundred_wrong_codes_are_for_whoever_looks_after_the_device(operators, store, clock):
    for _ in range(100):
        with pytest.raises(Refused, match="not the operator's code"):
            operators.sign_in("654321")
        clock.now_s += 301
    clock.now_s += 1e9
    with pytest.raises(Refused, match="sigverify unlock") as refused:
        operators.sign_in(CODE)
    assert (refused.value.http, refused.value.retry_after_s) == (403, 0.0)
    assert [entry.event for entry in AuditLog(store).entries()] == [Event.WRONG_CODE] * 100
    unlock(store)
    assert operators.has(operators.sign_in(CODE))
    assert [entry.event for entry in AuditLog(store).entries()][-2:] == [Event.UNLOCKED, Event.SIGNED_IN]


def test_everybody_is_an_operator_without_a_code(store):
    operators = Operators(store, ())
    assert operators.open_to_all
    assert operators.has(None)
    with pytest.raises(Refused, match="everybody"):
        operators.sign_in(CODE)


def test_enrollments_are_dropped_when_nobody_goes_on(clock):
    enrollments = Enrollments(clock=clock)
    first = enrollments.begin("first")
    clock.now_s += ENROLLMENT_IDLE_S - 1
    with enrollments.use(first) as enrollment:
        assert enrollment == "first"
    clock.now_s += ENROLLMENT_IDLE_S + 1
    with pytest.raises(Refused, match="no such enrollment"), enrollments.use(first):
        pass


def test_only_so_many_enrollments(clock):
    enrollments = Enrollments(clock=clock)
    names = [enrollments.begin(number) for number in range(MAX_ENROLLMENTS)]
    with pytest.raises(Refused, match="too many") as refused:
        enrollments.begin("one more")
    assert refused.value.http == 503
    enrollments.end(names[0])
    enrollments.end(names[0])
    with enrollments.use(enrollments.begin("one more")) as enrollment:
        assert enrollment == "one more"


def test_who_signed_in_and_out_is_in_the_log_and_no_secret(operators, store):
    visitor = Actor(ActorKind.VISITOR, "203.0.113.7")
    with acting(visitor):
        with pytest.raises(Refused):
            operators.sign_in("654321")
        session = operators.sign_in(CODE)
        for each in (session, session, None, "no session"):
            operators.sign_out(each)
    entries = [(entry.event, entry.actor) for entry in AuditLog(store).entries()]
    its = operator("operator", session)
    assert entries == [(Event.WRONG_CODE, visitor), (Event.SIGNED_IN, its), (Event.SIGNED_OUT, its)]
    assert session not in str(its)


def test_each_code_has_a_name_and_what_it_may(store, clock):
    few = Grant(name="nights", secret=CODE[::-1], may=frozenset({Capability.UNLOCK}))
    operators = Operators(store, (*GRANTS, few), clock=clock, now=clock.instant)
    all_of_it, one = operators.sign_in(CODE), operators.sign_in("654321")
    assert (operators.may(all_of_it), operators.may(one), operators.may(None)) == (ALL, few.may, frozenset())
    assert str(operators.actor(one)).startswith("operator nights, session ")
    assert operators.actor("no session") is None
    operators.sign_out(one)
    assert operators.may(one) == frozenset()
    clock.now_s += IDLE_S + 1
    assert operators.may(all_of_it) == frozenset()
