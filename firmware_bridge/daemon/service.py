"""`Service`: what each request does with a `Verifier`. Runs in the daemon's one worker thread."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from firmware_bridge.protocol.captures import MAX_SAMPLES
from firmware_bridge.protocol.daemon_connection import Request
from firmware_bridge.protocol.fields import MAX_ITEMS
from firmware_bridge.protocol.messages import (
    Abandon,
    About,
    AdditionMade,
    Commit,
    DecisionMade,
    Done,
    Enroll,
    Enrolled,
    Enrolling,
    Forget,
    Identify,
    Info,
    Matches,
    Message,
    UserList,
    Users,
    Verify,
)
from sigverify import __version__
from sigverify.enrollment.enrollment import Enrollment
from sigverify.errors import Busy, ConfigError, EnrollmentError, NotAllowed, ProtocolError
from sigverify.matching.scoring import MAX_REFERENCES
from sigverify.modality.pen.signature import Signature
from sigverify.search.groups import check_members
from sigverify.verifier import Verifier

M = TypeVar("M", bound=Message)

_MAX_MATCHES: Final = 100
"""An answer of 8,192 bytes holds them at 80 bytes each."""


@dataclass
class ClientState:
    """What the worker keeps for one client: the enrollment begun after its last hello, by that service."""

    handshake: int = 0
    service: "Service | None" = field(default=None, repr=False)
    enrollment: Enrollment | None = field(default=None, repr=False)
    samples: int = 0
    """Of all signatures offered for that enrollment, which keeps them until its end."""


class Service:
    """Carries out requests, one at a time."""

    def __init__(self, verifier: Verifier, *, fixed_rates: bool = False) -> None:
        """Answer by `verifier`; with `fixed_rates` a client may choose no false-match rate."""
        self.verifier = verifier
        self._fixed_rates = fixed_rates

    def carry_out(self, request: Request, state: ClientState) -> Message:
        """Return the answer to a request.

        Raises:
            SigverifyError: what the verifier raises, and ProtocolError for what cannot be asked here.
        """
        # After another hello, or a reload, no enrollment is under way any more.
        if state.handshake != request.handshake or state.service is not self:
            state.handshake, state.service, state.enrollment = request.handshake, self, None
        if request.signature is not None:
            return self._answer_about(request.message, request.signature, state)
        if isinstance(request.message, Enroll):
            return self._enroll(request.message, state)
        if isinstance(request.message, Commit):
            return _commit(state)
        if isinstance(request.message, Abandon):
            state.enrollment = None
            return Done()
        return self._answer_about_users(request.message)

    def _answer_about(self, message: Message, signature: Signature, state: ClientState) -> Message:
        """Answer what is asked about a signature."""
        if isinstance(message, Verify):
            return self._verify(message, signature)
        if isinstance(message, Identify):
            return self._identify(message, signature)
        return _add(state, signature)

    def _answer_about_users(self, message: Message) -> Message:
        if isinstance(message, Users):
            return self._users(message)
        if isinstance(message, Forget):
            self.verifier.forget(message.user_id)
            return Done()
        if isinstance(message, Info):
            return self._about()
        raise ProtocolError("this cannot be asked", received=type(message).__name__)

    def _verify(self, message: Verify, signature: Signature) -> DecisionMade:
        if self._fixed_rates and (message.fmr, message.impostor, message.refer_fmr) != (None, None, None):
            raise NotAllowed("this client may not choose a false-match rate")
        decision = self.verifier.verify(
            message.user_id,
            signature,
            fmr=message.fmr,
            impostor=message.impostor,
            refer_fmr=message.refer_fmr,
        )
        return _answer(DecisionMade, decision.to_dict())

    def _identify(self, message: Identify, signature: Signature) -> Matches:
        if message.top_k > _MAX_MATCHES:
            raise ConfigError(
                "too many people wanted", expected=f"at most {_MAX_MATCHES}", received=str(message.top_k)
            )
        found = self.verifier.identify(signature, top_k=message.top_k, fpir=message.fpir, among=message.among)
        if message.among is not None and not len(found):
            check_members(self.verifier.store, message.among)
        scores = tuple(match.score for match in found if match.score is not None)
        return Matches(
            user_ids=tuple(match.user_id for match in found),
            scores=scores if len(scores) == len(found) else None,
        )

    def _enroll(self, message: Enroll, state: ClientState) -> Enrolling:
        state.enrollment, state.samples = None, 0
        state.enrollment = self.verifier.enrollment(
            message.user_id, references=message.references, replace=message.replace, groups=message.groups
        )
        return Enrolling(remaining=state.enrollment.remaining)

    def _users(self, message: Users) -> UserList:
        later = [user for user in self.verifier.users() if user > message.after]
        return UserList(user_ids=tuple(later[:MAX_ITEMS]), more=len(later) > MAX_ITEMS)

    def _about(self) -> About:
        model = self.verifier.model
        return About(
            sdk_version=__version__,
            model=model.manifest.name,
            model_id=model.id,
            max_samples=MAX_SAMPLES,
            max_references=MAX_REFERENCES,
        )


def _enrollment(state: ClientState) -> Enrollment:
    if state.enrollment is None:
        raise EnrollmentError("no enrollment is under way", hint="Begin one; a reload of the daemon drops it")
    return state.enrollment


def _add(state: ClientState, signature: Signature) -> AdditionMade:
    enrollment = _enrollment(state)
    if state.samples + len(signature) > MAX_SAMPLES:
        raise Busy("too many samples for one enrollment", expected=f"at most {MAX_SAMPLES}")
    state.samples += len(signature)
    return _answer(AdditionMade, enrollment.add(signature).to_dict())


def _commit(state: ClientState) -> Enrolled:
    receipt = _enrollment(state).commit()
    state.enrollment = None
    return _answer(Enrolled, receipt.to_dict())


def _answer(kind: type[M], content: Mapping[str, Any]) -> M:
    """Return the message of what `to_dict` gave: the same names, and tuples for lists."""
    return kind(**{name: tuple(it) if isinstance(it, list) else it for name, it in content.items()})
