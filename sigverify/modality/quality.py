"""`Quality`: what a capture is worth by itself; `Flaw`: what is wrong with it."""

from dataclasses import dataclass
from enum import StrEnum


class Flaw(StrEnum):
    """What is wrong with a capture."""

    TOO_SHORT = "too short"
    TOO_SIMPLE = "too simple"
    BAD_CAPTURE = "a bad capture: too few samples a second, or too much of it lost"


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What a capture is worth.

    Attributes:
        flaw: the worst thing wrong with it; None: nothing.
        duration_ms: from the first to the last ink, gaps shortened.
        complexity: 0 (a dash) to 1: how much there is in it for a forger to get right.
    """

    flaw: Flaw | None
    duration_ms: float
    complexity: float
