"""Calls over a line in memory that loses what a test says. There is no clock: silence is time running out."""

import pytest
from builders import signature

from firmware_bridge.client.exchange import Calls, OpenEnrollment
from firmware_bridge.protocol.daemon_connection import CREDIT, DaemonConnection
from firmware_bridge.protocol.framing import frame
from firmware_bridge.protocol.messages import (
    Abandon,
    AdditionMade,
    Captured,
    Credit,
    DecisionMade,
    Done,
    Enrolled,
    Matches,
    Points,
    Verify,
    encode,
)
from firmware_bridge.testing import MemoryWire, nothing
from sigverify.errors import Disconnected, ProtocolError

DECISION = DecisionMade(outcome="accept", accepted=True, reason="alike")
LONG = signature(0, 9, samples=64 * (CREDIT + 8))


class LossyLine:
    """Runs calls against a daemon's side; `lost` is asked of each message whether it never arrives."""

    def __init__(self, lost=nothing, answer=DECISION):
        self.calls = Calls()
        self.asked = []
        self._lost, self._answer = lost, answer
        self.connect()

    def connect(self):
        self._wire = MemoryWire(DaemonConnection(), self._carry_out, lost=self._lost)
        self.daemon = self._wire.connection
        self.run(self.calls.handshake())

    def run(self, exchange):
        step = next(exchange)
        try:
            while True:
                self._wire.write(step.data)
                step = exchange.send(step.wait and self._late())
        except StopIteration as stop:
            return stop.value

    def verify(self, its):
        return self.run(self.calls.verify("ann", [its], fmr=None, impostor=None, refer_fmr=None))

    def _carry_out(self, request):
        self.asked.append(request)
        return self._answer

    def _late(self):
        try:
            self.calls.take(self._wire.read())
        except TimeoutError:
            return True
        return False


def losing(kind, *numbers):
    """Lose the messages of that kind with these numbers, counted from 1."""
    seen = []

    def lost(message):
        seen.extend([1] if isinstance(message, kind) else [])
        return isinstance(message, kind) and len(seen) in numbers

    return lost


def test_nothing_lost():
    line = LossyLine()
    assert line.verify(LONG).accepted
    [asked] = line.asked
    assert asked.captures == (LONG,)


@pytest.mark.parametrize("kind", [Points, Credit, Captured, Verify, DecisionMade])
@pytest.mark.parametrize("numbers", [(1,), (1, 2)])
def test_what_is_lost_is_made_good_and_nothing_is_done_twice(kind, numbers):
    line = LossyLine(losing(kind, *numbers))
    assert line.verify(LONG).accepted
    [asked] = line.asked
    assert asked.captures == (LONG,)
    assert line.daemon.held == 0


def test_so_many_samples_lost_that_no_credit_comes_back():
    line = LossyLine(losing(Points, *range(3, 3 + CREDIT)))
    assert line.verify(LONG).accepted
    assert line.asked[0].captures == (LONG,)


def test_what_never_arrives_is_given_up():
    for kind, error in ((Credit, ProtocolError), (DecisionMade, Disconnected)):
        line = LossyLine(losing(kind, *range(99)))
        with pytest.raises(error):
            line.verify(LONG)
        assert line.daemon.held == 0


def test_captures_side_by_side():
    line = LossyLine()
    first = line.run(line.calls.begin())
    second = line.run(line.calls.begin())
    numbers = tuple(float(n) for n in range(10))
    for capture, pieces in ((first, 2), (second, 1)):
        for seq in range(pieces):
            points = Points(capture=capture, seq=seq, x=numbers, y=numbers, t=numbers)
            line.run(line.calls.points(points))
    assert line.run(line.calls.end(first)).samples == 20
    assert line.run(line.calls.end(second)).samples == 10


def test_no_number_of_a_capture_comes_again_on_another_line():
    """Request about by its number after the line broke, it would be another person's signature."""
    line = LossyLine()
    first = line.run(line.calls.begin())
    line.connect()
    assert line.run(line.calls.begin()) != first


def add(calls):
    calls._enrollment = OpenEnrollment(user_id="ann", remaining=1)
    return calls.add(calls._enrollment, LONG)


def commit(calls):
    calls._enrollment = OpenEnrollment(user_id="ann", remaining=0)
    return calls.commit(calls._enrollment)


@pytest.mark.parametrize(
    ("answer", "ask"),
    [
        (Done(), commit),
        *(
            (answer, lambda calls: calls.verify("ann", [LONG], fmr=None, impostor=None, refer_fmr=None))
            for answer in (
                DecisionMade(outcome="perhaps", accepted=True, reason="alike"),
                DecisionMade(outcome="reject", accepted=True, reason="unlike"),
                DecisionMade(outcome="accept", accepted=False, reason="alike"),
                DecisionMade(outcome="accept", accepted=True, reason="unlike"),
            )
        ),
        *(
            (
                AdditionMade(accepted=accepted, reason=reason, remaining=0, duration_ms=1.0, complexity=1.0),
                add,
            )
            for accepted, reason in ((True, "copy"), (False, "taken"), (True, "perhaps"))
        ),
        (Matches(user_ids=("ann", "bob"), scores=(0.5,)), lambda calls: calls.identify(
            LONG, top_k=5, fpir=None, among=None)),
        *(
            (
                Enrolled(user_id="ann", template_bytes=1, model_id="m", complexity=1.0, consistency=1.0,
                         latency_ms=1.0, **wrong),
                commit,
            )
            for wrong in (
                {"references": 2**32 - 1, "created_ms": 0.0, "reasons": ("taken",)},
                {"references": 1, "created_ms": 1e300, "reasons": ("taken",)},
                {"references": 1, "created_ms": 0.0, "reasons": ("perhaps",)},
                {"references": 1, "created_ms": 0.0, "reasons": ()},
            )
        ),
    ],
)  # fmt: skip
def test_answers_that_cannot_be(answer, ask):
    line = LossyLine(answer=answer)
    with pytest.raises(ProtocolError):
        line.run(ask(line.calls))


def test_what_is_damaged_is_told_to_nobody_and_goes_on():
    line = LossyLine(answer=Done())
    line.calls.take(b"rubbish\0" + frame(encode(77, Done())))
    begun = OpenEnrollment(user_id="ann", remaining=1)
    line.calls._enrollment = begun
    line.run(line.calls.abandon(begun))
    assert [asked.message for asked in line.asked] == [Abandon()]
