"""The handshake of both sides: versions, what each takes, and the proof of a token."""

from typing import Final

from sigverify.protection.keys import Key

NONCE_BYTES: Final = 16
"""Of a challenge: 128 bits, so that none ever comes twice."""


def proof(token: Key, nonce: bytes) -> bytes:
    """Return what proves that one has the token: HKDF-SHA256 of it, with the nonce as salt."""
    return token.derive(b"sigverify bridge 1", nonce)
