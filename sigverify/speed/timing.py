"""`Timing`: how long one step takes, of many runs."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

LEAST: Final = 3
"""Runs of each step, however slow the machine is: a median of fewer says nothing."""
MOST: Final = 2000
"""Runs of each step, however fast it is: more move no percentile that is told."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long one step takes.

    Attributes:
        median_ms: half of the runs took less.
        p90_ms: nine in ten of the runs took less.
        runs: how many there were.
    """

    median_ms: float
    p90_ms: float
    runs: int

    @classmethod
    def of(cls, took_s: list[float]) -> Self:
        """Sum up runs of so many seconds.

        >>> Timing.of([0.001, 0.002, 0.003])
        Timing(median_ms=2.0, p90_ms=2.8, runs=3)
        """
        median, p90 = (round(1000 * float(each), 3) for each in np.quantile(took_s, (0.5, 0.9)))
        return cls(median_ms=median, p90_ms=p90, runs=len(took_s))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"median_ms": self.median_ms, "p90_ms": self.p90_ms, "runs": self.runs}


def repeat(step: Callable[[], object], *, seconds: float) -> Timing:
    """Run a step again and again for so long, but `LEAST` times at least; the first run is not counted."""
    step()  # fills caches, and loads what is loaded on first use
    took: list[float] = []
    end = time.perf_counter() + seconds
    while len(took) < LEAST or (time.perf_counter() < end and len(took) < MOST):
        begun = time.perf_counter()
        step()
        took.append(time.perf_counter() - begun)
    return Timing.of(took)
