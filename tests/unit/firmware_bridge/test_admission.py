import contextlib
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.admission import Admission, Bounds
from firmware_bridge.log_thinning import Thinning, thinned
from firmware_bridge.transport.address import peer_of
from sigverify.errors import ConfigError


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


class TestConnections:
    def enter(self, admission, peer, closed, name, clock):
        clock.now_s += 1
        return admission.enter(peer, lambda: closed.append(name))

    def test_who_waits_longest_without_a_question_gives_way(self, clock):
        admission, closed = Admission(Bounds(connections=3), clock=clock), []
        visits = [self.enter(admission, peer, closed, peer, clock) for peer in "abc"]
        visits[0].waiting = False
        assert self.enter(admission, "d", closed, "d", clock)
        assert closed == ["b"]
        assert admission.visits == 3

    def test_who_has_asked_stays_and_others_are_refused(self, clock):
        admission, closed = Admission(Bounds(connections=2), clock=clock), []
        for peer in "ab":
            self.enter(admission, peer, closed, peer, clock).waiting = False
        assert self.enter(admission, "c", closed, "c", clock) is None
        assert closed == []

    def test_one_peer_leaves_room_for_others(self, clock):
        admission, closed = Admission(Bounds(connections=8), clock=clock), []
        visits = [self.enter(admission, "a", closed, number, clock) for number in range(6)]
        for visit in visits:
            visit.waiting = False
        assert self.enter(admission, "a", closed, "one more", clock) is None
        assert self.enter(admission, "b", closed, "b", clock)
        admission.leave(visits[0])
        admission.leave(visits[0])
        assert self.enter(admission, "a", closed, "again", clock)

    @given(steps=st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.booleans()), max_size=80))
    def test_there_are_never_more_than_there_may_be(self, steps):
        bounds = Bounds(connections=5)
        admission, here = Admission(bounds, clock=lambda: 0.0), []
        for peer, asks, leaves in steps:
            if leaves and here:
                admission.leave(here.pop(0))
            visit = admission.enter(peer, lambda: None)
            if visit is not None:
                visit.waiting = not asks
                here.append(visit)
            assert admission.visits <= 5


class TestBytes:
    def test_of_one_peer_and_of_all(self):
        admission = Admission(Bounds(held_bytes=100))
        one, other = admission.enter("a", print), admission.enter("b", print)
        one.waiting = other.waiting = False
        with admission.holding(one, 70) as room:
            assert room
            with admission.holding(one, 10) as more:
                assert not more, "three quarters"
            with admission.holding(other, 40) as more:
                assert not more
            with admission.holding(other, 30) as more:
                assert more
        with admission.holding(other, 75) as room:
            assert room
        assert (one.held, other.held) == (0, 0)

    def test_what_is_not_sent_yet_gives_way(self, clock):
        admission, closed = Admission(Bounds(held_bytes=100), clock=clock), []
        slow, slower, other, whole = (
            admission.enter(peer, lambda name=name: closed.append(name))
            for peer, name in (("a", "slow"), ("a", "slower"), ("b", "other"), ("a", "whole"))
        )
        whole.waiting = False
        with contextlib.ExitStack() as stack:
            for visit, size in ((whole, 20), (slow, 20), (slower, 20), (other, 30)):
                assert stack.enter_context(admission.holding(visit, size))
            small = admission.enter("a", print)
            assert stack.enter_context(admission.holding(small, 30)), "75 are a's"
            assert closed == ["slow"]
            assert not stack.enter_context(admission.holding(small, 76)), "more than it may ever have"
            assert closed == ["slow"], "for which nobody has to go"
        assert admission.visits == 4


class TestQuestions:
    def test_some_at_once_and_then_at_a_rate(self, clock):
        admission = Admission(Bounds(questions_a_second=2.0, questions_at_once=5), clock=clock)
        assert [admission.wait_s("a") for _ in range(6)] == [0, 0, 0, 0, 0, 0.5]
        assert admission.wait_s("b") == 0, "another"
        clock.now_s += 0.5
        assert [admission.wait_s("a") > 0 for _ in range(2)] == [False, True]

    def test_many_peers_have_a_limit_together_and_take_no_memory(self, clock):
        admission = Admission(Bounds(questions_a_second=1.0, questions_at_once=5), clock=clock)
        assert sum(admission.wait_s(str(number)) == 0 for number in range(5000)) == 20
        assert len(admission._asked) <= 1024

    def test_without_a_limit(self):
        admission = Admission(Bounds(questions_a_second=None))
        assert not any(admission.wait_s("a") for _ in range(10_000))


@pytest.mark.parametrize("wrong", [{"connections": 0}, {"head_s": -1.0}, {"questions_a_second": 0.0}])
def test_bounds_that_make_no_sense(wrong):
    with pytest.raises(ConfigError, match="out of range"):
        Bounds(**wrong)


@given(st.text(max_size=40))
def test_any_address_is_somebody(address):
    assert isinstance(peer_of(address), str)


class TestLogLines:
    def test_the_log_grows_with_the_logarithm(self, caplog):
        logger = logging.getLogger("somebody.elses")
        with caplog.at_level(logging.WARNING), thinned("somebody.elses"):
            for number in range(1000):
                try:
                    raise ValueError("pen samples")
                except ValueError:
                    logger.exception("it failed %d", number)
        assert len(caplog.records) == 10
        assert caplog.text.count("Traceback") == 1
        assert "it failed 511: ValueError (512 so far)" in caplog.text

    def test_kinds_are_counted_apart_and_not_kept_for_ever(self):
        thinning = Thinning()

        def passes(line):
            return thinning.filter(logging.LogRecord("x", 30, "file.py", line, "text", None, None))

        assert [passes(1), passes(1), passes(1), passes(2)] == [True, True, False, True]
        assert all(passes(line) for line in range(10, 2000))
        assert len(thinning._counts) <= 256
