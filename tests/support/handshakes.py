"""Events of a handshake as a daemon's messages, for the tests of both clients."""

from firmware_bridge.protocol.messages import NO_HANDSHAKE, Done, Error, Welcome
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


def message_of(event, handshake):
    """Return id and message that make a client meet an event; `handshake` is the id of what it said last."""
    return 0 if event is Event.RESTART else handshake, CLIENT_EVENTS[event]
