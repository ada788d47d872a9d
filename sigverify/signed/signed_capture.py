"""`SignedCapture`: a capture with the signature of the pen that took it.

What is signed, all of fixed size but the last::

    b"sigverify capture 1" 00 · 16 challenge · 4 counter · 1 purpose · 1 form
    4 samples, or bytes of a picture · 32 SHA-256 of the content · the device's name, ASCII

Numbers are big endian. The signature is HMAC-SHA-256 of that under the pen's key (RFC 2104). The "1" says
how `sigverify.signed.content` writes samples, so another unit or order would be another text.
"""

import hashlib
import re
import struct
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sigverify.errors import InvalidSignature
from sigverify.modality.pen.signature import Signature
from sigverify.protection.keys import Key
from sigverify.signed.challenges import NONCE_BYTES, Challenges
from sigverify.signed.content import Form, size_of, unpack

if TYPE_CHECKING:
    from sigverify.modality.image.signature_image import SignatureImage

MAC_BYTES: Final = 32
MAX_COUNTER: Final = 2**32 - 1

_LABEL: Final = b"sigverify capture 1\0"
_FIXED: Final = struct.Struct(f">{len(_LABEL)}s{NONCE_BYTES}sIBBI32s")
_DEVICE: Final = re.compile(r"[A-Za-z0-9._-]{1,32}", re.ASCII)


class Purpose(StrEnum):
    """What a capture was signed for: one is no use for the other."""

    DECIDE = "decide"
    """To be verified, or identified."""
    ENROLL = "enroll"
    """To become a reference."""


_CODES: Final = {Purpose.DECIDE: 1, Purpose.ENROLL: 2}


@dataclass(frozen=True, kw_only=True)
class SignedCapture:
    """A capture as it came, its signature not checked yet: `Verifier` does, before it looks at the samples.

    Attributes:
        device: name of the pen, 1 to 32 letters, digits, dots, hyphens and underscores.
        counter: 1 to 2³² − 1, higher for each capture that the pen signs.
        nonce: the challenge that it answers.
        purpose: what it was signed for.
        form: what the content is.
        content: the bytes that were signed, see `sigverify.signed.content`.
        mac: the signature.
        line: who gave the challenge, where each line has its own; None: the verifier.

    Raises:
        InvalidSignature: a field is out of range, or the content is not whole samples.
    """

    device: str
    counter: int
    nonce: bytes
    purpose: Purpose
    form: Form
    content: bytes = field(repr=False)
    mac: bytes = field(repr=False)
    line: Challenges | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check what can be checked without a key."""
        check_device(self.device)
        counter: Any = self.counter
        if type(counter) is not int or not 1 <= counter <= MAX_COUNTER:
            raise InvalidSignature(
                "counter of a signed capture", expected="1 to 2^32 - 1", received=str(self.counter)[:40]
            )
        sized: list[tuple[str, object, int]] = [
            ("challenge", self.nonce, NONCE_BYTES),
            ("signature", self.mac, MAC_BYTES),
        ]
        for name, value, size in sized:
            if not isinstance(value, bytes) or len(value) != size:
                raise InvalidSignature(f"{name} of a signed capture", expected=f"{size} bytes")
        try:
            object.__setattr__(self, "purpose", Purpose(self.purpose))
            object.__setattr__(self, "form", Form(self.form))
        except ValueError as error:
            raise InvalidSignature("purpose or form of a signed capture", received=str(error)) from error
        content: object = self.content
        if not isinstance(content, bytes):
            raise InvalidSignature("content of a signed capture", expected="bytes")
        size_of(self.form, content)

    @property
    def size(self) -> int:
        """Samples, or bytes of a picture."""
        return size_of(self.form, self.content)

    def signed(self) -> bytes:
        """Return what the signature is over, as described at the top of this file."""
        fixed = _FIXED.pack(
            _LABEL,
            self.nonce,
            self.counter,
            _CODES[self.purpose],
            self.form,
            self.size,
            hashlib.sha256(self.content).digest(),
        )
        return fixed + self.device.encode("ascii")

    def proof(self) -> dict[str, Any]:
        """Return all but the capture itself, by name, in plain values: what a wire or a file adds to it."""
        return {
            "device": self.device,
            "counter": self.counter,
            "nonce": self.nonce,
            "purpose": self.purpose.value,
            "mac": self.mac,
        }

    def is_by(self, key: Key) -> bool:
        """Whether that key signed exactly this; takes as long for a wrong signature as for the right one."""
        return key.is_mac(self.mac, self.signed())

    def read(self) -> "Signature | SignatureImage":
        """Return the capture itself, whoever signed it.

        Raises:
            InvalidSignature, FormatError: what was signed is no capture.
        """
        return unpack(self.form, self.content)


def check_device(device: object) -> None:
    """Refuse what is no name of a pen.

    Raises:
        InvalidSignature: so it is.
    """
    if not isinstance(device, str) or _DEVICE.fullmatch(device) is None:
        raise InvalidSignature(
            "name of a pen",
            expected="1 to 32 letters, digits, dots, hyphens and underscores",
            received=repr(device)[:60],
        )
