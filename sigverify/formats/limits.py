"""How much is read before anything is believed, and how a file is read within that."""

import os
from pathlib import Path

from sigverify.errors import FormatError, one_line

MAX_BYTES = 64 * 2**20
"""Larger files are refused unread: `MAX_SAMPLES` samples take less than 20 MB in every format here."""


def check_size(size: int, name: str = "the data") -> None:
    """Refuse what is too large to be one signature.

    Raises:
        FormatError: more than `MAX_BYTES`.
    """
    if size > MAX_BYTES:
        raise FormatError(
            f"{name} is too large for a signature",
            expected=f"at most {MAX_BYTES} bytes",
            received=f"{size} bytes or more",
        )


def read_bounded(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a file; never holds more than `MAX_BYTES` of them, whatever the file system says.

    Raises:
        FormatError: the file is too large, missing, a folder or unreadable.
    """
    try:
        with Path(path).open("rb") as file:
            check_size(os.fstat(file.fileno()).st_size, os.fspath(path))
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise FormatError(
            f"cannot read {os.fspath(path)!r}", expected="a readable signature file", received=one_line(error)
        ) from None
    check_size(len(data), os.fspath(path))
    return data
