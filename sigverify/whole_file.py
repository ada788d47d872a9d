"""`write_whole`, `replacing`: a file is what it was or what it is to be, whatever interrupts the writing."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

ANYBODYS: Final = 0o666
"""What the umask leaves of it, as of any file that a program makes."""
PRIVATE: Final = 0o600

_MARK: Final = ".part"
_LONGEST_SUFFIX: Final = 16
"""Longer, it names no format; and the names of files end at 255 bytes."""


@contextmanager
def replacing(path: Path, *, wait: bool = True) -> Iterator[Path]:
    """Yield the name of a draft to write, which takes the place of `path` at the end of the block.

    The draft ends as `path` does, since libraries choose a format by that. Unless nobody waits, it is on the
    disk then. After an exception of any kind, `path` is what it was, and nothing lies beside it.

    Raises:
        OSError: it cannot take its place; what was there stays, unless only the waiting failed.
    """
    with _draft(path) as draft:
        yield draft
        if wait:
            sync(draft)
        draft.replace(path)
    if wait:
        sync(path.parent)


def write_whole(path: Path, content: bytes | str, *, mode: int = ANYBODYS, wait: bool = True) -> None:
    """Write `content`, text in UTF-8, in place of what `path` was, and wait until it is on the disk.

    Without waiting, thousands of files take a hundredth of the time, and a power cut may leave some empty.

    Raises:
        OSError: it cannot be written; what was there stays, unless only the waiting failed.
    """
    with replacing(path, wait=wait) as draft:
        _create(draft, content.encode() if isinstance(content, str) else content, mode)


def write_new(path: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Write a file that must not be there yet, whole, and wait until it is on the disk.

    Raises:
        OSError: it cannot be written, or is there.
    """
    with _draft(path) as draft:
        _create(draft, content, mode)
        sync(draft)
        os.link(draft, path)  # unlike a rename, this fails where there is one
    sync(path.parent)


def obstacle(folder: Path) -> Path | None:
    """Return what keeps files from being written into a folder, there or to be made; None: nothing yet known.

    A full disk shows later.
    """
    there = next(each for each in (folder, *folder.absolute().parents) if os.path.lexists(each))
    is_usable = os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK)  # noqa: PTH112 - of any name
    return None if is_usable else there


def is_draft(path: Path) -> bool:
    """Whether this is what a process left that was killed while it wrote."""
    return path.name.startswith(".") and _MARK in path.suffixes


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """Yield a name beside `path` that nothing has, and leave nothing there that still has it."""
    suffixes = ("".join(path.suffixes), path.suffix, "")
    suffix = next(each for each in suffixes if len(each) <= _LONGEST_SUFFIX)
    draft = path.with_name(f".{secrets.token_hex(8)}{_MARK}{suffix}")
    try:
        yield draft
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


def _create(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)


def sync(path: Path) -> None:
    """Wait until a file is on the disk; of a folder, the names in it.

    Raises:
        OSError: it cannot be opened, or the disk fails.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
