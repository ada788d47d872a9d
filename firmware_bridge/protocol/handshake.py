"""The handshake, as both sides check it: versions, what the other side takes, and the proof of a token."""

from hmac import compare_digest
from typing import Final

from firmware_bridge.protocol.framing import MIN_PAYLOAD
from firmware_bridge.protocol.messages import VERSION, Hello, Welcome
from sigverify.errors import ProtocolError
from sigverify.protection.keys import Key

NONCE_BYTES: Final = 16
"""Of a challenge: 128 random bits, so that none ever comes twice."""


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


def proof(token: Key, nonce: bytes) -> bytes:
    """Return what proves that one has the token: HKDF-SHA256 of it, with the nonce as salt."""
    return token.derive(b"sigverify bridge 1", nonce)


def is_proof(received: bytes, token: Key, nonce: bytes) -> bool:
    """Whether a client has the token; takes as long for a wrong proof as for the right one."""
    return compare_digest(proof(token, nonce), received)
