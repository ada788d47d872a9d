"""`ClientConnection`: the client's side. Bytes in, answers out; questions in, bytes out; no I/O."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from firmware_bridge.protocol.errors import to_error
from firmware_bridge.protocol.fields import MAX_UNSIGNED
from firmware_bridge.protocol.framing import MAX_PAYLOAD, Deframer, frame
from firmware_bridge.protocol.handshake import NONCE_BYTES, Side, check_welcome, is_proof, proof, transcript
from firmware_bridge.protocol.messages import (
    NO_HANDSHAKE,
    VERSION,
    Authenticate,
    BadMessage,
    Begin,
    BeginImage,
    Credit,
    Done,
    Error,
    Hello,
    Image,
    Message,
    Points,
    Welcome,
    decode,
    encode,
)
from firmware_bridge.protocol.phase import CLIENT, Event, Phase
from sigverify.errors import (
    BridgeError,
    Disconnected,
    Misuse,
    NotAllowed,
    ProtocolError,
)
from sigverify.protection.keys import Key

_SAMPLE_BYTES: Final = 37
"""Of a sample in `Points`: four numbers of up to nine bytes, and a flag."""
_ENVELOPE_BYTES: Final = 64
"""Of everything else in `Points`: kind, id, names of fields, lengths of lists."""
_MAX_SAMPLES: Final = 64
"""In one message: half a second at 120 Hz, so that most of a signature is sent while the pen still moves."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The daemon's answer to the request of that number; 0: to none in particular."""

    number: int
    message: Message


class ClientConnection:
    """One line to a daemon. The caller's mistakes raise `Misuse`, the daemon's `ProtocolError`."""

    def __init__(
        self,
        *,
        name: str = "",
        token: Key | None = None,
        nonce: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Say who asks; `hello` begins. With a token the daemon has to prove that it has the same."""
        self._name = name
        self._token = token
        self._make_nonce = nonce
        self._said = b""
        self._deframer = Deframer()
        self._out = bytearray()
        self._number = 0
        self._waiting: set[int] = set()
        self._handshake = 0
        self._credit = 0
        self.welcome: Welcome | None = None
        self.phase = Phase.IDLE
        """How far the handshake is."""

    @property
    def ready(self) -> bool:
        """Whether the handshake is done, and requests may be asked."""
        return self.phase is Phase.READY

    @property
    def credit(self) -> int:
        """`Points` or `Image`s that may be sent now."""
        return self._credit

    @property
    def samples_a_message(self) -> int:
        """Samples that surely fit into one `Points`."""
        room = MAX_PAYLOAD if self.welcome is None else self.welcome.max_payload
        return min(_MAX_SAMPLES, (room - _ENVELOPE_BYTES) // _SAMPLE_BYTES)

    @property
    def waiting_bytes(self) -> int:
        """Bytes that `outgoing` would return."""
        return len(self._out)

    def hello(self) -> None:
        """Begin, or begin anew after a line broke or answers were lost."""
        self._advance(Event.HELLO)
        self.welcome = None
        self._waiting.clear()
        self._out.clear()
        self._deframer = Deframer()
        if self._number > MAX_UNSIGNED // 2:  # a session's ids may begin anywhere
            self._number = 0
        self._handshake = self._next()
        nonce = None if self._token is None else self._make_nonce(NONCE_BYTES)
        hello = Hello(version=VERSION, max_payload=MAX_PAYLOAD, name=self._name, nonce=nonce)
        self._out += b"\0"  # ends what half a frame left on a serial line
        self._send(self._handshake, hello)
        self._said = encode(self._handshake, hello)

    def ask(self, message: Message) -> int:
        """Send a request, and return its number.

        Raises:
            Misuse: before the handshake is done, too many requests wait, or what no daemon would take.
            Disconnected: all ids are used up, and a new handshake is due.
        """
        welcome = self._check_ready()
        if len(self._waiting) >= welcome.window:
            raise Misuse("too many requests wait for their answers", expected=f"at most {welcome.window}")
        if self._number == MAX_UNSIGNED:
            raise Disconnected("all ids of this line are used up", hint="The next call connects again")
        number = self._next()
        self._send(number, message)
        self._waiting.add(number)
        return number

    def ask_again(self, number: int, message: Message) -> None:
        """Send a request once more that was not answered; the daemon does it once."""
        self._send(number, message)

    def tell(self, message: Message) -> None:
        """Send what is not answered: the beginning of a capture, its pieces, or that it is dropped.

        Raises:
            Misuse: before the handshake is done, pieces without credit, or what no daemon would take.
        """
        welcome = self._check_ready()
        if isinstance(message, Points | Image):
            if self._credit < 1:
                raise Misuse("no credit for another piece", hint="Wait until `credit` is positive")
            self._send(0, message)
            self._credit -= 1
            return
        self._send(0, message)
        if isinstance(message, Begin | BeginImage):
            self._credit = welcome.credit

    def receive(self, data: bytes) -> list[Answer]:
        """Take bytes from the line, and return the answers among them.

        Damaged frames are passed over: their requests go unanswered, and may be asked again.

        Raises:
            ProtocolError: the daemon sent a whole frame that is no message, or speaks another protocol.
            NotAllowed: it wants a token, and there is none or another.
        """
        found = [payload for payload in self._deframer.feed(data) if isinstance(payload, bytes)]
        answers: list[Answer] = []
        for payload in found:
            answers += self._message(*_decoded(payload), payload)
        return answers

    def outgoing(self) -> bytes:
        """Return what is to be written, once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def _message(self, number: int, message: Message, payload: bytes) -> list[Answer]:
        if self.phase is not Phase.READY or self.welcome is None:
            self._handshake_message(number, message, payload)
            return []
        if isinstance(message, Credit):
            self._credit = min(self._credit + message.points, self.welcome.credit)
            return []
        if isinstance(message, Error) and message.name == NO_HANDSHAKE:
            self._advance(Event.RESTART)
        if number in self._waiting or (number == 0 and isinstance(message, Error)):
            self._waiting.discard(number)
            return [Answer(number=number, message=message)]
        return []  # of an earlier session, or an answer that came twice

    def _handshake_message(self, number: int, message: Message, payload: bytes) -> None:
        """Take a step of the handshake; what is left of an earlier session is passed over."""
        # The daemon received something damaged, perhaps our hello: what goes unanswered is asked again.
        damaged = number == 0 and isinstance(message, Error) and message.status == ProtocolError.status
        if damaged or self.phase is Phase.IDLE or number not in (0, self._handshake):
            return
        if isinstance(message, Error):
            self._advance(Event.REFUSAL)
            raise to_error(message)
        if isinstance(message, Welcome) and self.phase is Phase.GREETING:
            self._take_welcome(message, payload)
        elif isinstance(message, Done) and self.phase is Phase.PROVING:
            self._take_proof(message)

    def _take_proof(self, done: Done) -> None:
        if self._token is None or not is_proof(done.proof, self._token, self._said, Side.DAEMON):
            self._advance(Event.REFUSAL)
            raise NotAllowed(
                "whatever answers did not prove the token",
                hint="It is another program at the daemon's address, or an older daemon: trust no answer",
            )
        self._advance(Event.PROVED)

    def _take_welcome(self, welcome: Welcome, payload: bytes) -> None:
        try:
            check_welcome(welcome)
            if welcome.nonce is not None and self._token is None:
                raise NotAllowed("the daemon wants a token", hint="Give the one that it was started with")
            if welcome.nonce is None and self._token is not None:
                raise NotAllowed(
                    "whatever answers wants no token",
                    hint="It is another program at the daemon's address, or was started without --token",
                )
        except BridgeError:
            self._advance(Event.REFUSAL)
            raise
        self.welcome, self._credit = welcome, welcome.credit
        if welcome.nonce is None or self._token is None:
            self._advance(Event.WELCOME)
            return
        self._handshake = self._next()
        self._said = transcript(self._said, payload)
        self._send(self._handshake, Authenticate(proof=proof(self._token, self._said, Side.CLIENT)))
        self._advance(Event.CHALLENGE)

    def _advance(self, event: Event) -> None:
        self.phase = CLIENT.get((self.phase, event), self.phase)

    def _check_ready(self) -> Welcome:
        if self.phase is not Phase.READY or self.welcome is None:
            raise Misuse("the handshake is not done", hint="Call hello, and receive until ready")
        return self.welcome

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _send(self, number: int, message: Message) -> None:
        try:
            payload = encode(number, message, check=True)
        except ProtocolError as error:
            raise Misuse(str(error)) from error
        limit = MAX_PAYLOAD if self.welcome is None else min(MAX_PAYLOAD, self.welcome.max_payload)
        self._out += frame(payload, limit=limit)


def _decoded(payload: bytes) -> tuple[int, Message]:
    try:
        return decode(payload)
    except BadMessage as error:
        raise ProtocolError(f"the daemon sent what is no message: {error}") from error
