"""`OwnLock`: a lock that knows which process it is of, so that a forked child is told so instead of hanging.

A child has a copy of every lock, and none of the threads that would release them; a database or a network
is no better off. So what holds an `OwnLock` says in a child at once that it was opened before the fork. And a
fork waits while another thread is amidst a call into SQLite or LiteRT: their own locks would stay locked in
the child for good, and it could not even open anew.
"""

import contextlib
import ctypes
import os
import threading
import time
from queue import Empty, SimpleQueue
from typing import Any, Final
from weakref import WeakSet

from sigverify.errors import SigverifyError, StoreError
from sigverify.hold import Hold

_PATIENCE_S: Final = 2.0
"""A fork waits at most so long for the other threads' calls to end: a transaction takes milliseconds."""
_PAUSE_S: Final = 0.02
_LOOK_AGAIN_S: Final = 0.05
"""How often who waits looks whether the lock is free, beside being woken."""


class OwnLock:
    """A reentrant lock of one process.

    Turns follow one another, and whose turn is the newest has the lock for as long as its statement goes on,
    whatever is raised in between: see `Hold`. A lock of the operating system could be taken, and an exception
    come before anybody has noted that.

    >>> lock = OwnLock("the store")
    >>> with lock.hold():
    ...     lock.is_own()
    True
    """

    def __init__(self, what: str, *, error: type[SigverifyError] = StoreError) -> None:
        """Protect `what`; in a child, taking it raises `error`."""
        self._what = what
        self._error = error
        self._process = os.getpid()
        self._freed: SimpleQueue[None] = SimpleQueue()
        self.newest = Turn(self)
        self.newest.drop()
        self.kept: list[Any] = []
        """Objects that a child never frees: freeing them would act on what the parent has open."""
        _all.add(self)

    def hold(self) -> "Turn":
        """Return what holds the lock in a `with` statement."""
        return Turn(self)

    def check(self) -> None:
        """Refuse to be used in a forked child.

        Raises:
            SigverifyError: of the kind given.
        """
        if not self.is_own():
            raise self._error(
                f"{self._what} was opened before this process was forked",
                expected="to be used by the process that opened it",
                hint="Open it anew in each process, after the fork",
            )

    def is_own(self) -> bool:
        """Whether this is the process that made it."""
        return os.getpid() == self._process

    def wait(self, seconds: float) -> None:
        """Wait until somebody lets go, at most so long."""
        with contextlib.suppress(Empty):
            self._freed.get(timeout=seconds)

    def wake(self) -> None:
        """Let one who waits try again."""
        if self._freed.empty():
            self._freed.put(None)


class Turn(Hold[None]):
    """One holding of an `OwnLock`."""

    def __init__(self, lock: OwnLock) -> None:
        """Take the lock that is to be held."""
        super().__init__()
        self._lock = lock
        self.thread = threading.get_ident()
        self.next: dict[int, Turn] = {}
        """At 0, who held it next."""
        self.is_inner = False
        """Whether this thread held the lock already."""

    def take(self) -> None:
        """Wait for the lock.

        Raises:
            SigverifyError: of the kind of the lock: this process is a forked child.
        """
        self._lock.check()
        while not self._try():
            # Not for ever: nobody wakes where whoever held it was interrupted.
            self._lock.wait(_LOOK_AGAIN_S)

    def try_(self, seconds: float) -> bool:
        """Take the lock if it can be had in that time."""
        end = time.monotonic() + seconds
        while not self._try():
            left = end - time.monotonic()
            if left <= 0:
                return False
            self._lock.wait(left)
        return True

    def drop(self) -> None:
        """Let it go. It need not be known whether it was held: it is not, from here on."""
        self._over = True
        if not self.is_inner:
            self._lock.wake()

    def _try(self) -> bool:
        newest = self._lock.newest
        while newest.next:
            newest = newest.next[0]
        if not newest.is_over:
            self.is_inner = newest.thread == self.thread
            return self.is_inner
        # One step for the interpreter: of all who come here at once, one is next.
        if newest.next.setdefault(0, self) is not self:
            return False
        self._lock.newest = self
        return True


_all: "WeakSet[OwnLock]" = WeakSet()
_held: list[Turn] = []


def _hold_all() -> None:
    """Wait until no other thread is within a lock of ours; give up before a fork takes for ever."""
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        for lock in [each for each in _all if each.is_own()]:
            turn = lock.hold()
            if not turn.try_(_PAUSE_S):
                break  # its thread may wait for one that is held here: let all go, and begin again
            _held.append(turn)
        else:
            return
        _release_all()


def _release_all() -> None:
    while _held:
        _held.pop().drop()


def _in_child() -> None:
    _release_all()
    for lock in list(_all):
        for each in lock.kept:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))


os.register_at_fork(before=_hold_all, after_in_parent=_release_all, after_in_child=_in_child)
