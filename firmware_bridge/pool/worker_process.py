"""`WorkerProcess`: a `Worker` in a process of its own, so that requests are answered on several cores.

The process is forked before anything is opened: no thread runs yet, and no database, network or socket is
there that a child must not share. It ends when the parent's end of its line is closed, by whatever.

Jobs and outcomes are pickled, each behind its length. Several jobs may be on the way at once: they are done
in order, and the worker need not wait for its parent in between.
"""

import asyncio
import contextlib
import multiprocessing
import os
import pickle
import signal
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from io import BufferedReader
from typing import Any, Final

from firmware_bridge.pool.job import Job, Worker
from sigverify.errors import BridgeError, ConfigError, SigverifyError

_END_S: Final = 5.0
"""For a process to end once it was told to: its store is closed within."""

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""A service manager and a terminal send these to all processes: the parent says when a worker ends."""

_LENGTH: Final = struct.Struct("<Q")
"""Of what follows; a picture, or a long signature, is of some megabytes."""


class WorkerGone(BridgeError):
    """The process ended by itself: killed, or out of memory."""


class WorkerFailed(BridgeError):
    """A job raised what is no `SigverifyError`; of it only the name is told."""


class WorkerProcess:
    """Hands jobs to a worker in a process of its own; but for `__init__`, for the event loop's thread.

    Attributes:
        near: the parent's end of the line.
    """

    def __init__(self, worker: Worker, siblings: Sequence["WorkerProcess"]) -> None:
        """Fork now; the child closes what it inherits of its `siblings`, or their lines would never end.

        Raises:
            ConfigError: the system has no fork.
        """
        if "fork" not in multiprocessing.get_all_start_methods():
            raise ConfigError("this system cannot fork", expected="--workers 1")
        self._line: _Line | None = None
        self.near, far = socket.socketpair()
        inherited = [*(each.near for each in siblings), self.near]
        self._process = multiprocessing.get_context("fork").Process(
            target=_work, args=(worker, far, inherited), name="sigverify worker", daemon=False
        )
        try:
            self._process.start()
        except OSError:
            self.near.close()
            raise
        finally:
            far.close()

    @property
    def pid(self) -> int | None:
        """Its number."""
        return self._process.pid

    async def begin(self) -> None:
        """Take the line into the event loop; before the first job."""
        loop = asyncio.get_running_loop()
        _, self._line = await loop.create_unix_connection(lambda: _Line(self._gone), sock=self.near)

    def watch(self, ended: Callable[[WorkerGone], None]) -> None:
        """Have `ended` called when the process ends by itself."""
        loop = asyncio.get_running_loop()

        def lost() -> None:
            loop.remove_reader(self._process.sentinel)
            ended(self._gone())

        loop.add_reader(self._process.sentinel, lost)

    def do(self, job: Job) -> "asyncio.Future[Any]":
        """Have the worker do a job after those before; the future has what that returns or raises.

        It raises WorkerGone where the process ended meanwhile, or before.
        """
        if self._line is None:
            raise BridgeError("a worker process that was not begun")
        return self._line.send(job)

    async def end(self) -> None:
        """Let the process end; where it does not in time, end it."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._process.sentinel)
        if self._line is not None:
            self._line.close()
        await asyncio.to_thread(self.end_now)

    def end_now(self) -> None:
        """End a process that has nothing to do, by closing its line; waits until it has ended."""
        if self._line is None:
            self.near.close()
        self._process.join(_END_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _gone(self) -> WorkerGone:
        """Return the error that says how the process ended."""
        self._process.join(_END_S)
        code = self._process.exitcode
        if code is None:
            how = "a closed line"
        elif code < 0:
            how = f"signal {-code}"
        else:
            how = f"exit status {code}"
        return WorkerGone("a worker process ended by itself", received=how)


class _Line(asyncio.Protocol):
    """The parent's end: jobs out, outcomes in, in the same order."""

    def __init__(self, gone: Callable[[], WorkerGone]) -> None:
        self._gone = gone
        self._transport: asyncio.Transport | None = None
        self._asked: deque[asyncio.Future[Any]] = deque()
        self._kept = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def send(self, job: Job) -> "asyncio.Future[Any]":
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._transport is None or self._transport.is_closing():
            future.set_exception(self._gone())
            return future
        content = pickle.dumps(job, pickle.HIGHEST_PROTOCOL)
        self._transport.write(_LENGTH.pack(len(content)) + content)
        self._asked.append(future)
        return future

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._kept += data
        while len(self._kept) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._kept)[0]
            if len(self._kept) < end:
                return
            done, result = pickle.loads(self._kept[_LENGTH.size : end])  # noqa: S301 - our own child's
            del self._kept[:end]
            _settle(self._asked.popleft(), done, result)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        if self._asked:
            gone = self._gone()
            while self._asked:
                _settle(self._asked.popleft(), False, gone)


def _settle(future: "asyncio.Future[Any]", done: bool, result: Any) -> None:
    """Tell whoever waits, if anybody does still."""
    if future.done():
        return
    if done:
        future.set_result(result)
    else:
        future.set_exception(result)


def _work(worker: Worker, far: socket.socket, inherited: list[socket.socket]) -> None:
    """Do jobs until the parent closes its end; the child's main function."""
    signal.set_wakeup_fd(-1)  # it is the parent's event loop's
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    for each in inherited:
        each.close()
    try:
        with far.makefile("rb") as jobs:
            while (job := _read(jobs)) is not None:
                content = pickle.dumps(_outcome(worker, job), pickle.HIGHEST_PROTOCOL)
                far.sendall(_LENGTH.pack(len(content)) + content)
    except OSError:  # the parent has ended, well or not
        pass
    finally:
        with contextlib.suppress(SigverifyError):
            worker.close()
        os._exit(0)  # what else the process inherited is not its own to end


def _read(jobs: BufferedReader) -> Job | None:
    """Return the next job; None: there is none any more."""
    head = jobs.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    size = _LENGTH.unpack(head)[0]
    content = jobs.read(size)
    if len(content) < size:
        return None
    job: Job = pickle.loads(content)  # noqa: S301 - the parent's own, which forked this process
    return job


def _outcome(worker: Worker, job: Job) -> tuple[bool, Any]:
    try:
        return True, worker.do(job)
    except SigverifyError as error:
        return False, error
    except Exception as error:  # noqa: BLE001 - one of any library may not travel, and may hold samples
        return False, WorkerFailed(type(error).__name__)
