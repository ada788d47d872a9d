"""`mapped`: a function applied to many items on several cores, in order."""

import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from sigverify.errors import ConfigError, CorpusError

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cores() -> int:
    """Count the cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def mapped(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int, chunk: int
) -> list[Result]:
    """Apply `function` to every item, in at most `workers` processes; the results have the items' order.

    Args:
        function: at the top of a module, or a `partial` of one that is; items and results can be pickled.
        items: handed out `chunk` at a time.
        workers: no process is started for less than a chunk, and none at all for one.
        chunk: so many that they take longer than it takes to start a process, half a second.

    Raises:
        ConfigError: fewer than one worker.
        CorpusError: a process ended by itself; what `function` raises is raised as it is.
    """
    if workers < 1:
        raise ConfigError("workers out of range", expected="at least 1", received=str(workers))
    todo = list(items)
    workers = min(workers, -(-len(todo) // chunk))
    if workers <= 1:
        return [function(item) for item in todo]
    # Not fork: other threads (of tensorflow, say) may hold locks.
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(workers, mp_context=context) as executor:
            return list(executor.map(function, todo, chunksize=chunk))
    except BrokenProcessPool as error:
        raise CorpusError(
            "a worker process has ended",
            expected="enough memory, and a script whose work stands below if __name__ == '__main__'",
            received=str(error).partition(".")[0],
            hint="Protect the script, or set workers to 1",
        ) from error
