"""`PictureCapture`: the file of a picture of a signature, in pieces of bytes. Nothing here looks into it."""

import zlib
from collections.abc import Iterator
from typing import Final

from firmware_bridge.protocol.capture import Capture
from firmware_bridge.protocol.fields import MAX_TEXT
from firmware_bridge.protocol.messages import Captured, End, Image
from sigverify.errors import FormatError, ProtocolError

MAX_IMAGE_BYTES: Final = 4 * 2**20
"""Of all pictures after one hello, at once: a photograph as a phone takes it, or a dozen that are cut out."""
MAX_BYTES_OF_ALL: Final = 8 * MAX_IMAGE_BYTES
"""Of the pictures of all clients of a daemon, at once: 32 MB, whatever they announce and never send."""
PIECE_BYTES: Final = MAX_TEXT
"""Of the file in one message."""


class PictureCapture(Capture[Image, bytes]):
    """One picture: of so many bytes, as its beginning said."""

    def __init__(self, size: int) -> None:
        """Wait for so many bytes; memory is taken as they come."""
        super().__init__()
        self._size = size
        self._data = bytearray()

    @property
    def held(self) -> int:
        """Bytes: those that were announced, so that no second picture takes their room."""
        return 0 if self._error is not None else self._size

    def _error_of(self, piece: Image) -> ProtocolError | None:
        received = len(self._data) + len(piece.data)
        return None if received <= self._size else _another_size(self._size, received)

    def _keep(self, piece: Image) -> None:
        self._data += piece.data

    def _drop(self) -> None:
        self._data = bytearray()

    def _made(self, ended: End) -> bytes:
        if len(self._data) != self._size:
            raise _another_size(self._size, len(self._data))
        if zlib.crc32(self._data) != ended.crc:
            raise ProtocolError("a picture arrived changed: its CRC-32 differs", hint="Send it again")
        return bytes(self._data)

    def _captured(self, whole: bytes) -> Captured:
        return Captured(samples=0, duration_ms=0.0, size=len(whole))


def check_size(size: int) -> None:
    """Refuse a picture that no session takes.

    Raises:
        FormatError: no bytes, or too many.
    """
    if not 1 <= size <= MAX_IMAGE_BYTES:
        raise FormatError(
            "no picture, or too large a one",
            expected=f"1 to {MAX_IMAGE_BYTES} bytes",
            received=str(size),
            hint="Cut the signature out, or save it smaller",
        )


def cut(file: bytes, capture: int) -> Iterator[Image]:
    """Yield the messages that carry a picture's file."""
    for seq, start in enumerate(range(0, len(file), PIECE_BYTES)):
        yield Image(capture=capture, seq=seq, data=file[start : start + PIECE_BYTES])


def _another_size(announced: int, received: int) -> ProtocolError:
    return ProtocolError(
        "a picture of another size than announced",
        expected=f"{announced} bytes",
        received=f"{received}",
        hint="Send it again",
    )
