"""`read_signature`: a file or bytes to a `Signature`, the format told from the content."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sigverify.errors import FormatError, InvalidSignature, UnknownFormat
from sigverify.formats import plain_csv, sigcomp, signature_pad, susig, svc2004
from sigverify.formats.limits import check_size, read_bounded
from sigverify.formats.table import BOM, shown
from sigverify.modality.pen.signature import Signature

MAX_FIRST_LINE = 4096
"""Bytes of the content that recognition looks at."""


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
    decode: Callable[[bytes], Signature]
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


def recognize_format(data: bytes) -> Format:
    """Tell the format from how the content begins.

    Raises:
        UnknownFormat: no reader recognizes it, or there is nothing to read.
    """
    content = data[:MAX_FIRST_LINE].removeprefix(BOM).lstrip()
    if not content:
        raise UnknownFormat("nothing to read", expected="a signature file", received="no content")
    first_line = content.splitlines()[0]
    for name, reader in READERS.items():
        if reader.recognizes(first_line):
            return name
    raise UnknownFormat(
        "not a signature file of a known format",
        expected="a first line with " + ", ".join(reader.begins for reader in READERS.values()),
        received=shown(first_line),
        hint="Hand arrays in with Signature(x, y, time_ms), or write a CSV with that header",
    )


def read_signature(source: str | os.PathLike[str] | bytes | bytearray | memoryview) -> Signature:
    """Read one signature from a file (`str` or path) or from its bytes.

    Raises:
        UnknownFormat: no reader recognizes the content.
        FormatError: the file cannot be read, is too large, truncated or malformed; names the line.
        InvalidSignature: well-formed, but no signature (too few samples, no ink ...).
    """
    if isinstance(source, bytes | bytearray | memoryview):
        return _decode(bytes(source))
    if not isinstance(source, str | os.PathLike):
        raise FormatError(
            f"cannot read a signature from {type(source).__name__}",
            expected="a path or bytes",
            hint="Hand arrays to Signature(...), parsed pad JSON to formats.signature_pad.from_groups",
        )
    try:
        return _decode(read_bounded(source))
    except (FormatError, InvalidSignature) as error:
        if os.fspath(source) in str(error):
            raise
        raise type(error)(f"{os.fspath(source)}: {error}") from error


def _decode(data: bytes) -> Signature:
    check_size(len(data))
    return READERS[recognize_format(data)].decode(data)
