"""`Gate`: a compared probe in, the policy's decision out. Everything that `verify` writes is written here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from sigverify.decision import Decision, Outcome, Reason, confidence
from sigverify.matching.aspect import Aspect
from sigverify.modality.quality import Flaw
from sigverify.policy.clock import Instant
from sigverify.policy.lockout import DEVICE, KIND, Lockout
from sigverify.policy.policy import Policy
from sigverify.policy.replay import KIND as REPLAY
from sigverify.policy.replay import Memory, Role, Sketch
from sigverify.store import Records

UNKNOWN: Final = "-unknown"
"""Added to the kinds of records of those who are not enrolled."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A probe compared with somebody's references. It is neither yes nor no: `Gate.settle` decides.

    Attributes:
        subject: whose records it concerns: a user id, or a bucket of those who are not enrolled.
        known: whether that somebody is enrolled.
        sketch: of the capture; None when replays are not looked for.
        flaw: what makes the capture unfit to be compared; None: nothing.
        copy: one of the references themselves.
        copy_bits: bits in which sketches of one capture may differ, see `Modality.copy_bits`.
        score: likeness, 0 to 1.
        threshold: what the score has to reach.
        refer_threshold: what it has to reach to be referred; None: nothing is.
        missing: what could not be compared, see `Decision`.
    """

    subject: str
    known: bool
    sketch: Sketch | None
    flaw: Flaw | None
    copy: bool
    copy_bits: int
    score: float
    threshold: float
    refer_threshold: float | None
    missing: tuple[Aspect, ...] = ()

    @property
    def alike(self) -> bool:
        """Whether the score would do."""
        return self.known and self.score >= self.threshold

    def __bool__(self) -> bool:
        raise TypeError("a Trial is neither true nor false: Gate.settle decides, by .alike among others")


class Gate:
    """Applies one policy. All methods work within a transaction of the store."""

    def __init__(self, policy: Policy, *, now: Callable[[], Instant] = Instant.now) -> None:
        """Take the policy; `now` tells the time."""
        self._policy = policy
        self._now = now

    def wait_s(self, records: Records, subject: str, *, known: bool) -> float:
        """Seconds until `subject`, on this device, may try again; 0: now."""
        return max(
            (lockout.remaining_s(records, whose) for lockout, whose in self._lockouts(subject, known=known)),
            default=0.0,
        )

    def settle(self, records: Records, trial: Trial) -> Decision:
        """Decide, count a failed try, and remember the capture."""
        wait_s = self.wait_s(records, trial.subject, known=trial.known)
        if wait_s > 0:
            return Decision(outcome=Outcome.REJECT, reason=Reason.LOCKED, retry_after_s=wait_s)
        if trial.flaw:
            return Decision(outcome=Outcome.REJECT, reason=Reason.POOR, flaw=trial.flaw)
        kind = REPLAY if trial.known else REPLAY + UNKNOWN
        memory = Memory.from_bytes(records.get(kind, trial.subject) if trial.sketch else None)
        decision = self._judge(trial, memory)
        if trial.sketch:
            role = Role.ACCEPTED if decision.accepted else Role.REFUSED
            kept = memory.with_([trial.sketch], role, limit=self._policy.remembered)
            records.put(kind, trial.subject, kept.to_bytes())
        return self._count(records, trial, decision)

    def _judge(self, trial: Trial, memory: Memory) -> Decision:
        outcome, reason = Outcome.REJECT, Reason.UNLIKE
        if trial.sketch and (trial.copy or memory.has(trial.sketch, trial.copy_bits)):
            return Decision(outcome=outcome, reason=Reason.REPLAY)
        if trial.alike:
            outcome, reason = Outcome.ACCEPT, Reason.ALIKE
        elif trial.known and trial.refer_threshold is not None and trial.score >= trial.refer_threshold:
            outcome, reason = Outcome.REFER, Reason.UNSURE
        return Decision(
            outcome=outcome,
            reason=reason,
            score=trial.score,
            threshold=trial.threshold,
            confidence=confidence(trial.score, trial.threshold),
            missing=trial.missing,
        )

    def _count(self, records: Records, trial: Trial, decision: Decision) -> Decision:
        """Count what was not accepted; an acceptance clears the user's failures, never the device's."""
        waits = [0.0]
        for lockout, whose in self._lockouts(trial.subject, known=trial.known):
            if not decision.accepted:
                waits.append(lockout.failed(records, whose))
            elif whose != DEVICE:
                lockout.clear(records, whose)
        return replace(decision, retry_after_s=max(waits))

    def _lockouts(self, subject: str, *, known: bool) -> list[tuple[Lockout, str]]:
        kind = KIND if known else KIND + UNKNOWN
        each = [(self._policy.per_user, kind, subject), (self._policy.per_device, KIND, DEVICE)]
        return [
            (Lockout(schedule, kind=kind, now=self._now), whose)
            for schedule, kind, whose in each
            if schedule is not None
        ]
