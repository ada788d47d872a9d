"""What is often handed in by mistake, or in formats that are not read: recognized by its bytes and named."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sigverify.errors import UnknownFormat

_LOOKED_AT: Final = 4096
_PICTURE: Final = (
    "A picture does not say how the pen moved: record x, y and time of each sample, or read it with "
    "read_capture and compare it with other pictures"
)
_PAGE: Final = "Save the part of it with the signature as a PNG picture, and read that with read_capture"
_EXPORT: Final = "Export it as CSV with the columns x,y,time_ms and, where known, pressure,pen_down"
_UNPACK: Final = "Unpack it and hand in the signature file that is inside"
_ARRAYS: Final = "Hand the arrays to Signature(x, y, time_ms, pressure, pen_down), or write a CSV"
_DRAWING: Final = "A drawing has no time stamps: of signature_pad send toData(), not toSVG() or toDataURL()"


@dataclass(frozen=True)
class Foreign:
    """A kind of content that is no signature file here, and what to do about it."""

    name: str
    hint: str
    found: Callable[[bytes], bool]


def _begins(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(starts)


def _riff(kind: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(b"RIFF") and data[8:12] == kind


def _markup(pattern: bytes) -> Callable[[bytes], bool]:
    """Look for an element at the start of a text that begins with a tag."""
    element = re.compile(pattern, re.IGNORECASE)
    return lambda data: data.lstrip()[:1] == b"<" and element.search(data[:_LOOKED_AT]) is not None


def _is_isf(data: bytes) -> bool:
    """Tell Ink Serialized Format: a zero and the size of the rest, seven bits a byte, lowest first."""
    size, place = 0, 1
    while data[:1] == b"\0" and place < min(len(data), 6):
        size |= (data[place] & 0x7F) << 7 * (place - 1)
        place += 1
        if data[place - 1] < 0x80:
            return 0 < size == len(data) - place
    return False


def _is_base64(data: bytes) -> bool:
    """Tell base64 of text that begins as JSON or a table does."""
    start = re.match(rb"(?:W3s|W1t|eyJ|ewo|Wwo|eCx5)[A-Za-z0-9+/_\s-]*={0,2}\s*$", data[:_LOOKED_AT])
    return start is not None and len(data) > 32


FOREIGN: Final = (
    Foreign("a PNG picture", _PICTURE, _begins(b"\x89PNG")),
    Foreign("a JPEG picture", _PICTURE, _begins(b"\xff\xd8\xff")),
    Foreign("a GIF picture", _PICTURE, _begins(b"GIF87a", b"GIF89a")),
    Foreign("a BMP picture", _PICTURE, lambda data: data[:2] == b"BM" and data[6:10] == bytes(4)),
    Foreign("a TIFF picture", _PICTURE, _begins(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    Foreign("a WebP picture", _PICTURE, _riff(b"WEBP")),
    Foreign("a HEIF or AVIF picture", _PAGE, lambda data: data[4:8] == b"ftyp"),
    Foreign("an icon", _PAGE, lambda data: data[:4] == b"\0\0\1\0" and data[4:6] != bytes(2)),
    Foreign("a PDF document", _PAGE, _begins(b"%PDF-")),
    Foreign("an RTF document", _EXPORT, _begins(b"{\\rtf")),
    Foreign("an old Microsoft Office document", _EXPORT, _begins(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")),
    Foreign(
        "a zip archive, or an Office document or numpy .npz file, which are such",
        _UNPACK,
        _begins(b"PK\3\4", b"PK\5\6", b"PK\7\x08"),
    ),
    Foreign("a gzip archive", _UNPACK, _begins(b"\x1f\x8b")),
    Foreign("a bzip2 archive", _UNPACK, _begins(b"BZh")),
    Foreign("an xz archive", _UNPACK, _begins(b"\xfd7zXZ\0")),
    Foreign("a 7z archive", _UNPACK, _begins(b"7z\xbc\xaf'\x1c")),
    Foreign("a Zstandard archive", _UNPACK, _begins(b"\x28\xb5\x2f\xfd")),
    Foreign("a tar archive", _UNPACK, lambda data: data[257:262] == b"ustar"),
    Foreign("a numpy file", _ARRAYS, _begins(b"\x93NUMPY")),
    Foreign("a MATLAB file", _ARRAYS, _begins(b"MATLAB ")),
    Foreign("an HDF5 file", _ARRAYS, _begins(b"\x89HDF\r\n\x1a\n")),
    Foreign("a Parquet file", _EXPORT, _begins(b"PAR1")),
    Foreign(
        "a Python pickle, which is never opened",
        _ARRAYS,
        lambda data: data[:1] == b"\x80" and data[1:2] in (b"\2", b"\3", b"\4", b"\5"),
    ),
    Foreign("an SQLite database", "A store is opened with Verifier.open", _begins(b"SQLite format 3\0")),
    Foreign("a sigverify model", "A model is opened with Model.read", _begins(b"SIGMODEL")),
    Foreign("a Wacom signature (FSS)", _EXPORT, _begins(b"FSS", b"RlNT")),
    Foreign("Ink Serialized Format (ISF)", _EXPORT, _is_isf),
    Foreign("Ink Serialized Format (ISF) in base64", _EXPORT, _begins(b"base64:")),
    Foreign("an SVG drawing", _DRAWING, _markup(rb"<svg[\s>]")),  # in a JSON string; else it is read
    Foreign(
        "a web page (HTML)",
        "It is often a server's page about an error: open it and read what it says",
        _markup(rb"<(!doctype\s+html|html|head|body|title)[\s>]"),
    ),
    Foreign("XML", _EXPORT, _markup(rb"<(\?xml|!--|!doctype|[a-z])")),
    Foreign("a PNG picture in base64", _DRAWING, _begins(b"iVBORw0KGgo")),
    Foreign("a JPEG picture in base64", _DRAWING, _begins(b"/9j/")),
    Foreign("a PDF document in base64", _PAGE, _begins(b"JVBERi0")),
    Foreign("base64", "Decode it and hand in the bytes that it holds", _is_base64),
    Foreign("a picture as a data URL", _DRAWING, lambda data: data[:11].lower() == b"data:image/"),
    Foreign(
        "a data URL",
        "Decode it and hand in the bytes that it holds",
        lambda data: data[:5].lower() == b"data:",
    ),
)


def refuse_foreign(data: bytes) -> None:
    """Refuse content of a kind that is known and not read.

    Raises:
        UnknownFormat: names the kind and says what to do.
    """
    # White space and, of a JSON string, its quote and escapes may stand before text.
    before = re.match(rb'\s*(?:"(?:\s|\\[nrt])*)?', data)
    text = data[before.end() :] if before else data
    for foreign in FOREIGN:
        if foreign.found(text):
            raise UnknownFormat(
                f"this is {foreign.name}, not pen strokes",
                expected="a recording of x, y and time",
                hint=foreign.hint,
            )
