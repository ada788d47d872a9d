"""`Workers`: who answers requests; one thread of the daemon, or several processes beside it."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from operator import methodcaller
from typing import Any, Final

from firmware_bridge.daemon.worker import Abilities, Job, Reply, Worker, leaves_state
from firmware_bridge.daemon.worker_process import WorkerGone, WorkerProcess
from firmware_bridge.daemon.worker_thread import WorkerThread
from firmware_bridge.protocol.daemon_connection import Request
from sigverify.actor import Actor
from sigverify.audit import Event, Value
from sigverify.errors import BridgeError

_AHEAD: Final = 2
"""Requests that a worker has at once: it begins the second while the daemon still takes its answer to the
first. All others wait for whichever worker is free first."""
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

    client: int
    request: Request
    actor: Actor
    answer: "asyncio.Future[Reply]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Workers:
    """Hands each request to the worker that is free first; all methods are for the event loop's thread.

    A client that begins an enrollment, or is given a challenge, stays with the worker that keeps it, until
    nothing is kept any more.
    """

    def __init__(
        self, make: Callable[[], Worker], count: int, busy_since: MutableMapping[int, float]
    ) -> None:
        """Begin `count` workers: one in a thread of this process, several in processes of their own.

        `busy_since` is kept up to date: when each worker that is at a request began it.

        Raises:
            ConfigError: several, and the system cannot fork.
            BridgeError: it has no room for as many processes.
        """
        self._keepers: dict[int, _Lane] = {}
        self._waiting: deque[_Waiting] = deque()
        self._busy_since = busy_since
        workers: Sequence[WorkerThread | WorkerProcess] = (
            _forked(make, count) if count > 1 else [WorkerThread(make())]
        )
        self._lanes = [_Lane(number, worker) for number, worker in enumerate(workers)]

    async def open(self) -> Abilities:
        """Have each open a verifier, the first before the others: it may have to make or migrate the store.

        Raises:
            SigverifyError: the verifier cannot be opened.
        """
        for lane in self._lanes:
            if isinstance(lane.worker, WorkerProcess):
                await lane.worker.begin()
        first, *others = self._lanes
        await first.worker.do(methodcaller("open"))
        await self._all(methodcaller("open"), others)
        return await self._change()

    async def reload(self) -> Abilities:
        """Have all open verifiers anew; where one cannot, all go on with what they had.

        Raises:
            Exception: whatever opening raised.
        """
        try:
            await self._all(methodcaller("open"))
        except Exception:
            await self._all(methodcaller("keep"))
            raise
        return await self._change()

    async def carry_out(self, client: int, request: Request, actor: Actor) -> Reply:
        """Return the answer to a request of a client, which asks one at a time.

        Raises:
            WorkerGone: the worker's process ended.
        """
        waiting = _Waiting(client, request, actor)
        self._waiting.append(waiting)
        self._hand_out()
        return await waiting.answer

    def leave(self, client: int) -> None:
        """Drop what is kept for a client that has gone."""
        if lane := self._keepers.pop(client, None):
            _submit(lane, methodcaller("leave", client))

    def log_refusal(self, event: Event, actor: Actor, detail: dict[str, Value]) -> None:
        """Have the audit log told what somebody was refused."""
        _submit(self._fewest(), methodcaller("log_refusal", event, actor, detail))

    async def live(self) -> None:
        """Return once every worker has answered: none is stuck."""
        await self._all(methodcaller("live"))

    def watch(self, ended: Callable[[WorkerGone], None]) -> None:
        """Have `ended` called when a worker's process ends by itself."""
        for lane in self._lanes:
            if isinstance(lane.worker, WorkerProcess):
                lane.worker.watch(ended)

    async def close(self) -> None:
        """Close all verifiers, and end the processes."""
        await asyncio.gather(*map(_close, self._lanes))

    def _hand_out(self) -> None:
        """Give requests to workers that are free, the longest waiting first."""
        kept: list[_Waiting] = []
        while self._waiting and any(lane.is_free for lane in self._lanes):
            waiting = self._waiting.popleft()
            if waiting.answer.done():  # nobody waits for it any more
                continue
            lane = self._keepers.get(waiting.client) or self._fewest()
            if lane.is_free:
                self._ask(lane, waiting)
            else:
                kept.append(waiting)
        self._waiting.extendleft(reversed(kept))

    def _ask(self, lane: _Lane, waiting: _Waiting) -> None:
        if leaves_state(waiting.request):
            self._keepers[waiting.client] = lane
        job = methodcaller("carry_out", waiting.client, waiting.request, waiting.actor)
        try:
            asked = lane.worker.do(job)
        except Exception as error:  # noqa: BLE001 - whoever it is that waits is told, and nobody else
            waiting.answer.set_exception(error)
            return
        lane.asked += 1
        if lane.asked == 1:
            self._note_beginning(lane)
        asked.add_done_callback(lambda done: self._answered(lane, waiting, done))

    def _answered(self, lane: _Lane, waiting: _Waiting, done: "asyncio.Future[Reply]") -> None:
        lane.asked -= 1
        self._note_beginning(lane)
        if (error := done.exception()) is None and not done.result().keeps:
            self._keepers.pop(waiting.client, None)
        self._hand_out()
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

    async def _change(self) -> Abilities:
        abilities: Abilities = (await self._all(methodcaller("change")))[0]
        return abilities

    async def _all(self, job: Job, lanes: list[_Lane] | None = None) -> list[Any]:
        """Have all do a job at once; raise what the first of them raised, once all have ended."""
        wanted = self._lanes if lanes is None else lanes
        results = await asyncio.gather(*(lane.worker.do(job) for lane in wanted), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results


async def _close(lane: _Lane) -> None:
    try:
        with contextlib.suppress(WorkerGone):
            await lane.worker.do(methodcaller("close"))
    finally:
        await lane.worker.end()


def _submit(lane: _Lane, job: Job) -> None:
    """Have a job done that nobody waits for."""
    with contextlib.suppress(RuntimeError):  # the daemon is stopping
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
