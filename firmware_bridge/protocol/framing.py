"""Frames: bytes on a line, cut so that a reader who lost its place finds the next one.

A frame is ``COBS(payload + CRC-32(payload))`` and one zero byte. The checksum is zlib's (polynomial
0xEDB88320, reflected, all ones before and after), little endian. COBS leaves no zero within, so a zero
always ends a frame; empty frames mean nothing, and a sender may begin with a zero to end whatever stood on
the line before.

Source: S. Cheshire and M. Baker, Consistent Overhead Byte Stuffing, IEEE/ACM Transactions on Networking
7(2), 1999.
"""

import struct
import zlib
from enum import StrEnum
from typing import Final

from sigverify.errors import MissingExtra, Misuse

try:
    from cobs import cobs
except ImportError as error:
    raise MissingExtra(
        "the bridge needs cobs", hint="Install it with: pip install 'sigverify[bridge]'"
    ) from error

MAX_PAYLOAD: Final = 8192
"""Bytes of payload that this implementation takes in one frame."""
MIN_PAYLOAD: Final = 1280
"""Bytes that every implementation takes: enough for the longest user id; lists come in pieces that fit."""

_CRC: Final = struct.Struct("<I")


class Fault(StrEnum):
    """Why bytes between two zeros are no frame."""

    TOO_LONG = "too_long"
    STUFFING = "stuffing"
    CHECKSUM = "checksum"


def frame(payload: bytes, *, limit: int = MAX_PAYLOAD) -> bytes:
    r"""Return the frame of `payload`, its closing zero included.

    >>> frame(b"\x00").hex(" ")
    '01 05 8d ef 02 d2 00'

    Raises:
        Misuse: the payload is empty or longer than `limit`.
    """
    if not 1 <= len(payload) <= limit:
        raise Misuse(
            "this payload fits no frame", expected=f"1 to {limit} bytes", received=f"{len(payload)} bytes"
        )
    return bytes(cobs.encode(payload + _CRC.pack(zlib.crc32(payload)))) + b"\0"


def longest_frame(limit: int) -> int:
    """Return how many bytes a payload of `limit` takes at most, without the closing zero.

    >>> longest_frame(8192)
    8229
    """
    inside = limit + _CRC.size
    return inside + inside // 254 + 1


class Deframer:
    """Takes bytes in pieces of any size and returns payloads; never holds more than one frame."""

    def __init__(self, limit: int = MAX_PAYLOAD) -> None:
        """Take payloads of up to `limit` bytes."""
        self._longest = longest_frame(limit)
        self._limit = limit
        self._kept = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | Fault]:
        """Return what is complete now: payloads, and a fault for each piece that was none.

        >>> deframer = Deframer()
        >>> deframer.feed(b"rubbish" + bytes(1) + frame(b"first") + frame(b"second")[:4])
        [<Fault.STUFFING: 'stuffing'>, b'first']
        >>> deframer.feed(frame(b"second")[4:])
        [b'second']
        """
        *whole, rest = data.split(b"\0")
        found = []
        for piece in whole:
            self._keep(piece)
            found += self._finish()
        self._keep(rest)
        return found

    @property
    def held(self) -> int:
        """Bytes kept of a frame that is not complete yet."""
        return len(self._kept)

    def _keep(self, piece: bytes) -> None:
        if self._skipping or len(self._kept) + len(piece) > self._longest:
            self._skipping = True
            self._kept.clear()
        else:
            self._kept += piece

    def _finish(self) -> list[bytes | Fault]:
        """Return what stands before a zero: one payload, one fault, or nothing."""
        encoded, skipped = bytes(self._kept), self._skipping
        self._kept.clear()
        self._skipping = False
        if skipped:
            return [Fault.TOO_LONG]
        return [_unpack(encoded, self._limit)] if encoded else []


def _unpack(encoded: bytes, limit: int) -> bytes | Fault:
    try:
        content = bytes(cobs.decode(encoded))
    except cobs.DecodeError:
        return Fault.STUFFING
    payload, checksum = content[: -_CRC.size], content[-_CRC.size :]
    if not 1 <= len(payload) <= limit:
        return Fault.TOO_LONG if payload else Fault.CHECKSUM
    return payload if _CRC.pack(zlib.crc32(payload)) == checksum else Fault.CHECKSUM
