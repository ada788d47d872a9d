"""`to_utf8`: the encodings that everyday tools write text in, made one."""

import codecs

from sigverify.errors import FormatError
from sigverify.formats.notes import NoteKind, Notes

BOM = codecs.BOM_UTF8
_MARKS = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_LOOKED_AT = 64
"""Bytes that tell UTF-16 without a mark: of ASCII text in it every other byte is zero."""


def to_utf8(data: bytes, notes: Notes | None = None) -> bytes:
    """Return the same text in UTF-8 without a byte order mark; what is not UTF-16 or UTF-32 stays as it is.

    Raises:
        FormatError: UTF-16 or UTF-32 that is cut off or damaged.

    >>> to_utf8("x,y,t".encode("utf-16")), to_utf8("x,y,t".encode("utf-16-be")), to_utf8(b"x,y,t")
    (b'x,y,t', b'x,y,t', b'x,y,t')
    """
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None) or _unmarked(data)
    if encoding is None:
        return data.removeprefix(BOM)
    if notes is not None:
        notes.add(NoteKind.ENCODING, encoding.removesuffix("-LE").removesuffix("-BE"))
    try:
        return data.decode(encoding).encode()
    except UnicodeError:
        # Without its cause, which holds the data.
        raise FormatError(
            f"not whole {encoding} text", hint="Copy the file again, or save it as UTF-8"
        ) from None


def _unmarked(data: bytes) -> str | None:
    even, odd = data[:_LOOKED_AT:2], data[1:_LOOKED_AT:2]
    for zeros, letters, name in ((odd, even, "UTF-16-LE"), (even, odd, "UTF-16-BE")):
        if len(zeros) >= 4 and not any(zeros) and all(letters):
            return name
    return None
