"""Messages: what is said over a line, one dataclass each, and their CBOR.

A payload is the CBOR array ``[kind, id, body]``: two unsigned integers and a map from field names to values.
What is sent is canonical (RFC 8949, section 4.2.1: shortest forms, keys in order); what is read may be any
CBOR of definite lengths, without tags and without a key twice. docs/protocol.md is the specification.
"""

import io
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, NoReturn

from firmware_bridge.protocol.fields import MAX_UNSIGNED, checked_map, from_map, to_map
from sigverify.errors import MissingExtra, ProtocolError

try:
    import cbor2
except ImportError as error:
    raise MissingExtra(
        "the bridge needs cbor2", hint="Install it with: pip install 'sigverify[bridge]'"
    ) from error

VERSION: Final = 1
"""Of the protocol."""
_DEPTH: Final = 4
"""Nesting of what is read: a list within a body within a message makes three, and one more is for later."""


class BadMessage(ProtocolError):
    """A frame was whole, but what it holds is no message.

    Attributes:
        number: the id it came with; 0 where none could be read.
    """

    def __init__(self, cause: ProtocolError, number: int = 0) -> None:
        """Say what `cause` says."""
        super().__init__(str(cause))
        self.number = number


class Kind(IntEnum):
    """The number of each message: below 64 they come from the client, from 64 on from the daemon."""

    HELLO = 1
    AUTHENTICATE = 2
    BEGIN = 3
    POINTS = 4
    END = 5
    CANCEL = 6
    VERIFY = 7
    IDENTIFY = 8
    ENROLL = 9
    ADD = 10
    COMMIT = 11
    ABANDON = 12
    USERS = 13
    FORGET = 14
    INFO = 15
    HEALTH = 16
    BEGIN_IMAGE = 17
    IMAGE = 18
    CHALLENGE = 19
    WELCOME = 64
    DONE = 65
    CREDIT = 66
    CAPTURED = 67
    DECISION = 68
    MATCHES = 69
    ENROLLING = 70
    ADDITION = 71
    ENROLLED = 72
    USER_LIST = 73
    ABOUT = 74
    CONDITION = 75
    CHALLENGED = 76
    ERROR = 127


@dataclass(frozen=True, kw_only=True)
class Message:
    """Base of all messages."""


@dataclass(frozen=True, kw_only=True)
class Hello(Message):
    """Begin, or begin anew: everything of an earlier session on this line is dropped.

    Attributes:
        version: the highest version of the protocol that the client speaks.
        max_payload: bytes of payload that the client takes.
        name: of the client, for the daemon's log.
        nonce: 16 random bytes, where the client has a token; left out: it has none.
    """

    version: int
    max_payload: int
    name: str = ""
    nonce: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Authenticate(Message):
    """Prove the token, by what was said so far, both nonces in it; see `proof`."""

    proof: bytes


@dataclass(frozen=True, kw_only=True)
class Begin(Message):
    """Begin a capture by a number of the client's choice; one of that number is dropped."""

    capture: int


@dataclass(frozen=True, kw_only=True)
class Points(Message):
    """Samples as the pen moves, columns of equal length; see `sigverify.Signature` for their meaning.

    Attributes:
        capture: to which they belong.
        seq: 0 for the first of a capture, then one more each: a gap means that samples were lost.
        x, y, t: position in any unit, milliseconds from any origin.
        p: pressure; in all messages of a capture or in none.
        d: false where the way to the sample carries no ink; left out: all ink.
    """

    capture: int
    seq: int
    x: tuple[float, ...]
    y: tuple[float, ...]
    t: tuple[float, ...]
    p: tuple[float, ...] | None = None
    d: tuple[bool, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class BeginImage(Message):
    """Begin a capture that is a picture, as `Begin` does; only with the capability `images`.

    Attributes:
        capture: its number.
        size: bytes of the whole file.
    """

    capture: int
    size: int


@dataclass(frozen=True, kw_only=True)
class Image(Message):
    """The next piece of a picture: bytes of a PNG, JPEG, … file as it is.

    Attributes:
        capture: to which it belongs.
        seq: 0 for the first of a capture, then one more each: a gap means that pieces were lost.
        data: the bytes that follow those of the piece before.
    """

    capture: int
    seq: int
    data: bytes


@dataclass(frozen=True, kw_only=True)
class End(Message):
    """End a capture: answered by `Captured`, or by the error of whatever went wrong since its beginning.

    Attributes:
        capture: which.
        pieces: how many `Points`, or `Image`s, were sent, so that the loss of the last of them shows too.
        crc: of a picture, the CRC-32 of the whole file, as frames have it.
        device, counter, nonce, purpose, mac: of a capture that is signed, see `SignedCapture`; all or none.
    """

    capture: int
    pieces: int
    crc: int | None = None
    device: str | None = None
    counter: int | None = None
    nonce: bytes | None = None
    purpose: str | None = None
    mac: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Challenge(Message):
    """Ask for random bytes to sign one capture with."""


@dataclass(frozen=True, kw_only=True)
class Cancel(Message):
    """Drop a capture, ended or not."""

    capture: int


@dataclass(frozen=True, kw_only=True)
class Verify(Message):
    """Ask whether a capture is that person's, and drop the capture; see `Verifier.verify`.

    Attributes:
        user_id: whose it is claimed to be.
        capture: strokes or a picture.
        fmr, impostor, refer_fmr: see `Verifier.verify`; left out: as the daemon's policy says.
        second: another capture of the same signature, of the other kind: its picture beside its strokes.
    """

    user_id: str
    capture: int
    fmr: float | None = None
    impostor: str | None = None
    refer_fmr: float | None = None
    second: int | None = None


@dataclass(frozen=True, kw_only=True)
class Identify(Message):
    """Ask whose a capture is, and drop the capture; see `Verifier.identify`."""

    capture: int
    top_k: int = 5
    fpir: float | None = None
    among: str | None = None


@dataclass(frozen=True, kw_only=True)
class Enroll(Message):
    """Begin to enroll somebody, one at a time on a line; an enrollment under way is dropped.

    Attributes:
        user_id, references, replace, groups: see `Verifier.enrollment`.
        modality: "pen" for strokes, "image" for pictures; left out: as the daemon's first model takes.
    """

    user_id: str
    references: int = 5
    replace: bool = False
    groups: tuple[str, ...] = ()
    modality: str | None = None


@dataclass(frozen=True, kw_only=True)
class Add(Message):
    """Offer a capture as a reference, and drop the capture."""

    capture: int


@dataclass(frozen=True, kw_only=True)
class Commit(Message):
    """Store the references of the enrollment under way."""


@dataclass(frozen=True, kw_only=True)
class Abandon(Message):
    """Drop the enrollment under way, if there is one."""


@dataclass(frozen=True, kw_only=True)
class Users(Message):
    """List the enrolled who follow `after` in the order of the store, as many as fit; "" begins."""

    after: str = ""


@dataclass(frozen=True, kw_only=True)
class Forget(Message):
    """Delete a person's references for good."""

    user_id: str


@dataclass(frozen=True, kw_only=True)
class Info(Message):
    """Ask what answers here."""


@dataclass(frozen=True, kw_only=True)
class Health(Message):
    """Ask whether all is well; answered even while the worker is busy."""


@dataclass(frozen=True, kw_only=True)
class Welcome(Message):
    """Answer to `Hello`.

    Attributes:
        version: of the protocol that is spoken from here on.
        max_payload: bytes of payload that the daemon takes.
        window: requests that may wait for their answers at once.
        credit: `Points` and `Image`s that may be sent before more credit comes.
        nonce: to prove the token by; left out: none is needed.
        capabilities: names of what this client may ask.
        signed_only: captures have to be signed; left out: they need not.
    """

    version: int
    max_payload: int
    window: int
    credit: int
    nonce: bytes | None = None
    capabilities: tuple[str, ...] = ()
    signed_only: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Done(Message):
    """It is done.

    Attributes:
        proof: in answer to `Authenticate`, that the daemon has the token too; see `proof`.
    """

    proof: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Credit(Message):
    """So many more `Points` or `Image`s may be sent."""

    points: int


@dataclass(frozen=True, kw_only=True)
class Captured(Message):
    """A capture is whole, and can be asked about.

    Attributes:
        samples, duration_ms: of strokes; of a picture 0.
        size: of a picture, its bytes. Whether they are a picture shows when it is asked about.
    """

    samples: int
    duration_ms: float
    size: int | None = None


@dataclass(frozen=True, kw_only=True)
class DecisionMade(Message):
    """A `Decision`, as its `to_dict` says it; true where it was accepted.

    Its `scores` are two lists here: `kinds` of capture, and one score each.
    """

    outcome: str
    accepted: bool
    reason: str
    score: float | None = None
    threshold: float | None = None
    confidence: float | None = None
    unlike: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    flaw: str | None = None
    retry_after_s: float = 0.0
    latency_ms: float | None = None
    kinds: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    left_out: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.accepted


@dataclass(frozen=True, kw_only=True)
class Matches(Message):
    """People found, the most alike first; one at most where the client is not trusted.

    Attributes:
        user_ids: who.
        scores: left out where the policy hides them.
        fpir: the rate that was asked for, where it is the daemon's to say and not the client's.
        flaw: what makes the capture too poor to be compared; then nobody is named.
    """

    user_ids: tuple[str, ...]
    scores: tuple[float, ...] | None = None
    fpir: float | None = None
    flaw: str | None = None

    def __bool__(self) -> bool:
        raise TypeError("messages.Matches is neither true nor false: ask for its .user_ids")


@dataclass(frozen=True, kw_only=True)
class Enrolling(Message):
    """An enrollment is under way."""

    remaining: int


@dataclass(frozen=True, kw_only=True)
class AdditionMade(Message):
    """An `Addition`, as its `to_dict` says it; true where it was accepted."""

    accepted: bool
    reason: str
    remaining: int
    duration_ms: float
    complexity: float
    flaw: str | None = None
    repairs: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.accepted


@dataclass(frozen=True, kw_only=True)
class Enrolled(Message):
    """An `EnrollmentReceipt`, as its `to_dict` says it; neither true nor false, as that."""

    user_id: str
    references: int
    template_bytes: int
    model_id: str
    created_ms: float
    complexity: float
    consistency: float | None = None
    reasons: tuple[str, ...]
    latency_ms: float
    strangers: float | None = None
    cautions: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        raise TypeError("messages.Enrolled is neither true nor false: ask for its .reasons")


@dataclass(frozen=True, kw_only=True)
class UserList(Message):
    """Some of the enrolled, sorted; with `more`, ask again after the last of them."""

    user_ids: tuple[str, ...]
    more: bool = False


@dataclass(frozen=True, kw_only=True)
class About(Message):
    """What answers here.

    Attributes:
        sdk_version, model, model_id: of the SDK, and of the model that is loaded.
        max_samples: of all captures of a session at once.
        max_references: of one enrollment.
        max_image_bytes: of all pictures of a session at once; 0: none are taken.
    """

    sdk_version: str
    model: str
    model_id: str
    max_samples: int
    max_references: int
    max_image_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Condition(Message):
    """How the daemon is; true where it is ready.

    Attributes:
        ready: whether requests are answered; false while one takes more than ten seconds.
        uptime_s: seconds since it started.
        clients: connected now.
        waiting: requests that wait for the worker.
    """

    ready: bool
    uptime_s: float
    clients: int
    waiting: int

    def __bool__(self) -> bool:
        return self.ready


@dataclass(frozen=True, kw_only=True)
class Challenged(Message):
    """Answer to `Challenge`.

    Attributes:
        nonce: 16 random bytes, good for one capture on this line.
        life_s: seconds for which they are good.
    """

    nonce: bytes
    life_s: float


@dataclass(frozen=True, kw_only=True)
class Error(Message):
    """What went wrong: the SDK's status number, the error's name, and a sentence for people. It is false.

    With id 0 it answers nothing in particular: something damaged or out of place arrived. `reason` is the
    token of an `UntrustedCapture`.
    """

    status: int
    name: str
    message: str
    reason: str | None = None

    def __bool__(self) -> bool:
        return False


KINDS: Final[dict[Kind, type[Message]]] = {
    Kind.HELLO: Hello,
    Kind.AUTHENTICATE: Authenticate,
    Kind.BEGIN: Begin,
    Kind.POINTS: Points,
    Kind.END: End,
    Kind.CANCEL: Cancel,
    Kind.VERIFY: Verify,
    Kind.IDENTIFY: Identify,
    Kind.ENROLL: Enroll,
    Kind.ADD: Add,
    Kind.COMMIT: Commit,
    Kind.ABANDON: Abandon,
    Kind.USERS: Users,
    Kind.FORGET: Forget,
    Kind.INFO: Info,
    Kind.HEALTH: Health,
    Kind.BEGIN_IMAGE: BeginImage,
    Kind.IMAGE: Image,
    Kind.CHALLENGE: Challenge,
    Kind.WELCOME: Welcome,
    Kind.DONE: Done,
    Kind.CREDIT: Credit,
    Kind.CAPTURED: Captured,
    Kind.DECISION: DecisionMade,
    Kind.MATCHES: Matches,
    Kind.ENROLLING: Enrolling,
    Kind.ADDITION: AdditionMade,
    Kind.ENROLLED: Enrolled,
    Kind.USER_LIST: UserList,
    Kind.ABOUT: About,
    Kind.CONDITION: Condition,
    Kind.CHALLENGED: Challenged,
    Kind.ERROR: Error,
}
NO_HANDSHAKE: Final = "NoHandshake"
"""The name of an `Error` where no handshake came first: the daemon was started anew."""
UNANSWERED: Final = (Begin, Points, Cancel, BeginImage, Image)
"""Sent with id 0 while the pen moves, or a picture is sent; the answer to `End` says what went wrong."""

_NUMBERS: Final = {kind: number for number, kind in KINDS.items()}


def encode(number: int, message: Message, *, check: bool = False) -> bytes:
    """Return the payload of a message with that id; with `check`, of one that nobody would refuse.

    Raises:
        ProtocolError: with `check`: a value is of another type or out of range.

    >>> encode(7, Forget(user_id="ann")).hex(" ")
    '83 0e 07 a1 67 75 73 65 72 5f 69 64 63 61 6e 6e'
    """
    content = checked_map(message) if check else to_map(message)
    return cbor2.dumps([int(_NUMBERS[type(message)]), number, content], canonical=True)


def decode(payload: bytes) -> tuple[int, Message]:
    """Return a message and its id.

    Raises:
        BadMessage: not CBOR as described above, an unknown kind, or a body that does not fit it.
    """
    number = 0
    try:
        kind, number, body = _envelope(payload)
        return number, from_map(_kind(kind), body)
    except ProtocolError as error:
        raise BadMessage(error, number) from error


def _envelope(payload: bytes) -> tuple[object, int, object]:
    content = _load(payload)
    if not isinstance(content, list) or len(content) != 3:
        raise ProtocolError("a payload is no message", expected="the array [kind, id, body]")
    kind, number, body = content
    if type(number) is not int or not 0 <= number <= MAX_UNSIGNED:
        raise ProtocolError("a message without an id", expected="an integer from 0 to 2^32 - 1")
    return kind, number, body


def _kind(kind: object) -> type[Message]:
    if type(kind) is not int or kind not in KINDS:
        raise ProtocolError(
            "a message of an unknown kind", received=str(kind) if type(kind) is int else type(kind).__name__
        )
    return KINDS[Kind(kind)]


def _load(payload: bytes) -> object:
    """Read one CBOR item that fills `payload`."""
    file = io.BytesIO(payload)
    decoder = cbor2.CBORDecoder(
        file,
        tag_hook=_refuse_tag,
        semantic_decoders=_NO_TAGS,
        max_depth=_DEPTH,
        allow_indefinite=False,
        allow_duplicate_keys=False,
        strict_hashable_types=True,
    )
    try:
        content = decoder.decode()
    except Exception as error:  # a decoder may raise anything at bytes that are not CBOR
        raise ProtocolError("a payload is not the CBOR that is spoken here") from error
    if file.tell() != len(payload):
        raise ProtocolError("bytes after a message")
    return content


def _refuse_tag(*_: Any) -> NoReturn:
    raise ValueError("a tag")


class _Everything(dict[int, Any]):
    """Holds the same for every tag, so that none of cbor2's own decoders (regular expressions, …) runs."""

    def __contains__(self, tag: object) -> bool:
        return True

    def __getitem__(self, tag: int) -> Any:
        return _refuse_tag

    def get(self, tag: int, default: Any = None) -> Any:
        del tag, default
        return _refuse_tag


_NO_TAGS: Final = _Everything()
