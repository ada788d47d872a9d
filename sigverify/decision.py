"""`Decision`: the answer to one probe, and why."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from sigverify.card import Tone, card
from sigverify.matching.aspect import Aspect
from sigverify.modality.quality import Flaw
from sigverify.words import kind, phrase, preferred_language, sentence


class Outcome(StrEnum):
    """The three answers; the third only where the policy asks for it. Only `ACCEPT` is true.

    >>> [bool(outcome) for outcome in Outcome]
    [True, False, False]
    """

    ACCEPT = "accept"
    REJECT = "reject"
    REFER = "refer"

    def __bool__(self) -> bool:
        return self is Outcome.ACCEPT


class Reason(StrEnum):
    """Why a probe was accepted, rejected or referred; `words.sentence` says it. Only `ALIKE` is true."""

    ALIKE = "alike"
    """The score reaches the threshold."""
    UNLIKE = "unlike"
    """It does not."""
    UNSURE = "unsure"
    """It lies just below the threshold: for a person to decide."""
    REPLAY = "replay"
    """A copy of a signature seen before."""
    LOCKED = "locked"
    """Too many failed tries: nothing was compared."""
    POOR = "poor"
    """Too little signature in the capture to be compared."""
    BLOCKED = "blocked"
    """So many failed tries in a row that an operator has to look: no wait helps."""

    def __bool__(self) -> bool:
        return self is Reason.ALIKE


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The answer to one probe; true only where it was accepted.

    What the policy hides (`Policy.reveal_score`) is None or empty.

    Attributes:
        outcome: accept, reject, or refer to a person.
        reason: why.
        score: likeness to the references, 0 to 1; None when nothing was compared.
        threshold: of the false-match rate asked for, global (the same for every writer).
        confidence: how sure the outcome is, 0.5 (at the threshold) to 1; see `confidence`.
        unlike: of a probe not accepted, what sets it apart from the references, the worst first.
        missing: what could not be compared, since one side's device does not sense it.
        flaw: of a capture that is too poor to be compared, what is wrong with it.
        retry_after_s: seconds to wait before the next try; 0: none.
        latency_ms: from the call to the answer; None where the policy hides scores, of which it may tell.
        scores: of a try that was captured in several ways, the score of each kind that counts ("pen",
            "image"); `score` is what they amount to, on the scale of the first. Otherwise empty.
        left_out: kinds of capture shown that do not count: too poor, or the person is not enrolled by them.
    """

    outcome: Outcome
    reason: Reason
    score: float | None = None
    threshold: float | None = None
    confidence: float | None = None
    unlike: tuple[Aspect, ...] = ()
    missing: tuple[Aspect, ...] = ()
    flaw: Flaw | None = None
    retry_after_s: float = 0.0
    latency_ms: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict, hash=False)
    left_out: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether to let them in: neither rejected nor referred."""
        return self.outcome is Outcome.ACCEPT

    def __bool__(self) -> bool:
        return self.accepted

    def to_dict(self) -> dict[str, Any]:
        """Return what every interface says of it, as JSON can hold it.

        `scores` and `left_out` only where several captures were shown.

        >>> Decision(outcome=Outcome.REJECT, reason=Reason.LOCKED, retry_after_s=29.94).to_dict()
        ... # doctest: +NORMALIZE_WHITESPACE
        {'outcome': 'reject', 'accepted': False, 'reason': 'locked', 'score': None, 'threshold': None,
         'confidence': None, 'unlike': [], 'missing': [], 'flaw': None, 'retry_after_s': 30.0,
         'latency_ms': None}
        """
        several: dict[str, Any] = {"scores": dict(self.scores)} if self.scores else {}
        several |= {"left_out": list(self.left_out)} if self.left_out else {}
        return {
            "outcome": self.outcome.value,
            "accepted": self.accepted,
            "reason": self.reason.value,
            "score": self.score,
            "threshold": self.threshold,
            "confidence": self.confidence,
            "unlike": [aspect.value for aspect in self.unlike],
            "missing": [aspect.value for aspect in self.missing],
            "flaw": None if self.flaw is None else self.flaw.value,
            "retry_after_s": math.ceil(10 * self.retry_after_s) / 10,  # upwards: 0 means no wait
            "latency_ms": None if self.latency_ms is None else round(self.latency_ms, 3),
            **several,
        }

    def _repr_html_(self) -> str:
        """Show in a notebook what `sigverify verify` says, in the language of the environment."""
        language = preferred_language()

        def joined(aspects: tuple[Aspect, ...]) -> str:
            return ", ".join(sentence(aspect, language=language) for aspect in aspects)

        lines = []
        if self.score is not None and self.threshold is not None:
            shown = {"score": f"{self.score:.3g}", "threshold": f"{self.threshold:.3g}"}
            lines.append(phrase("score", language=language, **shown))
        for name, aspects in (("unlike", self.unlike), ("missing", self.missing)):
            if aspects:
                lines.append(phrase(name, language=language, aspects=joined(aspects)))
        if self.left_out:
            kinds = ", ".join(kind(name, language=language) for name in self.left_out)
            lines.append(phrase("left_out", language=language, kinds=kinds))
        if self.reason is Reason.REPLAY:
            lines.append(phrase("trying_out", language=language, option="Policy(replay=False)"))
        if self.retry_after_s > 0:
            lines.append(phrase("next_try", language=language, seconds=f"{self.retry_after_s:.0f}"))
        outcome, why = (
            sentence(each, language=language) for each in (self.outcome, self.flaw or self.reason)
        )
        return card(_TONES[self.outcome], outcome, why, lines, language=language)


_TONES: Final = {Outcome.ACCEPT: Tone.YES, Outcome.REJECT: Tone.NO, Outcome.REFER: Tone.PERSON}


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
