"""`Policy`: what `Verifier.verify` asks of a probe beyond likeness, and what it tells of the answer."""

from dataclasses import dataclass, replace
from typing import Final, Self

from sigverify.decision import Decision, Reason
from sigverify.errors import ConfigError
from sigverify.matching.scoring import Impostor, Scoring
from sigverify.policy.lockout import PER_DEVICE, PER_USER, Schedule
from sigverify.policy.profile import Profile, false_match_rate

MAX_REMEMBERED: Final = 1024
"""Captures of one user that may be remembered, each in 81 bytes."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Rules for verifying. The default suits a caller that is trusted with scores.

    Attributes:
        fmr: the false-match rate to allow, 0.01 lets one impostor in a hundred in; or the name of a
            `Profile`, which becomes its rate.
        impostor: whom that rate counts.
        refer_fmr: a higher rate: what would be accepted at it, and not at `fmr`, is for a person to decide.
        every_kind: ask everybody for every kind of capture that the verifier takes, such as strokes and a
            picture, each fit to be compared; otherwise what is shown, fit and enrolled decides. Without this,
            whoever forges one of them better shows that one alone.
        replay: refuse copies of what was seen before.
        remembered: captures of each kind remembered of each user, beside the references.
        per_user: when a user has to wait after failed tries; None: never.
        per_device: when everybody has to.
        adaptive: renew references by signatures accepted with confidence; see `sigverify.policy.adaptation`.
        reveal_score: return score, threshold, confidence and what is unlike. Whoever may try often and
            sees the score can climb it, stroke by stroke.
        reveal_unknown: raise `UnknownUser`; otherwise somebody who is not enrolled is answered with a
            rejection, of the same shape and after like time.
        durable_accepts: wait for the disk after an acceptance too. Everything else is always waited for;
            without this, a power cut may lose the newest acceptances from the log and from `replay`.

    Raises:
        ConfigError: settings that make no sense.
    """

    fmr: float = Profile.BALANCED.fmr
    impostor: Impostor = Impostor.SKILLED
    refer_fmr: float | None = None
    every_kind: bool = False
    replay: bool = True
    remembered: int = 64
    per_user: Schedule | None = PER_USER
    per_device: Schedule | None = PER_DEVICE
    adaptive: bool = False
    reveal_score: bool = True
    reveal_unknown: bool = True
    durable_accepts: bool = False

    def __post_init__(self) -> None:
        """Check what can be checked without a model; `check_policy` does the rest."""
        object.__setattr__(self, "fmr", false_match_rate(self.fmr))
        if self.refer_fmr is not None:
            object.__setattr__(self, "refer_fmr", false_match_rate(self.refer_fmr, "rate to refer at"))
        object.__setattr__(self, "impostor", _impostor(self.impostor))
        if self.refer_fmr is not None and not self.refer_fmr > self.fmr:
            raise ConfigError(
                "nothing would be referred",
                expected=f"a rate to refer at above the rate to accept at, {self.fmr:g}",
                received=f"{self.refer_fmr:g}",
            )
        if not 1 <= self.remembered <= MAX_REMEMBERED:
            raise ConfigError(
                "number of captures to remember",
                expected=f"1 to {MAX_REMEMBERED}",
                received=str(self.remembered),
            )
        if self.reveal_score and not self.reveal_unknown:
            raise ConfigError(
                "a score would tell who is enrolled", hint="Set reveal_score=False too, or reveal both"
            )

    @classmethod
    def kiosk(cls) -> Self:
        """For callers that are not trusted: nothing to climb, nothing to list, nothing lost in a power cut.

        Waits are capped at an hour, and never shortened by the wall clock, which anybody near the device
        or its time server may set.
        """
        return cls(
            per_user=replace(PER_USER, longest_s=3600.0, trust_wall=False),
            per_device=replace(PER_DEVICE, trust_wall=False),
            reveal_score=False,
            reveal_unknown=False,
            durable_accepts=True,
        )

    @classmethod
    def unguarded(cls) -> Self:
        """Only the threshold: for measuring and demonstrations, where one probe is shown again and again."""
        return cls(replay=False, per_user=None, per_device=None)

    def asking(
        self,
        *,
        fmr: float | str | None = None,
        impostor: Impostor | str | None = None,
        refer_fmr: float | str | None = None,
    ) -> "Policy":
        """Return this policy with other rates, each a number or a profile's name; None leaves one as it is.

        Raises:
            ConfigError: an unknown impostor, or rates that make no sense together.
        """
        if fmr is None and impostor is None and refer_fmr is None:
            return self
        return replace(
            self,
            fmr=self.fmr if fmr is None else false_match_rate(fmr),
            impostor=self.impostor if impostor is None else _impostor(impostor),
            refer_fmr=self.refer_fmr
            if refer_fmr is None
            else false_match_rate(refer_fmr, "rate to refer at"),
        )

    def shown(self, decision: Decision) -> Decision:
        """Return what the caller may see of a decision."""
        return decision if self.reveal_score else _conceal(decision)


def check_policy(policy: Policy, scoring: Scoring) -> None:
    """Refuse rates that a model has no thresholds for: each verification would fail by them.

    Raises:
        ConfigError: so it is.
    """
    for rate in (policy.fmr, policy.refer_fmr):
        for references in scoring.rows:
            if rate is not None:
                scoring.threshold(rate, impostor=policy.impostor, references=references)


def _conceal(decision: Decision) -> Decision:
    """Leave out all that depends on how alike the probe was, and whether anybody is enrolled."""
    reason = Reason.UNLIKE if decision.reason is Reason.REPLAY else decision.reason
    return replace(
        decision,
        reason=reason,
        score=None,
        threshold=None,
        confidence=None,
        unlike=(),
        missing=(),
        latency_ms=None,
        scores={},
        left_out=(),
    )


def _impostor(name: Impostor | str) -> Impostor:
    try:
        return Impostor(name)
    except ValueError as error:
        raise ConfigError(
            "unknown impostor", expected=f"one of {', '.join(Impostor)}", received=str(name)
        ) from error
