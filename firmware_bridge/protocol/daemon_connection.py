"""`DaemonConnection`: the daemon's side. Bytes in, requests out; answers in, bytes out; no I/O.

Whoever owns the line feeds what it read to `receive`, carries out the requests that this returns, hands each
answer to `answer` or `fail`, and writes what `outgoing` returns. What needs no model is answered here: the
handshake, captures, repeated requests, everything that breaks the rules.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from firmware_bridge.capability import BY_DEFAULT, MAX_NAME, Capability, Grant, not_allowed
from firmware_bridge.protocol.captures import Captures, Whole
from firmware_bridge.protocol.errors import to_message
from firmware_bridge.protocol.framing import MAX_PAYLOAD, MIN_PAYLOAD, Deframer, Fault, frame
from firmware_bridge.protocol.handshake import NONCE_BYTES, Side, check_hello, is_proof, proof, transcript
from firmware_bridge.protocol.messages import (
    NO_HANDSHAKE,
    UNANSWERED,
    VERSION,
    Abandon,
    Add,
    Authenticate,
    BadMessage,
    Begin,
    BeginImage,
    Cancel,
    Challenge,
    Commit,
    Credit,
    Done,
    End,
    Enroll,
    Forget,
    Health,
    Hello,
    Identify,
    Image,
    Info,
    Matches,
    Message,
    Points,
    UserList,
    Users,
    Verify,
    Welcome,
    decode,
    encode,
)
from firmware_bridge.protocol.phase import CLOSED, DAEMON, DAEMON_SERIAL, Event, Phase
from sigverify.errors import (
    Busy,
    NotAllowed,
    ProtocolError,
    SigverifyError,
)
from sigverify.protection.keys import Key
from sigverify.words import sentence

WINDOW: Final = 8
"""Requests of one client that may wait at once: with one worker, more would only wait longer."""
CREDIT: Final = 16
"""`Points` and `Image`s that may be on the way: few enough for the buffers of a serial line."""
MAX_FAULTS: Final = 32
"""Pieces of rubbish in a row that a client is told of; at a socket one more closes the line."""


_NEEDED: Final[dict[type[Message], Capability | None]] = {
    Verify: Capability.VERIFY,
    Identify: Capability.IDENTIFY,
    Enroll: Capability.ENROLL,
    Add: Capability.ENROLL,
    Commit: Capability.ENROLL,
    Abandon: Capability.ENROLL,
    Users: Capability.USERS,
    Forget: Capability.FORGET,
    Info: None,
    Health: None,
    Challenge: None,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Request:
    """A request to carry out.

    Attributes:
        number: its id.
        message: what is asked.
        captures: those that it names: signatures of a pen, and files of pictures, which nobody looked into;
            with who signed them where they have to be.
        handshake: its number on this line; answers to requests of an earlier one are dropped.
    """

    number: int
    message: Message
    captures: tuple[Whole, ...]
    handshake: int


class DaemonConnection:
    """One line to one client."""

    def __init__(
        self,
        *,
        allowed: Iterable[Capability] = BY_DEFAULT,
        token: Key | None = None,
        grants: Iterable[Grant[Key]] = (),
        persistent: bool = False,
        signed_only: bool = False,
        held_by_all: Callable[[], int] = lambda: 0,
        nonce: Callable[[int], bytes] = secrets.token_bytes,
        token_refused: Callable[[], None] = lambda: None,
        capability_refused: Callable[[Capability], None] = lambda _: None,
    ) -> None:
        """Let the client do what is `allowed`, once it proved the `token`, if there is one.

        A client that calls itself by the name of one of the `grants` has to prove the token of that, and may
        what that says. Where there are some and no `token`, nobody else comes in.

        `held_by_all` tells how many bytes of pictures are kept for all clients, this one included.
        `token_refused` is called for each proof that is wrong, `capability_refused` for each question that
        is not for this client.
        With `signed_only` the welcome says that captures have to be signed, and requests say who did.
        A `persistent` line is never closed: on a serial line rubbish may be noise, and nobody can hang up.
        """
        self._grants = {grant.name: grant for grant in grants}
        # Whoever is none of them is asked for a token that nobody has: so no name is told from another.
        token = Key.generate() if token is None and self._grants else token
        self._anybody = Grant(name="anybody", secret=token, may=frozenset(allowed))
        self._allowed, self._token = self._anybody.may, token
        self._make_nonce = nonce
        self._signed_only = signed_only
        self._held_by_all = held_by_all
        self._token_refused, self._capability_refused = token_refused, capability_refused
        self._deframer = Deframer()
        self._out = bytearray()
        self._faults = 0
        self._handshakes = 0
        self._reset(MIN_PAYLOAD)
        self._transitions = DAEMON_SERIAL if persistent else DAEMON
        self.phase = Phase.IDLE
        """How far the handshake is."""
        self.name = ""
        """What the client calls itself."""

    @property
    def closing(self) -> bool:
        """Whether to close the line, once `outgoing` is written; nothing is received any more."""
        return self.phase in CLOSED

    @property
    def held(self) -> int:
        """Bytes of incomplete frames and of pictures, and samples, kept for this client."""
        return self._deframer.held + self._captures.samples + self._captures.image_bytes

    @property
    def image_bytes(self) -> int:
        """Bytes of pictures kept for this client, or announced by it."""
        return self._captures.image_bytes

    @property
    def unfinished(self) -> bool:
        """Whether memory is held by what only the client can end: half a frame, a picture not asked about."""
        return self._deframer.held > 0 or self._captures.pictures_kept > 0

    def receive(self, data: bytes) -> list[Request]:
        """Take bytes from the line, and return what is to be carried out; never raises."""
        requests: list[Request] = []
        for found in self._deframer.feed(data):
            if self.closing:
                break
            if isinstance(found, Fault):
                self._report_fault(0, ProtocolError(f"a damaged frame: {sentence(found)}"))
            else:
                requests += self._payload(found)
        return requests

    def answer(self, request: Request, message: Message) -> None:
        """Send the answer to a request; one from before the last hello is dropped."""
        if request.handshake == self._handshakes:
            self._waiting.discard(request.number)
            for capture in request.captures:
                self._captures.release(capture)
            self._send_answer(request.number, message)

    @property
    def has_outgoing(self) -> bool:
        """Whether anything is to be written."""
        return bool(self._out)

    def outgoing(self) -> bytes:
        """Return what is to be written, once."""
        data = bytes(self._out)
        self._out.clear()
        self._repeated.clear()
        return data

    def _reset(self, room: int) -> None:
        """Forget everything that came after the last hello."""
        self._room = min(MAX_PAYLOAD, room)
        self._captures = Captures(
            pictures=Capability.IMAGES in self._allowed,
            signed_only=self._signed_only,
            held_by_all=self._held_by_all,
        )
        self._credit = CREDIT
        self._newest = 0
        self._waiting: set[int] = set()
        self._answered: OrderedDict[int, bytes] = OrderedDict()
        self._repeated: set[int] = set()
        self._said = b""

    def _advance(self, event: Event) -> None:
        self.phase = self._transitions.get((self.phase, event), self.phase)

    def _payload(self, payload: bytes) -> list[Request]:
        try:
            number, message = decode(payload)
            self._faults = 0
            if isinstance(message, Hello):
                self._hello(number, message, payload)
                return []
            return self._message(number, message)
        except BadMessage as error:
            self._report_fault(error.number, error)
        return []

    def _report_fault(self, number: int, error: ProtocolError) -> None:
        """Answer what is no frame or no message, as long as there are few of them.

        Whatever begins with rubbish at a socket is no client. It may be a browser: a web page can make one
        send any bytes to a port of its own machine, even good frames, but only after lines of HTTP.
        """
        self._faults += 1
        if self._faults > MAX_FAULTS or self.phase is Phase.IDLE:
            self._advance(Event.RUBBISH)
        if self._faults <= MAX_FAULTS:
            self._send_error(number, error)

    def _message(self, number: int, message: Message) -> list[Request]:
        """Answer what needs no model; return what does."""
        if self.phase is Phase.IDLE:
            error = to_message(ProtocolError("no handshake yet", hint="Send Hello first"))
            self._send(encode(number, replace(error, name=NO_HANDSHAKE)))
        elif isinstance(message, Authenticate):
            self._authenticate(number, message)
        elif self.phase is Phase.PROVING:
            self._send_error(number, NotAllowed("the token is not proved yet", hint="Send Authenticate"))
        elif isinstance(message, UNANSWERED):
            self._stream(message)
        elif self._take_number(number):
            return self._request(number, message)
        return []

    def _hello(self, number: int, hello: Hello, payload: bytes) -> None:
        try:
            check_hello(hello)
        except ProtocolError as error:
            self._send_error(number, error)
            self._advance(Event.OTHER_PROTOCOL)
            return
        self._handshakes += 1
        self.name = hello.name[:MAX_NAME]
        known = self._grants.get(self.name)
        if known is None:
            self._allowed, self._token = self._anybody.may, self._anybody.secret
        else:
            self._allowed, self._token = known.may, known.secret
        self._reset(hello.max_payload)
        self._newest = number
        # Each hello brings another nonce: a proof that was overheard is of no use.
        nonce = None if self._token is None else self._make_nonce(NONCE_BYTES)
        welcome = Welcome(
            version=VERSION,
            max_payload=MAX_PAYLOAD,
            window=WINDOW,
            credit=CREDIT,
            nonce=nonce,
            capabilities=tuple(sorted(self._allowed)),
            signed_only=self._signed_only or None,
        )
        said = encode(number, welcome)
        # Without a nonce of its own a client could be shown an old proof: it proves nothing then, either.
        fresh = hello.nonce is not None and len(hello.nonce) == NONCE_BYTES
        self._said = transcript(payload, said) if fresh else b""
        self._send(said)
        self._advance(Event.WELCOME if nonce is None else Event.CHALLENGE)

    def _authenticate(self, number: int, message: Authenticate) -> None:
        token, said = self._token, self._said
        if self.phase is Phase.PROVING:
            if token is None or not said or not is_proof(message.proof, token, said, Side.CLIENT):
                self._send_error(number, NotAllowed("the token is wrong, or the client is an older one"))
                self._advance(Event.WRONG_PROOF)
                self._token_refused()
                return
            self._advance(Event.PROVED)
        # Else it is proved already, and the answer was lost; or none is wanted.
        self._newest = max(self._newest, number)
        its = None if token is None else proof(token, said, Side.DAEMON)
        self._send_answer(number, Done(proof=its))

    def _stream(self, message: Message) -> None:
        if isinstance(message, Begin):
            self._credit = CREDIT  # whatever was lost on the way, each capture begins with all of it
            self._captures.begin(message.capture)
        elif isinstance(message, BeginImage):
            self._credit = CREDIT
            self._captures.begin_image(message.capture, message.size)
        elif isinstance(message, Cancel):
            self._captures.cancel(message.capture)
        elif isinstance(message, Points):
            self._captures.add(message)
            self._return_credit()
        elif isinstance(message, Image):
            self._captures.add_image(message)
            self._return_credit()

    def _return_credit(self) -> None:
        self._credit -= 1
        if self._credit <= CREDIT // 2:  # one answer to eight messages leaves a serial line to the pieces
            self._send(encode(0, Credit(points=CREDIT - self._credit)))
            self._credit = CREDIT

    def _take_number(self, number: int) -> bool:
        """Whether a request is to be carried out; one that was asked before is answered as it was then."""
        # Ids rise, so a higher one is a new request.
        if number > self._newest:
            self._newest = number
            return True
        # Answered already: the answer was lost. Once for each writing: else a few kB of repetitions would
        # make MB of answers.
        if number in self._answered:
            if number not in self._repeated:
                self._repeated.add(number)
                self._send(self._answered[number])
        # Under way: its answer will come. Else it was answered long ago, or the client broke the rule.
        elif number not in self._waiting:
            self._send_error(number, ProtocolError("ids of requests must rise"))
        return False

    def _request(self, number: int, message: Message) -> list[Request]:
        try:
            if isinstance(message, End):
                self._send_answer(number, self._captures.end(message))
                return []
            self._check(message)
            captures = self._taken(message)
        except SigverifyError as error:
            self._send_answer(number, to_message(error))
            return []
        self._waiting.add(number)
        return [Request(number=number, message=message, captures=captures, handshake=self._handshakes)]

    def _taken(self, message: Message) -> tuple[Whole, ...]:
        """Take the captures that a request names."""
        if not isinstance(message, Verify | Identify | Add):
            return ()
        first = self._captures.take(message.capture)
        if not isinstance(message, Verify) or message.second is None:
            return (first,)
        try:
            return first, self._captures.take(message.second)
        except SigverifyError:
            self._captures.release(first)
            raise

    def _check(self, message: Message) -> None:
        """Refuse what this client may not ask, or not now."""
        if type(message) not in _NEEDED:
            raise ProtocolError("only the daemon sends this", received=type(message).__name__)
        for needed in _needed(message):
            if needed not in self._allowed:
                self._capability_refused(needed)
                raise not_allowed(needed)
        if len(self._waiting) >= WINDOW:
            raise Busy("too many requests wait for their answers", expected=f"at most {WINDOW}")

    def _send_error(self, number: int, error: SigverifyError) -> None:
        self._send(encode(number, to_message(error)))

    def _send_answer(self, number: int, message: Message) -> None:
        """Send an answer, and keep it: the client asks again where it was lost."""
        payload = _encode_within(number, message, self._room)
        self._answered[number] = payload
        while len(self._answered) > WINDOW:
            self._answered.popitem(last=False)
        self._send(payload)

    def _send(self, payload: bytes) -> None:
        self._out += frame(payload)


def _needed(message: Message) -> Iterable[Capability]:
    """Return what a client must be allowed for that."""
    needed = _NEEDED[type(message)]
    if needed is not None:
        yield needed
    if isinstance(message, Enroll) and message.replace:
        yield Capability.REPLACE


def _encode_within(number: int, message: Message, room: int) -> bytes:
    """Encode a message; of a list, as much as fits into `room` bytes."""
    payload = encode(number, message)
    while len(payload) > room:
        message = _shortened(message)
        payload = encode(number, message)
    return payload


def _shortened(message: Message) -> Message:
    if isinstance(message, UserList) and len(message.user_ids) > 1:
        return UserList(user_ids=message.user_ids[: len(message.user_ids) // 2], more=True)
    if isinstance(message, Matches) and len(message.user_ids) > 1:
        scores = None if message.scores is None else message.scores[:-1]
        return replace(message, user_ids=message.user_ids[:-1], scores=scores)
    return to_message(Busy("the answer is longer than the client takes"))
