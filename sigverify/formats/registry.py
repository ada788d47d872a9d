"""All formats, and which of them some content is."""

import re
from collections.abc import Callable
from typing import Final

from sigverify.errors import FormatError, UnknownFormat
from sigverify.formats import (
    deepsigndb,
    fpg,
    hand_signature,
    inkml,
    iso19794_7,
    jsignature,
    plain_csv,
    sigcomp,
    signature_pad,
    sigstring,
    susig,
    svc2004,
    svg,
    uim,
    unipen,
)
from sigverify.formats.foreign import refuse_foreign
from sigverify.formats.format import Format
from sigverify.formats.table import first_line, is_number, shown
from sigverify.formats.text_encoding import to_utf8

FORMATS: Final[dict[str, Format]] = {
    each.name: each
    for each in (
        deepsigndb.FORMAT,
        svc2004.FORMAT,
        susig.FORMAT,
        sigcomp.FORMAT,
        iso19794_7.FORMAT,
        fpg.FORMAT,
        uim.FORMAT,
        inkml.FORMAT,
        unipen.FORMAT,
        svg.FORMAT,
        jsignature.FORMAT,
        sigstring.FORMAT,
        plain_csv.FORMAT,
        hand_signature.FORMAT,
        signature_pad.FORMAT,
    )
}
"""By name, in the order in which they are asked: what two recognize is of the first."""


def find_format(name: str) -> Format:
    """Return the format of that name.

    Raises:
        FormatError: there is none; lists those that there are.
    """
    if name not in FORMATS:
        raise FormatError("unknown format", expected=", ".join(FORMATS), received=shown(name))
    return FORMATS[name]


def find_written(name: str) -> Format:
    """Return the format of that name, which must be one that is written.

    Raises:
        FormatError: there is none, or it is read only; lists those that there are.
    """
    found = find_format(name)
    if found.encode is None:
        written = ", ".join(each.name for each in FORMATS.values() if each.encode is not None)
        raise FormatError(f"{found.title} is read only", expected=written, received=name)
    return found


def recognize_format(data: bytes) -> Format:
    """Tell the format from the content.

    Raises:
        UnknownFormat: none recognizes it, or there is nothing to read.
        FormatError: text in UTF-16 that is damaged.
    """
    if found := _first(data, lambda each: each.binary):
        return found
    text = to_utf8(data)
    if found := _first(text, lambda each: each.sure and not each.binary):
        return found
    refuse_foreign(text)
    if found := _first(text, lambda each: not (each.sure or each.binary)):
        return found
    raise _unknown(text)


def _first(data: bytes, asked: Callable[[Format], bool]) -> Format | None:
    return next((each for each in FORMATS.values() if asked(each) and each.recognizes(data)), None)


def _unknown(text: bytes) -> UnknownFormat:
    line = first_line(plain_csv.readable(text))
    if not line:
        return UnknownFormat("nothing to read", expected="a signature file", received="no content")
    cells = re.split(rb"[,;\s]+", line.strip(b",; \t"))
    if len(cells) > 1 and all(map(is_number, cells)):
        return UnknownFormat(
            f"a table of {len(cells)} columns without a header",
            expected="a first line that names the columns, such as x,y,time_ms,pressure",
            hint="Write one; time_s, time_us or time_ns where the stamps are no milliseconds",
        )
    return UnknownFormat(
        "not a signature file of a known format",
        expected="a first line with " + ", ".join(each.begins for each in FORMATS.values()),
        received=shown(line),
        hint="Hand arrays in with Signature(x, y, time_ms), or write a CSV with that header",
    )
