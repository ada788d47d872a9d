"""`WorkerThread`: a `Worker` in a thread of this process, used like a `WorkerProcess`."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from firmware_bridge.pool.job import Job, Worker


class WorkerThread:
    """Hands jobs to a worker in one thread, for the event loop's thread.

    Attributes:
        worker: itself.
        thread: where it works.
    """

    def __init__(self, worker: Worker) -> None:
        """Begin the thread with the first job."""
        self.worker = worker
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="sigverify")

    async def begin(self) -> None:
        """Do nothing: a thread needs nothing of the event loop."""

    def watch(self, ended: Callable[[Any], None]) -> None:
        """Do nothing: a thread does not end by itself."""

    def do(self, job: Job) -> "asyncio.Future[Any]":
        """Have the worker do a job after those before; the future has what that returns or raises."""
        return asyncio.get_running_loop().run_in_executor(self.thread, self.worker.do, job)

    async def end(self) -> None:
        """Let the thread end, once it has nothing to do."""
        self.thread.shutdown(wait=False)
