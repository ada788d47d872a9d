"""`Decision`: the answer to one probe, and why."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a probe was accepted or rejected, in words for an audit log."""

    ALIKE = "the score reaches the threshold"
    UNLIKE = "the score is below the threshold"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The answer to one probe.

    Attributes:
        accepted: `score >= threshold`.
        score: likeness to the references, 0 to 1.
        threshold: of the false-match rate asked for, global (the same for every writer).
        reason: why.
        latency_ms: from the call to the answer.
    """

    accepted: bool
    score: float
    threshold: float
    reason: Reason
    latency_ms: float
