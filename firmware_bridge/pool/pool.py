"""`Pool`: several workers, and who of them does what."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from operator import methodcaller
from typing import Any, Final

from firmware_bridge.pool.job import Job, Worker
from firmware_bridge.pool.worker_process import WorkerGone, WorkerProcess
from firmware_bridge.pool.worker_thread import WorkerThread
from sigverify.errors import BridgeError

_AHEAD: Final = 2
"""Requests that a worker has at once: it begins the second while the first one's answer is still on its way.
All others wait for whichever worker is free first."""
_AHEAD_S: Final = 0.05
"""A worker that has been at a request for so long may be at it for seconds: nobody is put behind that."""


@dataclass(eq=False)
class _Lane:
    """One worker, how many requests it has, and when it began the one that it is at."""

    number: int
    worker: WorkerThread | WorkerProcess
    asked: int = 0
    since: float = 0.0

    @property
    def is_free(self) -> bool:
        """Whether it may be given another request."""
        return not self.asked or (self.asked < _AHEAD and time.monotonic() - self.since < _AHEAD_S)


@dataclass(eq=False)
class _Waiting:
    """A request that no worker has yet."""

    job: Job
    client: int | None
    stays: bool
    answer: "asyncio.Future[Any]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Pool:
    """Hands each request to the worker that is free first; but for `__init__`, for the event loop's thread.

    A client may stay with the worker that keeps something for it.
    """

    def __init__(
        self, make: Callable[[], Worker], count: int, busy_since: MutableMapping[int, float] | None = None
    ) -> None:
        """Begin `count` workers: one in a thread of this process, several in processes of their own.

        `busy_since` is kept up to date: when each worker that is at a request began it.

        Raises:
            ConfigError: several, and the system cannot fork.
            BridgeError: it has no room for as many processes.
        """
        self._keepers: dict[int, _Lane] = {}
        self._waiting: deque[_Waiting] = deque()
        self._busy_since: MutableMapping[int, float] = {} if busy_since is None else busy_since
        workers: Sequence[WorkerThread | WorkerProcess] = (
            _forked(make, count) if count > 1 else [WorkerThread(make())]
        )
        self._lanes = [_Lane(number, worker) for number, worker in enumerate(workers)]

    async def begin(self) -> None:
        """Take the workers into the event loop; before the first job."""
        for lane in self._lanes:
            await lane.worker.begin()

    def watch(self, ended: Callable[[WorkerGone], None]) -> None:
        """Have `ended` called when a worker's process ends by itself."""
        for lane in self._lanes:
            lane.worker.watch(ended)

    async def ask(self, job: Job, *, client: int | None = None, stays: bool = False) -> Any:
        """Have one worker do a job; return what that returns, and raise what it raises.

        A `client` asks one at a time. With `stays`, its later jobs are for the same worker, until `release`.

        Raises:
            WorkerGone: the worker's process ended.
        """
        waiting = _Waiting(job, client, stays)
        self._waiting.append(waiting)
        self._hand_out()
        return await waiting.answer

    async def first(self, job: Job) -> Any:
        """Have the first worker do a job."""
        return await self._lanes[0].worker.do(job)

    async def all(self, job: Job, *, but_first: bool = False) -> list[Any]:
        """Have all, or all but the first, do a job at once; raise what any raised, once all have ended."""
        done = (lane.worker.do(job) for lane in self._lanes[but_first:])
        results = await asyncio.gather(*done, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results

    def submit(self, job: Job) -> None:
        """Have some worker do a job that nobody waits for."""
        _submit(self._fewest(), job)

    def release(self, client: int) -> None:
        """Let a client's jobs go to any worker again: nothing is kept for it."""
        self._keepers.pop(client, None)

    def leave(self, client: int, job: Job) -> None:
        """Have the worker that a client stays with, if there is one, do a last job for it."""
        if lane := self._keepers.pop(client, None):
            _submit(lane, job)

    async def close(self) -> None:
        """Close all workers, and end the processes."""
        await asyncio.gather(*map(_close, self._lanes))

    def end_now(self) -> None:
        """End processes that were not begun: where it does not come to that."""
        for lane in self._lanes:
            if isinstance(lane.worker, WorkerProcess):
                lane.worker.end_now()

    def _hand_out(self) -> None:
        """Give requests to workers that are free, the longest waiting first."""
        kept: list[_Waiting] = []
        while self._waiting and any(lane.is_free for lane in self._lanes):
            waiting = self._waiting.popleft()
            if waiting.answer.done():  # nobody waits for it any more
                continue
            lane = self._lane_of(waiting)
            if lane.is_free:
                self._ask(lane, waiting)
            else:
                kept.append(waiting)
        self._waiting.extendleft(reversed(kept))

    def _lane_of(self, waiting: _Waiting) -> _Lane:
        keeper = None if waiting.client is None else self._keepers.get(waiting.client)
        return self._fewest() if keeper is None else keeper

    def _ask(self, lane: _Lane, waiting: _Waiting) -> None:
        if waiting.stays and waiting.client is not None:
            self._keepers[waiting.client] = lane
        try:
            asked = lane.worker.do(waiting.job)
        except Exception as error:  # noqa: BLE001 - whoever it is that waits is told, and nobody else
            waiting.answer.set_exception(error)
            return
        lane.asked += 1
        if lane.asked == 1:
            self._note_beginning(lane)
        asked.add_done_callback(lambda done: self._answered(lane, waiting, done))

    def _answered(self, lane: _Lane, waiting: _Waiting, done: "asyncio.Future[Any]") -> None:
        lane.asked -= 1
        self._note_beginning(lane)
        self._hand_out()
        error = done.exception()
        if waiting.answer.done():  # its client has gone
            return
        if error is None:
            waiting.answer.set_result(done.result())
        else:
            waiting.answer.set_exception(error)

    def _note_beginning(self, lane: _Lane) -> None:
        """Note that the worker begins the next of its requests, if there is one."""
        lane.since = time.monotonic()
        if lane.asked:
            self._busy_since[lane.number] = lane.since
        else:
            self._busy_since.pop(lane.number, None)

    def _fewest(self) -> _Lane:
        """Return the worker with the fewest requests; of several, the one that began its own last."""
        return min(self._lanes, key=lambda lane: (lane.asked, -lane.since if lane.asked else 0.0))


async def _close(lane: _Lane) -> None:
    try:
        with contextlib.suppress(WorkerGone):
            await lane.worker.do(methodcaller("close"))
    finally:
        await lane.worker.end()


def _submit(lane: _Lane, job: Job) -> None:
    """Have a job done that nobody waits for."""
    with contextlib.suppress(RuntimeError):  # the workers have ended
        lane.worker.do(job).add_done_callback(_unheard)


def _unheard(done: "asyncio.Future[Any]") -> None:
    if not done.cancelled():
        done.exception()  # looked at, or asyncio would log it


def _forked(make: Callable[[], Worker], count: int) -> list[WorkerProcess]:
    processes: list[WorkerProcess] = []
    try:
        for _ in range(count):
            processes.append(WorkerProcess(make(), processes))
    except OSError as error:
        for each in processes:
            each.end_now()
        raise BridgeError(
            "cannot begin a worker process", expected=f"room for {count}", received=error.strerror or ""
        ) from error
    return processes
