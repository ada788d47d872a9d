"""What a statement holds is let go however it ends, and nobody waits for a statement that is gone."""

import contextlib
import gc
import sys
import threading
import time
import weakref

import pytest

from sigverify.forking import OwnLock
from sigverify.hold import Hold
from sigverify.store import SqliteStore


class Noted(Hold[str]):
    """Notes what is done with it; `at` raises in one of its steps."""

    def __init__(self, at=""):
        super().__init__()
        self.steps = []
        self._at = at

    def _step(self, name):
        self.steps.append(name)
        if name == self._at:
            self._at = ""
            raise ZeroDivisionError(name)

    def take(self):
        self._step("take")
        return "taken"

    def finish(self, error):
        self._step("fail" if error else "finish")

    def drop(self):
        self._step("drop")


def test_takes_finishes_and_drops():
    hold = Noted()
    with hold as given:
        assert given == "taken"
        assert not hold.is_over
    assert hold.is_over
    assert hold.steps == ["take", "finish", "drop"]


@pytest.mark.parametrize(
    ("at", "steps"),
    [
        ("take", ["take", "fail", "drop"]),
        ("finish", ["take", "finish", "drop"]),
        ("drop", ["take", "finish", "drop", "drop"]),
    ],
)
def test_drops_wherever_it_is_interrupted(at, steps):
    hold = Noted(at)
    with pytest.raises(ZeroDivisionError, match=at), hold:
        pass
    assert hold.steps == steps
    assert hold.is_over


def raise_on_entering(code):
    """Raise once, before the first line of that function, as a signal handler may."""

    def trace(frame, _event, _argument):
        if frame.f_code is code:
            sys.settrace(None)
            raise TimeoutError

    sys.settrace(trace)


def test_drops_where_nothing_of_exit_was_run():
    hold = Noted()
    before = sys.gettrace()
    try:
        with hold:
            raise_on_entering(Hold.leave.__code__)
    except TimeoutError as error:
        kept = error  # and with it the frames, and the hold
    finally:
        sys.settrace(before)
    assert kept.__traceback__ is not None
    assert hold.steps == ["take", "drop"]
    assert hold.is_over


def test_in_an_exit_stack():
    hold = Noted()
    with contextlib.ExitStack() as stack:
        assert stack.enter_context(hold) == "taken"
    assert hold.steps == ["take", "finish", "drop"]


def test_a_part_is_over_with_the_whole():
    part, whole = Noted(), Noted()
    with whole:
        assert part.within(whole) == "taken"
        assert not part.is_over
    assert part.is_over
    assert part.steps == ["take"]


def test_what_is_over_goes_at_once(tmp_path):
    """No circle of a statement and its parts is left for the garbage collector, which comes seldom."""
    store = SqliteStore(tmp_path / "store.db")
    begun = []

    def use():
        with store.transaction() as records:
            records.put("kind", "alice", b"content")
            begun.append(weakref.ref(store.database.opened))

    gc.collect()
    gc.disable()
    try:
        use()
        assert begun[0]() is None
    finally:
        gc.enable()
        store.close()


def test_a_lock_is_free_when_its_statement_is_gone():
    lock = OwnLock("a lock")
    statement = iter([lock.hold()])

    def take_and_be_forgotten():
        # As if all that lets go had been interrupted: only the statement's own object is gone.
        turn = next(statement)
        leave = turn.leave
        turn.watch(leave)
        turn._lost = None
        turn.take()

    thread = threading.Thread(target=take_and_be_forgotten)
    thread.start()
    thread.join()
    with lock.hold():
        pass


def test_a_lock_lets_one_thread_in_at_a_time():
    lock, within, most = OwnLock("a lock"), [], []

    def work():
        for _ in range(200):
            with lock.hold(), lock.hold():  # once more by the same thread
                within.append(1)
                most.append(len(within))
                time.sleep(0)
                within.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 800
    assert max(most) == 1
