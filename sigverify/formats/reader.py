"""`read_capture`: a file or bytes to what it holds, strokes or a picture; the content tells the format.

`read_signature` and `read_recording` read strokes alone.
"""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from sigverify.errors import FormatError, InvalidSignature
from sigverify.formats.limits import check_size, read_bounded
from sigverify.formats.notes import Notes
from sigverify.formats.recording import Recording
from sigverify.formats.registry import recognize_format
from sigverify.formats.text_encoding import to_utf8
from sigverify.modality.image.decoding import is_picture
from sigverify.modality.pen.signature import Signature

if TYPE_CHECKING:
    from sigverify.modality.image.signature_image import SignatureImage

Read = TypeVar("Read")

TEXT = re.compile(r"[\r\n{}]|^\s*[\[<]|^data:|,.*,|(?:\d[\d.eE+-]*[\s;]+){2}\d", re.IGNORECASE)
"""What the text of a recording has and hardly any path; a file of such a name is read all the same."""


Source = str | os.PathLike[str] | bytes | bytearray | memoryview


def read_capture(source: Source) -> "Signature | SignatureImage":
    """Read one signature, strokes or a picture of it, from a file (`str` or path) or from its bytes.

    Which it is, the content says; Pillow is loaded for a picture only. Pillow images and arrays are made into
    captures by `SignatureImage.read`.

    Raises:
        UnknownFormat: no reader recognizes the content.
        FormatError: the file cannot be read, is too large, truncated or damaged.
        InvalidSignature: well-formed, but no signature.
    """
    return _read(source, _decode_either)


def read_signature(source: Source) -> Signature:
    """Read one signature from a file (`str` or path) or from its bytes.

    Raises:
        UnknownFormat: no reader recognizes the content.
        FormatError: the file cannot be read, is too large, truncated or malformed; names the line.
        InvalidSignature: well-formed, but no signature (too few samples, no ink ...).
    """
    return _read(source, lambda data: _decode(data).signature())


def read_recording(source: Source) -> Recording:
    """Read all that a file says, and what was noticed; `source` is read once, so it may be a pipe.

    Whether it is a signature, its `signature` tells.

    Raises:
        UnknownFormat, FormatError: as of `read_signature`.
        InvalidSignature: more samples than a signature may have.
    """
    return _read(source, _decode)


def _read(source: Source, decode: Callable[[bytes], Read]) -> Read:
    """Decode the content of a file or bytes; what is wrong with a file names it."""
    if isinstance(source, bytes | bytearray | memoryview):
        return decode(bytes(source))
    if not isinstance(source, str | os.PathLike):
        raise FormatError(
            f"cannot read a signature from {type(source).__name__}",
            expected="a path or bytes",
            hint="Hand arrays to Signature(...), parsed pad JSON to formats.signature_pad.from_groups",
        )
    path = os.fspath(source)
    if isinstance(source, str) and TEXT.search(path) and not os.path.exists(path):  # noqa: PTH110 - may be no path at all
        # Without repeating any of it: the message ends in logs.
        raise FormatError(
            "this is the text of a signature, not a path", hint="Hand in bytes: read_signature(text.encode())"
        )
    data = read_bounded(path)
    try:
        return decode(data)
    except (FormatError, InvalidSignature) as error:
        raise type(error)(f"{path}: {error}") from None


def _decode_either(data: bytes) -> "Signature | SignatureImage":
    if not is_picture(data):
        return _decode(data).signature()
    from sigverify.modality.image.signature_image import SignatureImage

    return SignatureImage.read(data)


def _decode(data: bytes) -> Recording:
    check_size(len(data))
    found, notes = recognize_format(data), Notes()
    recording = found.decode(data if found.binary else to_utf8(data, notes), notes)
    return replace(recording, format=found.name, notes=tuple(notes.noted))
