"""`Gate`: a compared probe in, the policy's decision out. Everything that `verify` writes is written here."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sigverify.decision import Decision, Outcome, Reason, confidence
from sigverify.matching.aspect import Aspect
from sigverify.modality.quality import Flaw
from sigverify.policy.clock import Instant
from sigverify.policy.lockout import DEVICE, KIND, Lockout
from sigverify.policy.policy import Policy
from sigverify.policy.replay import KIND as REPLAY
from sigverify.policy.replay import Memory, Role, Sketch
from sigverify.policy.sightings import remember
from sigverify.store import Records
from sigverify.template import record_kind

UNKNOWN: Final = "-unknown"
"""Added to the kinds of records of those who are not enrolled."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What shows that a capture was seen before.

    Attributes:
        modality: of the capture.
        sketch: of it.
        copy: it is one of the references themselves.
        copy_bits: bits in which sketches of one capture may differ, see `Modality.copy_bits`.
        runs_along: whether an outline of it is that of one of these captures, see `Modality.runs_along`.
    """

    modality: str
    sketch: Sketch
    copy: bool
    copy_bits: int
    runs_along: Callable[[Sequence[bytes]], bool]

    def was_seen(self, memory: Memory, *, closely: bool) -> bool:
        """Whether it is a copy of a reference, or of what is remembered; `closely`: by its outline, too."""
        if self.copy or memory.has(self.sketch, self.copy_bits):
            return True
        return closely and self.runs_along(memory.outlines)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A probe compared with somebody's references. It is neither yes nor no: `Gate.settle` decides.

    Attributes:
        subject: whose records it concerns: a user id, or a bucket of those who are not enrolled.
        known: whether that somebody is enrolled.
        seen: of each capture that was compared; empty when replays are not looked for.
        digests: of each capture shown, whether it was compared or not; empty likewise.
        fit: whether there is enough in the captures to decide by.
        flaw: what is wrong with one that is not fit; None: nothing.
        counts: whether any capture was compared with references of that person.
        score: likeness, 0 to 1.
        threshold: what the score has to reach.
        refer_threshold: what it has to reach to be referred; None: nothing is.
        missing: what could not be compared, see `Decision`.
        scores: of each kind of capture, where several were shown, see `Decision`.
        left_out: kinds shown that do not count, see `Decision`.
    """

    subject: str
    known: bool
    seen: tuple[Seen, ...] = ()
    digests: tuple[bytes, ...] = ()
    fit: bool = True
    flaw: Flaw | None = None
    counts: bool = True
    score: float
    threshold: float
    refer_threshold: float | None
    missing: tuple[Aspect, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict, hash=False)
    left_out: tuple[str, ...] = ()

    @property
    def alike(self) -> bool:
        """Whether the score would do."""
        return self._can_be_accepted and self.score >= self.threshold

    @property
    def unsure(self) -> bool:
        """Whether it would do for a person to decide."""
        return (
            self._can_be_accepted and self.refer_threshold is not None and self.score >= self.refer_threshold
        )

    @property
    def _can_be_accepted(self) -> bool:
        return self.known and self.fit and self.counts

    def __bool__(self) -> bool:
        raise TypeError("a Trial is neither true nor false: Gate.settle decides, by .alike among others")


class Gate:
    """Applies one policy. All methods work within a transaction of the store."""

    def __init__(self, policy: Policy, *, now: Callable[[], Instant] = Instant.now) -> None:
        """Take the policy; `now` tells the time."""
        self._policy = policy
        self._now = now

    def wait_s(self, records: Records, subject: str, *, known: bool) -> float:
        """Seconds until `subject`, on this device, may try again; 0: now, infinite: once unlocked."""
        return max(
            (lockout.remaining_s(records, whose) for lockout, whose in self._lockouts(subject, known=known)),
            default=0.0,
        )

    def settle(self, records: Records, trial: Trial) -> Decision:
        """Decide, count a failed try, and remember the captures, whatever is decided."""
        known_copy = remember(records, trial.digests)
        wait_s = self.wait_s(records, trial.subject, known=trial.known)
        if math.isinf(wait_s):
            return Decision(outcome=Outcome.REJECT, reason=Reason.BLOCKED)
        if wait_s > 0:
            return Decision(outcome=Outcome.REJECT, reason=Reason.LOCKED, retry_after_s=wait_s)
        if not trial.fit:
            return Decision(
                outcome=Outcome.REJECT, reason=Reason.POOR, flaw=trial.flaw, left_out=trial.left_out
            )
        memories = [self._memory(records, trial, each) for each in trial.seen]
        decision = self._judge(trial, memories, known_copy=known_copy)
        role = Role.ACCEPTED if decision.accepted else Role.REFUSED
        for each, memory in zip(trial.seen, memories, strict=True):
            kept = memory.with_([each.sketch], role, limit=self._policy.remembered)
            records.put(_memory_kind(trial, each), trial.subject, kept.to_bytes())
        return self._count(records, trial, decision)

    def _memory(self, records: Records, trial: Trial, seen: Seen) -> Memory:
        return Memory.from_bytes(records.get(_memory_kind(trial, seen), trial.subject))

    def _judge(self, trial: Trial, memories: Sequence[Memory], *, known_copy: bool) -> Decision:
        outcome, reason = Outcome.REJECT, Reason.UNLIKE
        # What would be rejected anyway need not be looked at closely, which takes long.
        closely = trial.alike or trial.unsure
        if known_copy or any(
            each.was_seen(memory, closely=closely) for each, memory in zip(trial.seen, memories, strict=True)
        ):
            return Decision(outcome=outcome, reason=Reason.REPLAY)
        if trial.alike:
            outcome, reason = Outcome.ACCEPT, Reason.ALIKE
        elif trial.unsure:
            outcome, reason = Outcome.REFER, Reason.UNSURE
        return Decision(
            outcome=outcome,
            reason=reason,
            score=trial.score,
            threshold=trial.threshold,
            confidence=confidence(trial.score, trial.threshold),
            missing=trial.missing,
            scores=trial.scores,
            left_out=trial.left_out,
        )

    def _count(self, records: Records, trial: Trial, decision: Decision) -> Decision:
        """Count what was not accepted; an acceptance clears the user's failures, never the device's."""
        waits = [0.0]
        for lockout, whose in self._lockouts(trial.subject, known=trial.known):
            if not decision.accepted:
                waits.append(lockout.failed(records, whose))
            elif whose != DEVICE:
                lockout.clear(records, whose)
        wait_s = max(waits)
        if wait_s == 0 or math.isinf(wait_s):
            return decision
        return replace(decision, retry_after_s=wait_s)

    def _lockouts(self, subject: str, *, known: bool) -> list[tuple[Lockout, str]]:
        kind = KIND if known else KIND + UNKNOWN
        each = [(self._policy.per_user, kind, subject), (self._policy.per_device, KIND, DEVICE)]
        return [
            (Lockout(schedule, kind=kind, now=self._now), whose)
            for schedule, kind, whose in each
            if schedule is not None
        ]


def _memory_kind(trial: Trial, seen: Seen) -> str:
    """Return the kind of the record that remembers captures like this one."""
    return record_kind(REPLAY, seen.modality) + ("" if trial.known else UNKNOWN)
