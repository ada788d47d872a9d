"""`Job`: what a worker is to do, and `Worker`: what does it."""

from collections.abc import Callable
from typing import Any, Protocol

Job = Callable[[Any], Any]
"""Called with the worker. For one in another process it is pickled: `operator.methodcaller` makes such."""


class Worker(Protocol):
    """Does jobs, one at a time; one thread calls it."""

    def do(self, job: Job) -> Any:
        """Do a job; return what that returns."""

    def close(self) -> None:
        """Close what is open; closing twice is fine."""
