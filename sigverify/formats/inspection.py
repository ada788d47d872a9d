"""`inspect`: what a signature file is, also where it is damaged or holds no signature."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from sigverify.errors import FormatError, InvalidSignature, SigverifyError
from sigverify.formats.format import Field, Format
from sigverify.formats.limits import check_size, read_bounded
from sigverify.formats.notes import Notes
from sigverify.formats.recording import Recording
from sigverify.formats.registry import recognize_format
from sigverify.formats.text_encoding import to_utf8
from sigverify.modality.pen.signature import Signature


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What was found out about a file.

    Attributes:
        format: what it is.
        recording: what it says; None where it cannot be read.
        signature: the signature in it; None where there is none.
        error: why one of them is None.
        fields: what each field of it means, where its format can say so.
    """

    format: Format
    recording: Recording | None
    signature: Signature | None
    error: SigverifyError | None
    fields: tuple[Field, ...]


def inspect(source: str | os.PathLike[str] | bytes) -> Inspection:
    """Look at a file (`str` or path) or its bytes, which are read once, so it may be a pipe.

    Raises:
        UnknownFormat: no reader recognizes the content.
        FormatError: the file cannot be opened or is too large.
    """
    if isinstance(source, bytes):
        check_size(len(source))
        return _inspect(source)
    data = read_bounded(source)
    try:
        return _inspect(data)
    except FormatError as error:
        raise type(error)(f"{Path(source)}: {error}") from None


def _inspect(data: bytes) -> Inspection:
    found = recognize_format(data)
    recording = signature = error = None
    notes = Notes()
    content = data
    try:
        content = data if found.binary else to_utf8(data, notes)
        recording = found.decode(content, notes)
        recording = replace(recording, format=found.name, notes=tuple(notes.noted))
        signature = recording.signature()
    except (FormatError, InvalidSignature) as raised:
        error = raised
    fields = () if found.explain is None else tuple(found.explain(content))
    return Inspection(format=found, recording=recording, signature=signature, error=error, fields=fields)
