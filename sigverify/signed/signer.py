"""`CaptureSigner`: what signs captures where the pen is read by a program in Python."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sigverify.errors import InvalidSignature, StoreError
from sigverify.modality.pen.signature import Signature
from sigverify.protection.keys import Key
from sigverify.protection.private_file import write_private
from sigverify.signed.content import Form, pack
from sigverify.signed.signed_capture import MAC_BYTES, MAX_COUNTER, Purpose, SignedCapture, check_device

_AHEAD: Final = 256
"""Numbers that one writing of the file allows: a few are lost at a start, of four thousand million."""

_DIGITS: Final = 10


class CaptureSigner:
    """Signs captures of one pen. A microcontroller does the same in C, see docs/protocol.md."""

    def __init__(self, device: str, key: Key, count: Callable[[], int]) -> None:
        """Sign as `device` with its key; `count` returns a higher number each time, also after a restart.

        Raises:
            InvalidSignature: this cannot be a pen's name.
        """
        check_device(device)
        self.device = device
        self._key = key
        self._count = count

    def sign(
        self, capture: Signature | bytes, nonce: bytes, purpose: Purpose | str = Purpose.DECIDE
    ) -> SignedCapture:
        """Sign strokes, or the file of a picture, in answer to a challenge.

        Raises:
            InvalidSignature: neither, or `nonce` is no challenge.
        """
        if isinstance(capture, Signature):
            form, content = pack(capture)
        elif isinstance(capture, bytes):
            form, content = Form.PICTURE, capture
        else:
            raise InvalidSignature(
                "nothing to sign",
                expected="a Signature, or the bytes of a picture's file",
                received=type(capture).__name__,
            )
        unsigned = SignedCapture(
            device=self.device,
            counter=self._count(),
            nonce=nonce,
            purpose=Purpose(purpose),
            form=form,
            content=content,
            mac=bytes(MAC_BYTES),
        )
        return SignedCapture(**{**vars(unsigned), "mac": self._key.mac(unsigned.signed())})


class FileCounter:
    """Counts for a `CaptureSigner`, and keeps in a file how far it may have come.

    >>> count = FileCounter("pen-7.counter")                                  # doctest: +SKIP
    >>> CaptureSigner("pen-7", Key.from_source("pen-7.key"), count)           # doctest: +SKIP
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Go on where the file says; without a file begin at 1.

        Raises:
            StoreError: the file cannot be read, or holds no number.
        """
        self._path = Path(path)
        self._last = self._allowed = self._read()

    def __call__(self) -> int:
        """Return the next number; it is on the disk that it may be used up before it is returned.

        Raises:
            StoreError: the file cannot be written, or the numbers are used up.
        """
        if self._last == MAX_COUNTER:
            raise StoreError("this pen's counter is used up", hint="Give it another key")
        if self._last == self._allowed:
            allowed = min(self._last + _AHEAD, MAX_COUNTER)
            write_private(self._path, f"{allowed}\n".encode())
            self._allowed = allowed
        self._last += 1
        return self._last

    def _read(self) -> int:
        try:
            text = self._path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as error:
            raise StoreError(f"cannot read the counter {self._path}", received=str(error)) from error
        if not text.isdecimal() or len(text) > _DIGITS or int(text) > MAX_COUNTER:
            raise StoreError(f"no counter in {self._path}", expected="a number", received=text[:40])
        return int(text)
