"""`UntrustedService`: what clients that are not trusted may ask, and are told.

No number that moves a threshold, and no list, is theirs to choose: the operator's `Terms` say them. Answers
hold no score and no ranking. Each "no" is a failed try of the device, see `firmware_bridge.budget`, and each
question is in the audit log.
"""

import math
from dataclasses import dataclass

from firmware_bridge.budget import Budget
from firmware_bridge.daemon.service import Capture, ClientState, Service
from firmware_bridge.protocol.messages import (
    Add,
    AdditionMade,
    Commit,
    DecisionMade,
    Done,
    Enroll,
    Enrolled,
    Enrolling,
    Forget,
    Identify,
    Matches,
    UserList,
    Users,
    Verify,
)
from sigverify.audit import Event
from sigverify.enrollment.addition import AdditionReason
from sigverify.enrollment.enroller import DEFAULT_REFERENCES, check_count
from sigverify.errors import AlreadyEnrolled, Busy, ConfigError, NotAllowed, UnknownUser
from sigverify.verifier import Verifier

_BY_LIKENESS = (AdditionReason.COPY, AdditionReason.UNLIKE)
"""Why a reference was refused that had to be compared with others."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What an untrusted client's questions are judged by.

    Attributes:
        fpir: the rate at which `identify` may take a stranger for somebody.
        references: signatures of one enrollment.

    Raises:
        ConfigError: no rate.
        EnrollmentError: a number of references that no template holds.
    """

    fpir: float = 0.01
    references: int = DEFAULT_REFERENCES

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 0 < self.fpir < 1:
            raise ConfigError(
                "false-positive identification rate out of range",
                expected="0 to 1",
                received=f"{self.fpir:g}",
            )
        check_count(self.references)


class UntrustedService(Service):
    """Carries out requests of clients that are not trusted."""

    def __init__(self, verifier: Verifier, terms: Terms) -> None:
        """Answer by `verifier`, on these terms.

        Raises:
            ConfigError: its policy would reveal scores, or who is enrolled, or bounds no questions.
        """
        super().__init__(verifier)
        policy = verifier.policy
        if policy.reveal_score or policy.reveal_unknown or policy.per_device is None:
            raise ConfigError(
                "clients that are not trusted could climb the score, or ask without end",
                expected="a policy such as Policy.kiosk(), with lock-out",
            )
        self._terms = terms
        self._budget = Budget(verifier)

    def _verify(self, message: Verify, signature: Capture | tuple[Capture, ...]) -> DecisionMade:
        if (message.fmr, message.impostor, message.refer_fmr) != (None, None, None):
            raise NotAllowed("this client may not choose a false-match rate")
        return super()._verify(message, signature)

    def _identify(self, message: Identify, signature: Capture) -> Matches:
        """Name one person, who must also be accepted by `verify`: copies and waits count here too."""
        if message.fpir is not None or message.among is not None:
            raise NotAllowed("this client may not choose a rate, or among whom to search")
        _refuse(self._budget.wait_s())
        # `verify` decides by the same capture next, and remembers it.
        checked = self.verifier.checked(signature)
        found = self.verifier.identify(checked, top_k=1, fpir=self._terms.fpir, remember=False)
        names: tuple[str, ...] = ()
        if not found:
            self._settle(Event.NOT_IDENTIFIED)
        elif self.verifier.verify(found[0].user_id, checked).accepted:
            names = (found[0].user_id,)
            self._settle(Event.IDENTIFIED, *names, failed=False)
        flaw = None if found.flaw is None else found.flaw.value
        return Matches(user_ids=names, fpir=self._terms.fpir, flaw=flaw)

    def _enroll(self, message: Enroll, state: ClientState) -> Enrolling:
        if message.replace or message.groups or message.references != self._terms.references:
            raise NotAllowed(
                "this client may not choose",
                expected=f"{self._terms.references} references, no replacement, no groups",
            )
        _refuse(self._budget.wait_s())
        try:
            return super()._enroll(message, state)
        except AlreadyEnrolled:
            self._settle(Event.ENROLLMENT_REFUSED, message.user_id, reason="exists")
            raise

    def _add(self, message: Add, state: ClientState, signature: Capture) -> AdditionMade:
        _refuse(self._budget.wait_s())
        made = super()._add(message, state, signature)
        if made.reason in _BY_LIKENESS:
            self._settle(Event.ENROLLMENT_REFUSED, reason=made.reason)
        return made

    def _commit(self, message: Commit, state: ClientState) -> Enrolled:
        try:
            made = super()._commit(message, state)
        except AlreadyEnrolled:
            self._settle(Event.ENROLLMENT_REFUSED, reason="exists")
            raise
        # How alike the references are is a score: whoever offers another's signature must not read it.
        return Enrolled(**{**vars(made), "consistency": None, "strangers": None})

    def _users(self, message: Users) -> UserList:
        self._settle(Event.LISTED)
        return super()._users(message)

    def _forget(self, message: Forget) -> Done:
        _refuse(self._budget.wait_s())
        try:
            return super()._forget(message)
        except UnknownUser:
            self._settle(Event.UNKNOWN_USER, message.user_id)
            raise

    def _settle(self, event: Event, user_id: str = "", *, failed: bool = True, **detail: str) -> None:
        """Log and count a question; no answer where the device is locked.

        Raises:
            Busy: it is.
        """
        _refuse(self._budget.settle(event, user_id, failed=failed, **detail))


def make_service(verifier: Verifier, terms: Terms | None) -> Service:
    """Return what answers clients: of those that are not trusted, on these terms.

    Raises:
        ConfigError: see `UntrustedService`.
    """
    return Service(verifier) if terms is None else UntrustedService(verifier, terms)


def _refuse(wait_s: float) -> None:
    if math.isinf(wait_s):
        raise Busy("too many failed tries at this device", hint="An operator has to unlock it")
    if wait_s > 0:
        raise Busy("too many failed tries at this device", hint=f"Ask again in {math.ceil(wait_s)} s")
