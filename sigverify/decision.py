"""`Decision`: the answer to one probe, and why."""

import math
from dataclasses import dataclass
from enum import StrEnum

from sigverify.matching.aspect import Aspect


class Outcome(StrEnum):
    """The three answers; the third only where the policy asks for it."""

    ACCEPT = "accepted"
    REJECT = "rejected"
    REFER = "referred to a person"


class Reason(StrEnum):
    """Why a probe was accepted, rejected or referred."""

    ALIKE = "the score reaches the threshold"
    UNLIKE = "the score is below the threshold"
    UNSURE = "the score lies just below the threshold: a person should look at it"
    REPLAY = "a copy of a signature seen before: nobody signs twice the same"
    LOCKED = "too many failed tries: wait and try again"
    POOR = "too little signature in this capture: sign again"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The answer to one probe.

    What the policy hides (`Policy.reveal_score`) is None or empty.

    Attributes:
        outcome: accept, reject, or refer to a person.
        reason: why.
        score: likeness to the references, 0 to 1; None when nothing was compared.
        threshold: of the false-match rate asked for, global (the same for every writer).
        confidence: how sure the outcome is, 0.5 (at the threshold) to 1; see `confidence`.
        unlike: of a probe not accepted, what sets it apart from the references, the worst first.
        retry_after_s: seconds to wait before the next try; 0: none.
        latency_ms: from the call to the answer.
    """

    outcome: Outcome
    reason: Reason
    score: float | None = None
    threshold: float | None = None
    confidence: float | None = None
    unlike: tuple[Aspect, ...] = ()
    retry_after_s: float = 0.0
    latency_ms: float = 0.0

    @property
    def accepted(self) -> bool:
        """Whether to let them in: neither rejected nor referred."""
        return self.outcome is Outcome.ACCEPT


def confidence(score: float, threshold: float) -> float:
    """Say how sure it is that the outcome is right, where a probe on the threshold is a coin's toss.

    The score is a probability at even odds; at the odds that make the threshold one half, the probability
    of the side taken is 1 / (1 + exp(-|logit(score) - logit(threshold)|)).

    >>> confidence(0.9, 0.9), round(confidence(0.99, 0.9), 3), round(confidence(0.1, 0.9), 3)
    (0.5, 0.917, 0.988)
    """
    return 1 / (1 + math.exp(-min(60.0, abs(_logit(score) - _logit(threshold)))))


def _logit(probability: float) -> float:
    inside = min(max(probability, 1e-15), 1 - 1e-15)
    return math.log(inside / (1 - inside))
