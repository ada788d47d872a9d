"""How fast the SDK is on the machine that runs it: medians, memory, cold start; `sigverify bench`."""

from sigverify.speed.benchmark import STEPS, Benchmark, measure
from sigverify.speed.board import Board
from sigverify.speed.timing import Timing, repeat

__all__ = ["STEPS", "Benchmark", "Board", "Timing", "measure", "repeat"]
