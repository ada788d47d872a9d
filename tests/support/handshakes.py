"""Events of a handshake as a daemon's messages, for the tests of both clients."""

from firmware_bridge.protocol.handshake import Side, proof, transcript
from firmware_bridge.protocol.messages import NO_HANDSHAKE, Done, Error, Hello, Welcome, decode, encode
from firmware_bridge.protocol.phase import Event, Phase
from sigverify.protection.keys import Key

TOKEN = Key(bytes(range(32)))
WELCOME = {"version": 1, "max_payload": 8192, "window": 8, "credit": 16}
CLIENT_EVENTS = {
    Event.HELLO: None,  # said by the client itself
    Event.WELCOME: Welcome(**WELCOME),
    Event.CHALLENGE: Welcome(**WELCOME, nonce=bytes(16)),
    Event.PROVED: Done(),
    Event.REFUSAL: Error(status=74, name="NotAllowed", message="the token is wrong"),
    Event.RESTART: Error(status=71, name=NO_HANDSHAKE, message="no handshake yet"),
}
CLIENT_PATHS = {
    Phase.IDLE: [],
    Phase.GREETING: [Event.HELLO],
    Phase.PROVING: [Event.HELLO, Event.CHALLENGE],
    Phase.READY: [Event.HELLO, Event.CHALLENGE, Event.PROVED],
}
"""How a client with a token comes there."""


class Daemon:
    """Makes a client meet events: it has the token, and says what a daemon would."""

    def __init__(self):
        self._hello = self._welcome = b""
        self._handshake = 0

    def hear(self, payloads):
        """Take what the client sent."""
        for payload in payloads:
            self._handshake, message = decode(payload)
            if isinstance(message, Hello):
                self._hello = payload

    def say(self, event):
        """Return id and message."""
        number = 0 if event is Event.RESTART else self._handshake
        message = CLIENT_EVENTS[event]
        if event in (Event.WELCOME, Event.CHALLENGE):
            self._welcome = encode(number, message)
        if event is Event.PROVED:
            message = Done(proof=proof(TOKEN, transcript(self._hello, self._welcome), Side.DAEMON))
        return number, message


def has_token(phase, event):
    """Whether a client of this test has a token: one that has takes no welcome without a nonce."""
    return (phase, event) != (Phase.GREETING, Event.WELCOME)
