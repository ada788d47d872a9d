"""`Workers`: who answers requests; one thread of the daemon, or several processes beside it."""

import asyncio
import contextlib
import time
from collections.abc import Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from operator import methodcaller
from typing import Any

from firmware_bridge.daemon.worker import Abilities, Job, Reply, Worker, leaves_state
from firmware_bridge.daemon.worker_process import WorkerGone, WorkerProcess
from firmware_bridge.protocol.daemon_connection import Request
from sigverify.actor import Actor
from sigverify.audit import Event, Value
from sigverify.errors import BridgeError


@dataclass(eq=False)
class _Lane:
    """One worker, the thread that calls it, and how many requests wait for both."""

    number: int
    worker: Worker | WorkerProcess
    thread: ThreadPoolExecutor
    waiting: int = 0


class Workers:
    """Hands each request to the worker with the fewest; all methods are for the event loop's thread.

    A client that begins an enrollment, or is given a challenge, stays with the worker that keeps it.
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
        self._lanes: list[_Lane] = []
        self._keepers: dict[int, _Lane] = {}
        self._busy_since = busy_since
        processes = _forked(make, count) if count > 1 else []
        # Threads come after the last fork.
        workers: Sequence[Worker | WorkerProcess] = processes or [make()]
        for number, worker in enumerate(workers):
            self._lanes.append(_Lane(number, worker, ThreadPoolExecutor(1, thread_name_prefix="sigverify")))

    async def open(self) -> Abilities:
        """Have each open a verifier, the first before the others: it may have to make or migrate the store.

        Raises:
            SigverifyError: the verifier cannot be opened.
        """
        first, *others = self._lanes
        await self._do(first, methodcaller("open"))
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
        """Return the answer to a request of a client.

        Raises:
            WorkerGone: its process ended.
        """
        lane = self._keepers.get(client) or min(self._lanes, key=lambda each: each.waiting)
        if leaves_state(request):
            self._keepers[client] = lane

        def work() -> Any:
            self._busy_since[lane.number] = time.monotonic()
            try:
                return lane.worker.do(methodcaller("carry_out", client, request, actor))
            finally:
                self._busy_since.pop(lane.number, None)

        lane.waiting += 1
        try:
            reply: Reply = await asyncio.get_running_loop().run_in_executor(lane.thread, work)
        finally:
            lane.waiting -= 1
        return reply

    def leave(self, client: int) -> None:
        """Drop what is kept for a client that has gone."""
        if lane := self._keepers.pop(client, None):
            self._submit(lane, methodcaller("leave", client))

    def log_refusal(self, event: Event, actor: Actor, detail: dict[str, Value]) -> None:
        """Have the audit log told what somebody was refused."""
        lane = min(self._lanes, key=lambda each: each.waiting)
        self._submit(lane, methodcaller("log_refusal", event, actor, detail))

    async def live(self) -> None:
        """Return once every worker has answered: none is stuck."""
        await self._all(methodcaller("live"))

    def watch(self, ended: Callable[[WorkerGone], None]) -> None:
        """Have `ended` called when a worker's process ends by itself."""
        loop = asyncio.get_running_loop()
        for lane in self._lanes:
            if isinstance(lane.worker, WorkerProcess):
                loop.add_reader(lane.worker.sentinel, _lost, lane.worker, ended)

    async def close(self) -> None:
        """Close all verifiers, and end the processes."""
        await asyncio.gather(*(self._close(lane) for lane in self._lanes))

    async def _change(self) -> Abilities:
        abilities: Abilities = (await self._all(methodcaller("change")))[0]
        return abilities

    async def _all(self, job: Job, lanes: list[_Lane] | None = None) -> list[Any]:
        """Have all do a job at once; raise what the first of them raised, once all have ended."""
        wanted = self._lanes if lanes is None else lanes
        results = await asyncio.gather(*(self._do(lane, job) for lane in wanted), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results

    async def _do(self, lane: _Lane, job: Job) -> Any:
        return await asyncio.get_running_loop().run_in_executor(lane.thread, lane.worker.do, job)

    def _submit(self, lane: _Lane, job: Job) -> None:
        """Have a job done that nobody waits for."""
        with contextlib.suppress(RuntimeError):  # the daemon is stopping
            lane.thread.submit(_unheard, lane.worker.do, job)

    async def _close(self, lane: _Lane) -> None:
        loop = asyncio.get_running_loop()
        try:
            with contextlib.suppress(WorkerGone):
                await self._do(lane, methodcaller("close"))
        finally:
            if isinstance(lane.worker, WorkerProcess):
                loop.remove_reader(lane.worker.sentinel)
                await loop.run_in_executor(lane.thread, lane.worker.end)
            lane.thread.shutdown(wait=False)


def _forked(make: Callable[[], Worker], count: int) -> list[WorkerProcess]:
    processes: list[WorkerProcess] = []
    try:
        for _ in range(count):
            processes.append(WorkerProcess(make(), processes))
    except OSError as error:
        for each in processes:
            each.end()
        raise BridgeError(
            "cannot begin a worker process", expected=f"room for {count}", received=error.strerror or ""
        ) from error
    return processes


def _lost(process: WorkerProcess, ended: Callable[[WorkerGone], None]) -> None:
    asyncio.get_running_loop().remove_reader(process.sentinel)
    ended(process.gone())


def _unheard(do: Callable[[Job], Any], job: Job) -> None:
    with contextlib.suppress(WorkerGone):  # the daemon ends for it anyway
        do(job)
