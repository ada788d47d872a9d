"""`Service`: what each request does with a `Verifier`. A `Worker` of the daemon has one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from firmware_bridge.capability import Capability
from firmware_bridge.protocol.captures import Whole
from firmware_bridge.protocol.daemon_connection import Request
from firmware_bridge.protocol.messages import (
    Abandon,
    About,
    Add,
    AdditionMade,
    Challenge,
    Challenged,
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
from firmware_bridge.protocol.picture import MAX_IMAGE_BYTES
from firmware_bridge.protocol.strokes import MAX_SAMPLES
from sigverify import __version__
from sigverify.enrollment.enrollment import Enrollment
from sigverify.errors import Busy, ConfigError, EnrollmentError, ProtocolError
from sigverify.matching.scoring import MAX_REFERENCES
from sigverify.modality.image.decoding import decode_sent
from sigverify.modality.image.image import IMAGE
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.pen.signature import Signature
from sigverify.policy.provenance import Checked
from sigverify.search.groups import check_members
from sigverify.signed.challenges import Challenges
from sigverify.signed.signed_capture import Purpose, SignedCapture
from sigverify.verifier import Verifier

M = TypeVar("M", bound=Message)

_MAX_MATCHES: Final = 100
"""An answer of 8,192 bytes holds them at 80 bytes each."""
_LISTED: Final = 100
"""People in an answer: as many as fit with ids of that length; their rows are opened for each piece."""
MAX_PIXELS: Final = 32 * 2**20
"""Of all pictures offered for one enrollment, one byte each: a dozen of the largest that are kept."""

Capture = Signature | SignatureImage | SignedCapture | bytes
"""As the verifier takes it. Where captures have to be signed, no file of a picture is looked into before it
is known who signed it, and one that nobody did stays its bytes: it will be refused."""


@dataclass
class ClientState:
    """What a worker keeps for one client: the enrollment begun after its last hello, by that service."""

    handshake: int = 0
    challenges: Challenges = field(default_factory=Challenges, repr=False)
    """Given since that hello: signed captures answer those of their own line only."""
    is_challenged: bool = False
    """Whether any was."""
    service: "Service | None" = field(default=None, repr=False)
    enrollment: Enrollment | None = field(default=None, repr=False)
    samples: int = 0
    pixels: int = 0
    """Of all signatures, and pictures, offered for that enrollment, which keeps them until its end."""

    @property
    def is_kept(self) -> bool:
        """Whether later requests need it: another one, made anew, would not do as well."""
        return self.is_challenged or self.enrollment is not None


class Service:
    """Carries out requests, one at a time."""

    def __init__(self, verifier: Verifier) -> None:
        """Answer by `verifier`."""
        self.verifier = verifier

    def carry_out(self, request: Request, state: ClientState) -> Message:
        """Return the answer to a request.

        Raises:
            SigverifyError: what the verifier raises, and ProtocolError for what cannot be asked here.
        """
        if state.handshake != request.handshake:
            state.challenges, state.is_challenged = Challenges(), False
        # After another hello, or a reload, no enrollment is under way any more.
        if state.handshake != request.handshake or state.service is not self:
            state.handshake, state.service, state.enrollment = request.handshake, self, None
        if request.captures:
            captures = tuple(self._read(each, state) for each in request.captures)
            return self._answer_about(request.message, captures, state)
        if isinstance(request.message, Enroll):
            return self._enroll(request.message, state)
        if isinstance(request.message, Commit):
            return self._commit(request.message, state)
        if isinstance(request.message, Abandon):
            state.enrollment = None
            return Done()
        if isinstance(request.message, Challenge):
            state.is_challenged = True
            return Challenged(nonce=state.challenges.give(), life_s=state.challenges.life_s)
        return self._answer_about_users(request.message)

    def possible(self, allowed: Iterable[Capability]) -> frozenset[Capability]:
        """Return those of the capabilities that there is a model for."""
        return frozenset(allowed) - (frozenset() if self._takes_pictures else {Capability.IMAGES})

    @property
    def signed_only(self) -> bool:
        """Whether captures have to be signed."""
        return self.verifier.takes_signed_only

    def _read(self, whole: Whole, state: ClientState) -> Capture:
        """Return a capture as the verifier takes it.

        Raises:
            FormatError, InvalidSignature: the file of a picture is none, or cannot be a signature.
        """
        if isinstance(whole, SignedCapture):
            return replace(whole, line=state.challenges)
        if isinstance(whole, bytes) and not self.signed_only:
            return SignatureImage(decode_sent(whole))
        return whole

    @property
    def _takes_pictures(self) -> bool:
        return IMAGE.name in self.verifier.modalities

    def _answer_about(self, message: Message, captures: tuple[Capture, ...], state: ClientState) -> Message:
        """Answer what is asked about a signature, of which there may be a picture beside its strokes."""
        if isinstance(message, Verify):
            return self._verify(message, captures if len(captures) > 1 else captures[0])
        if isinstance(message, Identify):
            return self._identify(message, captures[0])
        if isinstance(message, Add):
            return self._add(message, state, captures[0])
        raise ProtocolError("this cannot be asked", received=type(message).__name__)

    def _answer_about_users(self, message: Message) -> Message:
        if isinstance(message, Users):
            return self._users(message)
        if isinstance(message, Forget):
            return self._forget(message)
        if isinstance(message, Info):
            return self._about()
        raise ProtocolError("this cannot be asked", received=type(message).__name__)

    def _verify(self, message: Verify, signature: Capture | tuple[Capture, ...]) -> DecisionMade:
        decision = self.verifier.verify(
            message.user_id,
            signature,
            fmr=message.fmr,
            impostor=message.impostor,
            refer_fmr=message.refer_fmr,
        )
        content = decision.to_dict()
        scores = content.pop("scores", {})
        return _answer(DecisionMade, {**content, "kinds": list(scores), "scores": list(scores.values())})

    def _identify(self, message: Identify, signature: Capture) -> Matches:
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
            flaw=None if found.flaw is None else found.flaw.value,
        )

    def _enroll(self, message: Enroll, state: ClientState) -> Enrolling:
        state.enrollment, state.samples, state.pixels = None, 0, 0
        state.enrollment = self.verifier.enrollment(
            message.user_id,
            references=message.references,
            replace=message.replace,
            groups=message.groups,
            modality=message.modality,
        )
        return Enrolling(remaining=state.enrollment.remaining)

    def _add(self, _message: Add, state: ClientState, signature: Capture) -> AdditionMade:
        enrollment = _enrollment(state)
        offered = self.verifier.checked(signature, Purpose.ENROLL)
        plain = offered.capture if isinstance(offered, Checked) else offered
        samples = state.samples + (len(plain) if isinstance(plain, Signature) else 0)
        pixels = state.pixels + (plain.grey.size if isinstance(plain, SignatureImage) else 0)
        if samples > MAX_SAMPLES or pixels > MAX_PIXELS:
            raise Busy(
                "too much for one enrollment",
                expected=f"at most {MAX_SAMPLES} samples, {MAX_PIXELS} pixels",
            )
        state.samples, state.pixels = samples, pixels
        return _answer(AdditionMade, enrollment.add(offered).to_dict())

    def _commit(self, _message: Commit, state: ClientState) -> Enrolled:
        receipt = _enrollment(state).commit()
        state.enrollment = None
        return _answer(Enrolled, receipt.to_dict())

    def _forget(self, message: Forget) -> Done:
        self.verifier.forget(message.user_id)
        return Done()

    def _users(self, message: Users) -> UserList:
        # One more than fits says whether there are more; no other rows are opened.
        later = self.verifier.store.page(message.after, limit=_LISTED + 1)
        return UserList(user_ids=later[:_LISTED], more=len(later) > _LISTED)

    def _about(self) -> About:
        model = self.verifier.model
        return About(
            sdk_version=__version__,
            model=model.manifest.name,
            model_id=model.id,
            max_samples=MAX_SAMPLES,
            max_references=MAX_REFERENCES,
            max_image_bytes=MAX_IMAGE_BYTES if self._takes_pictures else 0,
        )


def _enrollment(state: ClientState) -> Enrollment:
    if state.enrollment is None:
        raise EnrollmentError("no enrollment is under way", hint="Begin one; a reload of the daemon drops it")
    return state.enrollment


def _answer(kind: type[M], content: Mapping[str, Any]) -> M:
    """Return the message of what `to_dict` gave: the same names, and tuples for lists."""
    return kind(**{name: tuple(it) if isinstance(it, list) else it for name, it in content.items()})
