"""Records of later editions: recognized, explained as far as their form is known, and refused.

Since 2011 all parts of ISO/IEC 19794 begin with one general header (ISO/IEC 19794-1:2011; seen in the
translations of part 4): identifier, version, length of the record in 4 bytes, number of representations in 2,
and a byte that tells whether certification follows. What part 7 puts behind it could not be established.
"""

from typing import Final, NoReturn

from sigverify.errors import FormatError
from sigverify.formats.iso19794_7.cursor import Cursor

_HINT: Final = (
    "Export as the edition of 2007, or as CSV with the columns x,y,time_ms and, where known, pressure"
)


def refuse_later(cursor: Cursor, version: bytes, at: int) -> NoReturn:
    """Explain what is known of the general header, and give up.

    Raises:
        FormatError: always; names the version.
    """
    text = version.rstrip(b"\0").decode("ascii", "backslashreplace")
    cursor.add("version", text, "a later edition", at, "only the edition of 2007 is read")
    fields = {"length of the record": 4, "number of representations": 2, "certification flag": 1}
    here = cursor.at
    if text.strip().isdecimal() and sum(fields.values()) <= cursor.left:
        length = int.from_bytes(cursor.data[here : here + 4], "big")
        problem = "" if length == len(cursor.data) else f"the file has {len(cursor.data)} bytes"
        for name, size in fields.items():
            first = cursor.at
            value = cursor.number(size, name)
            cursor.add(
                name, value, "as in ISO/IEC 19794-1:2011", first, problem if name.startswith("length") else ""
            )
    raise FormatError(
        f"byte {at}: version: an edition that is not read",
        expected="' 10', that of 2007",
        received=repr(text),
        hint=_HINT,
    )
