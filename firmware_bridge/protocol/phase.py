"""`Phase`: how far a handshake is, and the tables that say which event leads from one phase to the next.

Client and daemon have the same phases, and so has the client in C, by the same numbers. docs/protocol.md
draws these tables. What a table does not name changes nothing.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Final


class Phase(IntEnum):
    """How far one side of a line is."""

    IDLE = 0
    """No handshake: none was begun, or the daemon refused it, or was started anew."""
    GREETING = 1
    """The client said hello and waits for the welcome."""
    PROVING = 2
    """The daemon sent a nonce; the proof of the token is on its way or awaited."""
    READY = 3
    """Requests may be asked."""
    REFUSED = 4
    """The daemon closes the line: there was no handshake."""
    FAULTED = 5
    """The daemon closes the line: after the handshake came what is no message."""


class Event(StrEnum):
    """What leads from one phase to another. The daemon sends the first three, the client receives them."""

    WELCOME = "welcome"
    CHALLENGE = "welcome with a nonce"
    PROVED = "done"
    HELLO = "hello"
    REFUSAL = "error"
    RESTART = "error NoHandshake"
    WRONG_PROOF = "wrong proof"
    OTHER_PROTOCOL = "hello of another protocol"
    RUBBISH = "rubbish"


Transitions = Mapping[tuple[Phase, Event], Phase]

CLOSED: Final = frozenset({Phase.REFUSED, Phase.FAULTED})
"""Phases in which nothing is received any more."""

CLIENT: Final[Transitions] = {
    (Phase.IDLE, Event.HELLO): Phase.GREETING,
    (Phase.GREETING, Event.HELLO): Phase.GREETING,
    (Phase.PROVING, Event.HELLO): Phase.GREETING,
    (Phase.READY, Event.HELLO): Phase.GREETING,
    (Phase.GREETING, Event.WELCOME): Phase.READY,
    (Phase.GREETING, Event.CHALLENGE): Phase.PROVING,
    (Phase.PROVING, Event.PROVED): Phase.READY,
    (Phase.GREETING, Event.REFUSAL): Phase.IDLE,
    (Phase.PROVING, Event.REFUSAL): Phase.IDLE,
    (Phase.READY, Event.RESTART): Phase.IDLE,
}

DAEMON: Final[Transitions] = {
    (Phase.IDLE, Event.WELCOME): Phase.READY,
    (Phase.PROVING, Event.WELCOME): Phase.READY,
    (Phase.READY, Event.WELCOME): Phase.READY,
    (Phase.IDLE, Event.CHALLENGE): Phase.PROVING,
    (Phase.PROVING, Event.CHALLENGE): Phase.PROVING,
    (Phase.READY, Event.CHALLENGE): Phase.PROVING,
    (Phase.PROVING, Event.PROVED): Phase.READY,
    (Phase.PROVING, Event.WRONG_PROOF): Phase.REFUSED,
    (Phase.IDLE, Event.OTHER_PROTOCOL): Phase.REFUSED,
    (Phase.PROVING, Event.OTHER_PROTOCOL): Phase.REFUSED,
    (Phase.READY, Event.OTHER_PROTOCOL): Phase.FAULTED,
    (Phase.IDLE, Event.RUBBISH): Phase.REFUSED,
    (Phase.PROVING, Event.RUBBISH): Phase.REFUSED,
    (Phase.READY, Event.RUBBISH): Phase.FAULTED,
}
"""Of a daemon at a socket."""

DAEMON_SERIAL: Final[Transitions] = {
    # Nobody can hang up a serial line. A wrong proof leads back to the beginning, so that the next hello
    # brings another nonce; everything else that would close a socket is passed over.
    pair: Phase.IDLE if pair[1] is Event.WRONG_PROOF else target
    for pair, target in DAEMON.items()
    if target not in CLOSED or pair[1] is Event.WRONG_PROOF
}
"""Of a daemon at a serial line."""
