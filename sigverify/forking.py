"""`OwnLock`: a lock that knows which process it is of, so that a forked child is told so instead of hanging.

A child has a copy of every lock, and none of the threads that would release them; a database or a network
is no better off. So what holds an `OwnLock` says in a child at once that it was opened before the fork. And a
fork waits while another thread is amidst a call into SQLite or LiteRT: their own locks would stay locked in
the child for good, and it could not even open anew.
"""

import ctypes
import os
import threading
import time
from types import TracebackType
from typing import Any, Final, Self
from weakref import WeakSet

from sigverify.errors import SigverifyError, StoreError

_PATIENCE_S: Final = 2.0
"""A fork waits at most so long for the other threads' calls to end: a transaction takes milliseconds."""
_PAUSE_S: Final = 0.02


class OwnLock:
    """A reentrant lock of one process.

    >>> with OwnLock("the store") as lock:
    ...     lock.is_own()
    True
    """

    def __init__(self, what: str, *, error: type[SigverifyError] = StoreError) -> None:
        """Protect `what`; in a child, entering raises `error`."""
        self._what = what
        self._error = error
        self._process = os.getpid()
        self._lock = threading.RLock()
        self.kept: list[Any] = []
        """Objects that a child never frees: freeing them would act on what the parent has open."""
        _all.add(self)

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            SigverifyError: of the kind given: this process is a forked child.
        """
        if not self.is_own():
            raise self._error(
                f"{self._what} was opened before this process was forked",
                expected="to be used by the process that opened it",
                hint="Open it anew in each process, after the fork",
            )
        self._lock.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the lock."""
        self._lock.release()

    def is_own(self) -> bool:
        """Whether this is the process that made it."""
        return os.getpid() == self._process

    def try_(self, seconds: float) -> bool:
        """Take the lock if it can be had in that time."""
        return self._lock.acquire(timeout=seconds)

    def release(self) -> None:
        """Release what `try_` took."""
        self._lock.release()


_all: "WeakSet[OwnLock]" = WeakSet()
_held: list[OwnLock] = []


def _hold_all() -> None:
    """Wait until no other thread is within a lock of ours; give up before a fork takes for ever."""
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        for lock in [each for each in _all if each.is_own()]:
            if not lock.try_(_PAUSE_S):
                break  # its thread may wait for one that is held here: let all go, and begin again
            _held.append(lock)
        else:
            return
        _release_all()


def _release_all() -> None:
    while _held:
        _held.pop().release()


def _in_child() -> None:
    _release_all()
    for lock in list(_all):
        for each in lock.kept:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))


os.register_at_fork(before=_hold_all, after_in_parent=_release_all, after_in_child=_in_child)
