"""`Sealer`: authenticated encryption under subkeys of one key, and keyed digests to find things by.

Sealed bytes are nonce (12) · AES-256-GCM ciphertext · tag (16). Every purpose ("template", "record" …) has a
subkey of its own: HKDF-SHA256 of the key, the salt of the store and the purpose. What is bound (user, kind,
number …) is authenticated with the content: bytes moved to another place do not open there.

**Nonces** are 96 random bits. A counter would repeat after a backup is restored or a disk image is copied,
and one repeated nonce breaks GCM; random ones do not depend on what was written before. NIST SP 800-38D
allows 2³² of them a subkey (chance of a repeat below 2⁻³²): at two records a second, day and night, 68
years. `sigverify store rekey` starts anew.

Source: D. McGrew, J. Viega, "The Galois/Counter Mode of operation", 2004; NIST SP 800-38D, 2007.
"""

import hmac
import secrets
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sigverify.errors import DamagedStore
from sigverify.protection.keys import Key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SALT_BYTES: Final = 16
DIGEST_BYTES: Final = 16
"""Of a keyed digest: no two of 2⁴⁰ subjects share one, but by a chance below 2⁻⁴⁸."""
OVERHEAD: Final = 28
"""Bytes that sealing adds: nonce and tag."""

_NONCE: Final = 12
_DOMAIN: Final = b"sigverify 1 "
_LENGTH: Final = struct.Struct("<I")


class Sealer:
    """Seals, opens and digests under one key and salt. Threads may share it."""

    def __init__(self, key: Key, salt: bytes) -> None:
        """Take the key and what tells this store from others under the same key."""
        self.salt = salt
        self._bound_first = join(salt)
        self._key = key
        self._cipher = lru_cache(maxsize=32)(self._make_cipher)
        self.subkey = lru_cache(maxsize=32)(self._derive)

    def __repr__(self) -> str:
        """Show nothing."""
        return "<Sealer>"

    def seal(self, purpose: str, content: bytes, *bound: bytes | str | int) -> bytes:
        """Encrypt `content`; it opens only for the same purpose and the same things bound."""
        nonce = secrets.token_bytes(_NONCE)
        sealed: bytes = self._cipher(purpose).encrypt(nonce, content, self._associate(bound))
        return nonce + sealed

    def open(self, purpose: str, sealed: bytes, *bound: bytes | str | int) -> bytes:
        """Return what was sealed for this purpose with these things bound.

        Raises:
            DamagedStore: altered, moved here from another place, or sealed by another key.
        """
        if _is_sealed(sealed):
            try:
                content: bytes = self._cipher(purpose).decrypt(
                    sealed[:_NONCE], sealed[_NONCE:], self._associate(bound)
                )
            except _invalid_tag():  # looked up only where something is raised
                pass
            else:
                return content
        raise DamagedStore(
            f"a sealed {purpose} does not open",
            expected="what this key sealed for this place",
            hint="It was altered, moved or damaged: sigverify store check lists all",
        )

    def digest(self, purpose: str, content: bytes) -> bytes:
        """Return `DIGEST_BYTES` that name `content` to who has the key, and tell others nothing."""
        return hmac.digest(self.subkey(f"digest of {purpose}"), content, "sha256")[:DIGEST_BYTES]

    def _derive(self, purpose: str) -> bytes:
        """Return 32 bytes for that purpose alone."""
        return self._key.derive(_DOMAIN + purpose.encode(), self.salt)

    def _make_cipher(self, purpose: str) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self.subkey(f"seal {purpose}"))

    def _associate(self, bound: tuple[bytes | str | int, ...]) -> bytes:
        """Join the salt and what is bound so that no two lists read the same."""
        return self._bound_first + join(*map(_as_bytes, bound))


def _invalid_tag() -> type[Exception]:
    from cryptography.exceptions import InvalidTag

    return InvalidTag


def join(*parts: bytes) -> bytes:
    """Put parts one after the other, each with its length before it."""
    return b"".join([piece for part in parts for piece in (_LENGTH.pack(len(part)), part)])


def split(joined: bytes, count: int) -> list[bytes]:
    """Take apart what `join` joined from `count` parts.

    Raises:
        DamagedStore: these bytes are not that.
    """
    parts: list[bytes] = []
    at = 0
    while at + _LENGTH.size <= len(joined) and len(parts) < count:
        (length,) = _LENGTH.unpack_from(joined, at)
        at += _LENGTH.size + length
        parts.append(joined[at - length : at])
    if len(parts) != count or at != len(joined):
        raise DamagedStore("sealed content of another shape", expected=f"{count} parts")
    return parts


def _is_sealed(content: object) -> bool:
    """A damaged database may give back anything in place of bytes."""
    return isinstance(content, bytes) and len(content) >= OVERHEAD


def _as_bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return b"b" + value
    if isinstance(value, str):
        return b"s" + value.encode()
    return b"i" + value.to_bytes(8, "little", signed=True) if isinstance(value, int) else b"damaged"
