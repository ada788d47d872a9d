"""`read_capture`: a file or bytes to what it holds, strokes or a picture; the content tells the format.

`read_signature` and `read_recording` read strokes alone.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from sigverify.errors import FormatError, InvalidSignature, UnknownFormat
from sigverify.formats import plain_csv, sigcomp, signature_pad, susig, svc2004
from sigverify.formats.foreign import refuse_foreign
from sigverify.formats.limits import check_size, read_bounded
from sigverify.formats.recording import Notes, Recording
from sigverify.formats.table import first_line, is_number, shown
from sigverify.formats.text_encoding import to_utf8
from sigverify.modality.image.decoding import is_picture
from sigverify.modality.pen.signature import Signature

if TYPE_CHECKING:
    from sigverify.modality.image.signature_image import SignatureImage

Read = TypeVar("Read")

TEXT = re.compile(r"[\r\n{}]|^\s*[\[<]|^data:|,.*,|(?:\d[\d.eE+-]*[\s;]+){2}\d", re.IGNORECASE)
"""What the text of a recording has and hardly any path; a file of such a name is read all the same."""


class Format(StrEnum):
    """The kinds of signature file that can be read."""

    SVC2004 = "svc2004"
    SUSIG = "susig"
    SIGCOMP = "sigcomp"
    CSV = "csv"
    SIGNATURE_PAD = "signature_pad"


@dataclass(frozen=True, kw_only=True)
class Reader:
    """How one format is recognized from its first line, and read."""

    recognizes: Callable[[bytes], bool]
    decode: Callable[[bytes, Notes | None], Signature]
    begins: str


READERS = {
    Format.SVC2004: Reader(
        recognizes=svc2004.recognizes, decode=svc2004.decode, begins="a count alone on its line (SVC2004)"
    ),
    Format.SUSIG: Reader(
        recognizes=susig.recognizes, decode=susig.decode, begins='"X, Y, TStamp, Pres., EndPts" (SUSIG)'
    ),
    Format.SIGCOMP: Reader(
        recognizes=sigcomp.recognizes, decode=sigcomp.decode, begins="a name and a count (SigComp2009)"
    ),
    Format.CSV: Reader(
        recognizes=plain_csv.recognizes, decode=plain_csv.decode, begins='"x,y,time_ms" (CSV)'
    ),
    Format.SIGNATURE_PAD: Reader(
        recognizes=signature_pad.recognizes, decode=signature_pad.decode, begins='"[" or "{" (signature_pad)'
    ),
}


Source = str | os.PathLike[str] | bytes | bytearray | memoryview


def recognize_format(data: bytes) -> Format:
    """Tell the format from how the content begins.

    Raises:
        UnknownFormat: no reader recognizes it, or there is nothing to read.
        FormatError: text in UTF-16 that is damaged.
    """
    data = to_utf8(data)
    refuse_foreign(data)
    line = first_line(data)
    if line and not READERS[Format.SIGNATURE_PAD].recognizes(line):
        line = first_line(plain_csv.readable(data))
    if not line:
        raise UnknownFormat("nothing to read", expected="a signature file", received="no content")
    for name, reader in READERS.items():
        if reader.recognizes(line):
            return name
    cells = re.split(rb"[,;\s]+", line.strip(b",; \t"))
    if len(cells) > 1 and all(map(is_number, cells)):
        raise UnknownFormat(
            f"a table of {len(cells)} columns without a header",
            expected="a first line that names the columns, such as x,y,time_ms,pressure",
            hint="Write one; time_s, time_us or time_ns where the stamps are no milliseconds",
        )
    raise UnknownFormat(
        "not a signature file of a known format",
        expected="a first line with " + ", ".join(reader.begins for reader in READERS.values()),
        received=shown(line),
        hint="Hand arrays in with Signature(x, y, time_ms), or write a CSV with that header",
    )


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
    return read_recording(source).signature


def read_recording(source: Source) -> Recording:
    """Read one signature, and what was noticed in reading it; `source` is read once, so it may be a pipe.

    Raises:
        UnknownFormat, FormatError, InvalidSignature: as of `read_signature`.
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
        return _decode(data).signature
    from sigverify.modality.image.signature_image import SignatureImage

    return SignatureImage.read(data)


def _decode(data: bytes) -> Recording:
    check_size(len(data))
    notes = Notes()
    data = to_utf8(data, notes)
    name = recognize_format(data)
    signature = READERS[name].decode(data, notes)
    return Recording(signature=signature, format=name, notes=tuple(notes.noted))
