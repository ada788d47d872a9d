"""`Exchange`: what client and daemon say to each other for one call, written once for both kinds of client.

Each call is a generator that yields the bytes to write and whether to read then. Whoever runs it does the
I/O, blocking or not, and sends back whether time ran out. Time runs from the last writing on: bytes that
arrive are no proof that anybody answers.
"""

import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from firmware_bridge.capability import Capability
from firmware_bridge.protocol import messages
from firmware_bridge.protocol.client_connection import ClientConnection
from firmware_bridge.protocol.errors import to_error
from firmware_bridge.protocol.fields import MAX_UNSIGNED
from firmware_bridge.protocol.messages import Image, Message, Points
from firmware_bridge.protocol.picture import check_size, cut
from firmware_bridge.protocol.strokes import StrokeCapture, split
from sigverify.decision import Decision, Outcome, Reason
from sigverify.enrollment.addition import Addition, AdditionReason
from sigverify.enrollment.caution import Caution
from sigverify.enrollment.enroller import DEFAULT_REFERENCES, listed
from sigverify.enrollment.receipt import EnrollmentReceipt
from sigverify.errors import (
    Disconnected,
    EnrollmentError,
    FormatError,
    InvalidSignature,
    NotAllowed,
    ProtocolError,
    SigverifyError,
    one_line,
)
from sigverify.matching.aspect import Aspect
from sigverify.matching.scoring import MAX_REFERENCES
from sigverify.modality.image.encoding import to_png
from sigverify.modality.image.image import IMAGE
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.pen.repair import Repair
from sigverify.modality.pen.signature import Signature
from sigverify.modality.quality import Flaw, Quality
from sigverify.protection.keys import Key
from sigverify.search.match import Match, Matches
from sigverify.signed.content import Form
from sigverify.signed.signed_capture import Purpose, SignedCapture
from sigverify.signed.signer import CaptureSigner
from sigverify.words import sentence

M = TypeVar("M", bound=Message)
T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

_TRIES: Final = 3
"""Times that a request or a capture is sent before the call fails."""
_TOGETHER: Final = 8192
"""Bytes of one capture that are written at once: at 115,200 baud that takes two thirds of a second."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS: Final = 2**47
"""In the year 6429: a `datetime` ends at 9999, and the daemon may say any number."""


@dataclass(frozen=True)
class Step:
    """Write `data`; then, with `wait`, read what comes, and say whether time ran out."""

    data: bytes
    wait: bool


Exchange = Generator[Step, bool, T]
Probe = Signature | SignatureImage | SignedCapture | bytes | str | Path | int
"""A signature to send, a picture (or its file, or where that lies), either as a pen signed it, or the number
of a capture that was sent already."""
Sendable = Signature | SignedCapture | bytes | int
"""The same: of a picture its file."""


@dataclass(eq=False)
class OpenEnrollment:
    """An enrollment that the daemon has under way for this client."""

    user_id: str
    remaining: int


class Calls:
    """All calls of one client, over one line after another."""

    def __init__(
        self, *, name: str = "", token: Key | None = None, signer: CaptureSigner | None = None
    ) -> None:
        self._signer = signer
        self._streamed: dict[int, StrokeCapture] = {}
        self._connection = ClientConnection(name=name, token=token)
        self._answers: dict[int, Message] = {}
        self._capture = 0  # rises over all lines, so that no number ever means another person's signature
        self._pieces: dict[int, int] = {}
        self._crc: dict[int, int] = {}
        self._enrollment: OpenEnrollment | None = None

    def take(self, data: bytes) -> None:
        """Take what was read.

        Raises:
            BridgeError: the daemon broke the protocol, refuses this client, or was started anew.
        """
        for answer in self._connection.receive(data):
            message = answer.message
            if isinstance(message, messages.Error) and message.name == messages.NO_HANDSHAKE:
                raise to_error(message)
            if answer.number:  # else something arrived damaged, and what goes unanswered is asked again
                self._answers[answer.number] = message

    def handshake(self) -> Exchange[messages.Welcome]:
        """Do the handshake: the first thing on a line."""
        self._pieces.clear()
        self._crc.clear()
        self._streamed.clear()
        self._enrollment = None  # the daemon drops it at each hello
        for _ in range(_TRIES):
            self._answers.clear()
            self._connection.hello()
            late = yield from self._wait_until_ready()
            welcome = self._connection.welcome
            if not late and welcome is not None:
                return welcome
        raise Disconnected("the daemon does not answer", hint="Is it running, and at this address?")

    def begin(self) -> Exchange[int]:
        """Begin a capture; return its number."""
        capture = self._begun()
        if self._signing:
            self._streamed[capture] = StrokeCapture()
        yield Step(self._connection.outgoing(), wait=False)
        return capture

    def begin_image(self, file: bytes) -> Exchange[int]:
        """Begin to send a picture; return the capture's number."""
        welcome = self._connection.welcome
        if welcome is None or Capability.IMAGES.value not in welcome.capabilities:
            raise NotAllowed(
                "the daemon takes no pictures of signatures",
                expected=f"the capability {Capability.IMAGES.value}",
                hint="It needs a model for pictures, and `--allow images` where it allows only some requests",
            )
        capture = self._capture = self._capture % MAX_UNSIGNED + 1
        self._connection.tell(messages.BeginImage(capture=capture, size=len(file)))
        self._pieces[capture], self._crc[capture] = 0, zlib.crc32(file)
        yield Step(self._connection.outgoing(), wait=False)
        return capture

    def points(self, piece: Points | Image) -> Exchange[None]:
        """Send samples, or a piece of a picture, once there is credit."""
        yield from self._put(piece)
        yield Step(self._connection.outgoing(), wait=False)

    def _put(self, piece: Points | Image) -> Exchange[None]:
        """Have samples sent, or a piece of a picture, with what is sent next; waits for credit."""
        while not self._connection.credit:
            late = yield Step(self._connection.outgoing(), wait=True)
            if late:
                raise ProtocolError(
                    "the daemon takes no more pieces",
                    hint="Some were lost on the way, or its word that they were taken: send all again",
                )
        self._connection.tell(piece)
        self._pieces[piece.capture] = self._pieces.get(piece.capture, 0) + 1
        if isinstance(piece, Points) and piece.capture in self._streamed:
            self._streamed[piece.capture].add(piece.seq, piece, None)

    def end(
        self, capture: int, purpose: Purpose = Purpose.DECIDE, signed: SignedCapture | None = None
    ) -> Exchange[messages.Captured]:
        """End a capture: with the signature it came with, or that of this client's own signer."""
        pieces, crc = self._pieces.pop(capture, 0), self._crc.pop(capture, None)
        ended = messages.End(capture=capture, pieces=pieces, crc=crc)
        streamed = self._streamed.pop(capture, None)
        if signed is None and streamed is not None:
            signed = yield from self._sign_streamed(streamed, ended, purpose)
        if signed is not None:
            ended = replace(ended, **signed.proof())
        return (yield from self._ask(ended, messages.Captured))

    def challenge(self) -> Exchange[bytes]:
        """Ask for random bytes to sign a capture with."""
        return (yield from self._ask(messages.Challenge(), messages.Challenged)).nonce

    def cancel(self, capture: int) -> Exchange[None]:
        """Drop a capture."""
        self._pieces.pop(capture, None)
        self._crc.pop(capture, None)
        self._streamed.pop(capture, None)
        self._connection.tell(messages.Cancel(capture=capture))
        yield Step(self._connection.outgoing(), wait=False)

    def verify(
        self,
        user_id: str,
        probes: Sequence[Sendable],
        *,
        fmr: float | None,
        impostor: str | None,
        refer_fmr: float | None,
    ) -> Exchange[Decision]:
        """Verify a signature, of which there may be a picture beside its strokes."""
        capture = yield from self._sent(probes[0])
        second = None if len(probes) == 1 else (yield from self._sent(probes[1]))
        request = messages.Verify(
            user_id=user_id,
            capture=capture,
            fmr=fmr,
            impostor=impostor,
            refer_fmr=refer_fmr,
            second=second,
        )
        return _decision((yield from self._ask(request, messages.DecisionMade)))

    def identify(
        self, probe: Sendable, *, top_k: int, fpir: float | None, among: str | None
    ) -> Exchange[Matches]:
        """Identify a signature."""
        capture = yield from self._sent(probe)
        request = messages.Identify(capture=capture, top_k=top_k, fpir=fpir, among=among)
        found = yield from self._ask(request, messages.Matches)
        scores: Sequence[float | None] = found.scores or [None] * len(found.user_ids)
        if len(scores) != len(found.user_ids):
            raise ProtocolError("the daemon gives other scores than people")
        return Matches(
            map(Match, found.user_ids, scores),
            fpir=fpir if found.fpir is None else found.fpir,
            flaw=_flaw(found.flaw),
        )

    def enrollment(
        self,
        user_id: str,
        *,
        references: int = DEFAULT_REFERENCES,
        replace: bool = False,
        groups: Iterable[str] = (),
        modality: str | None = None,
    ) -> Exchange[OpenEnrollment]:
        """Begin to enroll somebody; an enrollment under way is dropped."""
        self._enrollment = None
        request = messages.Enroll(
            user_id=user_id,
            references=references,
            replace=replace,
            groups=tuple(groups),
            modality=modality,
        )
        begun = yield from self._ask(request, messages.Enrolling)
        self._enrollment = OpenEnrollment(user_id=user_id, remaining=begun.remaining)
        return self._enrollment

    def add(self, enrollment: OpenEnrollment, probe: Sendable) -> Exchange[Addition]:
        """Offer a reference."""
        self._check_open(enrollment)
        capture = yield from self._sent(probe, Purpose.ENROLL)
        addition = _addition((yield from self._ask(messages.Add(capture=capture), messages.AdditionMade)))
        enrollment.remaining = addition.remaining
        return addition

    def commit(self, enrollment: OpenEnrollment) -> Exchange[EnrollmentReceipt]:
        """Store the references."""
        self._check_open(enrollment)
        receipt = _receipt((yield from self._ask(messages.Commit(), messages.Enrolled)))
        self._enrollment = None
        return receipt

    def abandon(self, enrollment: OpenEnrollment) -> Exchange[None]:
        """Drop an enrollment; one that is over is fine."""
        if self._enrollment is enrollment:
            yield from self._ask(messages.Abandon(), messages.Done)
            self._enrollment = None

    def enroll(
        self, user_id: str, signatures: Sequence[Sendable], *, replace: bool, groups: Iterable[str]
    ) -> Exchange[EnrollmentReceipt]:
        """Enroll somebody by these signatures, all of one kind, wholly or not at all."""
        pictures = [_is_picture(signature) for signature in signatures]
        if any(pictures) and not all(pictures):
            raise EnrollmentError(
                "strokes and pictures in one enrollment",
                expected="one kind",
                hint="Enroll by the strokes, then by the pictures: both are kept",
            )
        enrollment = yield from self.enrollment(
            user_id,
            references=len(signatures),
            replace=replace,
            groups=groups,
            modality=IMAGE.name if any(pictures) else None,
        )
        for number, signature in enumerate(signatures, start=1):
            added = yield from self.add(enrollment, signature)
            if not added:
                yield from self.abandon(enrollment)
                raise EnrollmentError(
                    f"reference {number} is {sentence(added.reason)}",
                    expected="genuine signatures of one person, each written anew",
                )
        return (yield from self.commit(enrollment))

    def users(self) -> Exchange[tuple[str, ...]]:
        """List all enrolled, sorted."""
        found: list[str] = []
        while True:
            request = messages.Users(after=found[-1] if found else "")
            part = yield from self._ask(request, messages.UserList)
            found += part.user_ids
            if not part.more:
                return tuple(sorted(set(found)))
            if not part.user_ids:
                raise ProtocolError("the daemon lists nobody and says that there are more")

    def forget(self, user_id: str) -> Exchange[None]:
        """Delete somebody's references."""
        yield from self._ask(messages.Forget(user_id=user_id), messages.Done)

    def info(self) -> Exchange[messages.About]:
        """Ask what answers."""
        return (yield from self._ask(messages.Info(), messages.About))

    def health(self) -> Exchange[messages.Condition]:
        """Ask how it is."""
        return (yield from self._ask(messages.Health(), messages.Condition))

    def _check_open(self, enrollment: OpenEnrollment) -> None:
        """Refuse what would reach another person's enrollment: the daemon has one at a time on a line."""
        if self._enrollment is not enrollment:
            raise EnrollmentError(
                "no enrollment is under way",
                hint="Begin again: it was committed, or ended by another enrollment or a broken line",
            )

    def _wait_until_ready(self) -> Exchange[bool]:
        """Read until the handshake is done; True: nothing came in time."""
        while not self._connection.ready:
            late = yield Step(self._connection.outgoing(), wait=True)
            if late:
                return True
        return False

    def _ask(self, message: Message, kind: type[M]) -> Exchange[M]:
        number = self._connection.ask(message)
        tries = 1
        while number not in self._answers:
            late = yield Step(self._connection.outgoing(), wait=True)
            if late and tries == _TRIES:
                raise Disconnected(
                    "no answer in time", hint="What was asked may have been done; ask anew to find out"
                )
            if late:
                tries += 1
                self._connection.ask_again(number, message)
        answer = self._answers.pop(number)
        if isinstance(answer, messages.Error):
            raise to_error(answer)
        if not isinstance(answer, kind):
            raise ProtocolError(
                "the daemon answered something else", expected=kind.__name__, received=type(answer).__name__
            )
        return answer

    @property
    def _signing(self) -> bool:
        """Whether captures are signed here: the daemon asks for it, and there is what signs."""
        welcome = self._connection.welcome
        return self._signer is not None and welcome is not None and bool(welcome.signed_only)

    def _sign(self, plain: Signature | bytes, purpose: Purpose) -> Exchange[SignedCapture | None]:
        """Sign a capture where that is asked for; None: it is not, or nothing here can."""
        if not self._signing or self._signer is None:
            return None
        nonce = yield from self.challenge()
        return self._signer.sign(plain, nonce, purpose)

    def _sign_streamed(
        self, streamed: StrokeCapture, ended: messages.End, purpose: Purpose
    ) -> Exchange[SignedCapture | None]:
        """Sign what was streamed; what is no signature goes as it is, and the daemon says why it is none."""
        try:
            streamed.end(ended)
        except SigverifyError:
            return None
        return None if streamed.whole is None else (yield from self._sign(streamed.whole, purpose))

    def _sent(self, probe: Sendable, purpose: Purpose = Purpose.DECIDE) -> Exchange[int]:
        """Send a signature, again if pieces were lost; return the capture's number."""
        if isinstance(probe, int):
            return probe
        signed = probe if isinstance(probe, SignedCapture) else (yield from self._sign(probe, purpose))
        plain = _plain(probe)
        tries = 1
        while True:
            capture = (yield from self.begin_image(plain)) if isinstance(plain, bytes) else self._begun()
            try:
                for piece in self._pieces_of(plain, capture):
                    yield from self._put(piece)
                    # A daemon is woken once for all that is short; on a slow line each writing takes time.
                    if self._connection.waiting_bytes > _TOGETHER:
                        yield Step(self._connection.outgoing(), wait=False)
                yield from self.end(capture, signed=signed)
            except ProtocolError:
                yield from self.cancel(capture)
                if tries == _TRIES:
                    raise
                tries += 1
            else:
                return capture

    def _begun(self) -> int:
        """Begin a capture, with what is sent next; return its number."""
        capture = self._capture = self._capture % MAX_UNSIGNED + 1
        self._connection.tell(messages.Begin(capture=capture))
        self._pieces[capture] = 0
        return capture

    def _pieces_of(self, probe: Signature | bytes, capture: int) -> Iterator[Points | Image]:
        if isinstance(probe, bytes):
            return cut(probe, capture)
        return iter(split(probe, capture, size=self._connection.samples_a_message))


def sendable(probe: Probe) -> Sendable:
    """Return what is sent of a signature or a picture.

    Raises:
        FormatError: a file that cannot be read, or too large a picture.
        InvalidSignature: neither a signature nor a picture.
    """
    if isinstance(probe, str | Path):
        probe = _file_at(Path(probe))
    elif isinstance(probe, SignatureImage):
        probe = to_png(probe)
    if isinstance(probe, bytes):
        check_size(len(probe))
    elif not isinstance(probe, Signature | SignedCapture | int):
        raise InvalidSignature(
            "no signature to send",
            expected="a Signature, a SignatureImage, or the path or bytes of a picture",
            received=type(probe).__name__,
            hint="read_signature reads a Signature from a path or bytes",
        )
    return probe


def sendables(probe: Probe | tuple[Probe, ...]) -> list[Sendable]:
    """Return what is sent of one signature: strokes, a picture, or one of each.

    Raises:
        FormatError, InvalidSignature: as for `sendable`, or more than two of them.
    """
    probes = probe if isinstance(probe, tuple) else (probe,)
    if not 1 <= len(probes) <= 2:
        raise InvalidSignature(
            "no signature to send",
            expected="a signature, a picture of it, or both",
            received=f"{len(probes)}",
        )
    return list(map(sendable, probes))


def _is_picture(probe: Sendable) -> bool:
    return isinstance(probe, bytes) or (isinstance(probe, SignedCapture) and probe.form is Form.PICTURE)


def _plain(probe: Signature | SignedCapture | bytes) -> Signature | bytes:
    """Return what is sent of a capture, in pieces: of a picture its file."""
    if not isinstance(probe, SignedCapture):
        return probe
    if probe.form is Form.PICTURE:
        return probe.content
    read = probe.read()
    if not isinstance(read, Signature):
        raise InvalidSignature("signed strokes that are none")
    return read


def bounded(signatures: Iterable[Probe]) -> list[Sendable]:
    """Take one more than can be enrolled at most, of an iterator that may have no end."""
    return list(map(sendable, listed(signatures, MAX_REFERENCES + 1)))


def _file_at(path: Path) -> bytes:
    try:
        check_size(path.stat().st_size)  # before anything of it is read
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise FormatError(
            f"cannot read {path}",
            expected="the path of a picture",
            received=one_line(error),
            hint="read_signature reads a Signature from a path or bytes",
        ) from error


def line_error(error: OSError) -> Disconnected:
    """Return what a client raises where its line broke."""
    return Disconnected(
        "the line to the daemon broke",
        received=error.strerror or str(error),
        hint="What was asked may have been done; the next call connects again",
    )


def _decision(made: messages.DecisionMade) -> Decision:
    if len(made.kinds) != len(made.scores):
        raise ProtocolError("the daemon gives other scores than kinds of capture")
    decision = Decision(
        outcome=_token(Outcome, made.outcome),
        reason=_token(Reason, made.reason),
        score=made.score,
        threshold=made.threshold,
        confidence=made.confidence,
        unlike=tuple(_token(Aspect, name) for name in made.unlike),
        missing=tuple(_token(Aspect, name) for name in made.missing),
        flaw=_flaw(made.flaw),
        retry_after_s=made.retry_after_s,
        latency_ms=made.latency_ms,
        scores=dict(zip(made.kinds, made.scores, strict=True)),
        left_out=made.left_out,
    )
    if decision.accepted is not made.accepted or bool(decision.reason) is not made.accepted:
        raise ProtocolError("the daemon contradicts itself about whether a probe was accepted")
    return decision


def _addition(made: messages.AdditionMade) -> Addition:
    reason = _token(AdditionReason, made.reason)
    if bool(reason) is not made.accepted:
        raise ProtocolError("the daemon contradicts itself about whether a reference was taken")
    return Addition(
        accepted=made.accepted,
        reason=reason,
        quality=Quality(
            flaw=_flaw(made.flaw),
            duration_ms=made.duration_ms,
            complexity=made.complexity,
            repairs=tuple(_token(Repair, name) for name in made.repairs),
        ),
        remaining=made.remaining,
    )


def _flaw(name: str | None) -> Flaw | None:
    return None if name is None else _token(Flaw, name)


def _receipt(made: messages.Enrolled) -> EnrollmentReceipt:
    if len(made.reasons) != made.references or not 0 <= made.created_ms <= _LATEST_MS:
        raise ProtocolError("the daemon says that it enrolled what cannot be")
    return EnrollmentReceipt(
        user_id=made.user_id,
        references=made.references,
        template_bytes=made.template_bytes,
        model_id=made.model_id,
        created=_EPOCH + timedelta(milliseconds=made.created_ms),
        complexity=made.complexity,
        consistency=made.consistency,
        reasons=tuple(_token(AdditionReason, reason) for reason in made.reasons),
        latency_ms=made.latency_ms,
        strangers=made.strangers,
        cautions=tuple(_token(Caution, caution) for caution in made.cautions),
    )


def _token(kind: type[E], value: str) -> E:
    try:
        return kind(value)
    except ValueError as error:
        raise ProtocolError(f"the daemon says an unknown {kind.__name__}", received=value[:40]) from error
