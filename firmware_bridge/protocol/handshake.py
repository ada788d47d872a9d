"""The handshake, as both sides check it: versions, what the other side takes, and that each has the token."""

import hashlib
from enum import StrEnum
from hmac import compare_digest
from typing import Final

from firmware_bridge.protocol.framing import MIN_PAYLOAD
from firmware_bridge.protocol.messages import VERSION, Hello, Welcome
from sigverify.errors import ProtocolError
from sigverify.protection.keys import Key

NONCE_BYTES: Final = 16
"""Of a challenge, one from each side: 128 random bits, so that none ever comes twice."""


class Side(StrEnum):
    """Who proves it: what one side said is no proof of the other."""

    CLIENT = "client"
    DAEMON = "daemon"


def check_hello(hello: Hello) -> None:
    """Refuse a client with which the daemon shares no protocol.

    Raises:
        ProtocolError: it speaks only earlier versions, or takes less than every side must.
    """
    if hello.version < VERSION or hello.max_payload < MIN_PAYLOAD:
        raise ProtocolError(
            "no common protocol",
            expected=f"version {VERSION} or later, payloads of {MIN_PAYLOAD} bytes or more",
            received=f"version {hello.version}, {hello.max_payload} bytes",
        )


def check_welcome(welcome: Welcome) -> None:
    """Refuse a daemon with which the client shares no protocol.

    Raises:
        ProtocolError: it chose another version, or takes less than the protocol asks for.
    """
    if welcome.version != VERSION:
        raise ProtocolError(
            "the daemon speaks another protocol", expected=str(VERSION), received=str(welcome.version)
        )
    if welcome.max_payload < MIN_PAYLOAD or welcome.window < 1 or welcome.credit < 1:
        raise ProtocolError("the daemon takes less than the protocol asks for")


def transcript(hello: bytes, welcome: bytes) -> bytes:
    """Return the digest of what was said: SHA-256 of the digest of the hello's payload and the welcome's."""
    return hashlib.sha256(hashlib.sha256(hello).digest() + welcome).digest()


def proof(token: Key, said: bytes, side: Side) -> bytes:
    """Return what proves that a side has the token: HKDF-SHA256 of it, with the transcript as salt."""
    return token.derive(f"sigverify bridge {side}".encode(), said)


def is_proof(received: bytes | None, token: Key, said: bytes, side: Side) -> bool:
    """Whether the other side has the token; takes as long for a wrong proof as for the right one."""
    return compare_digest(proof(token, said, side), received or b"")
