"""`WorkerProcess`: a `Worker` in a process of its own, so that requests are answered on several cores.

The process is forked before anything is opened: no thread runs yet, and no database, network or socket is
there that a child must not share. It ends when the daemon's end of its pipe is closed, by whatever.
"""

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, Final

from firmware_bridge.daemon.worker import Job, Worker, failure_of
from sigverify.errors import BridgeError, ConfigError, SigverifyError

_END_S: Final = 5.0
"""For a process to end once it was told to: its store is closed within."""

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""A service manager and a terminal send these to all processes: the daemon says when a worker ends."""


class WorkerGone(BridgeError):
    """The process ended by itself: killed, or out of memory."""


class WorkerProcess:
    """Hands jobs to a worker in a process of its own, one at a time.

    Attributes:
        pipe: the daemon's end.
    """

    def __init__(self, worker: Worker, siblings: Sequence["WorkerProcess"]) -> None:
        """Fork now; the child closes what it inherits of its `siblings`, or their pipes would never end.

        Raises:
            ConfigError: the system has no fork.
        """
        if "fork" not in multiprocessing.get_all_start_methods():
            raise ConfigError("this system cannot fork", expected="--workers 1")
        context = multiprocessing.get_context("fork")
        self.pipe, far = context.Pipe()
        inherited = [*(each.pipe for each in siblings), self.pipe]
        self._process = context.Process(
            target=_work, args=(worker, far, inherited), name="sigverify worker", daemon=False
        )
        self._process.start()
        far.close()

    @property
    def sentinel(self) -> int:
        """A file descriptor that can be read once the process has ended."""
        return self._process.sentinel

    @property
    def pid(self) -> int | None:
        """Its number."""
        return self._process.pid

    def do(self, job: Job) -> Any:
        """Have the worker do a job; return what that returns, and raise what it raises.

        Raises:
            WorkerGone: the process ended meanwhile, or before.
        """
        try:
            self.pipe.send(job)
            done, result = self.pipe.recv()
        except (EOFError, OSError) as error:
            raise self.gone() from error
        if not done:
            raise result
        return result

    def end(self) -> None:
        """Let the process end; where it does not in time, end it."""
        self.pipe.close()
        self._process.join(_END_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def gone(self) -> WorkerGone:
        """Return the error that says how the process ended."""
        self._process.join(_END_S)
        code = self._process.exitcode
        if code is None:
            how = "a closed pipe"
        elif code < 0:
            how = f"signal {-code}"
        else:
            how = f"exit status {code}"
        return WorkerGone("a worker process ended by itself", received=how)


def _work(worker: Worker, pipe: Connection, inherited: list[Connection]) -> None:
    """Do jobs until the daemon closes its end; the child's main function."""
    signal.set_wakeup_fd(-1)  # it is the daemon's event loop's
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    for each in inherited:
        each.close()
    try:
        while True:
            job = pipe.recv()
            pipe.send(_outcome(worker, job))
    except (EOFError, OSError):  # the daemon has ended, well or not
        pass
    finally:
        with contextlib.suppress(SigverifyError):
            worker.close()
        os._exit(0)  # what else the process inherited is not its own to end


def _outcome(worker: Worker, job: Job) -> tuple[bool, Any]:
    try:
        return True, worker.do(job)
    except SigverifyError as error:
        return False, error
    except Exception as error:  # noqa: BLE001 - one of any library may not travel
        return False, BridgeError(failure_of(error).reason)
