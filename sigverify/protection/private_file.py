"""Files that only their owner may read, from the first byte on, whole or not at all."""

import errno
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final

from sigverify.errors import StoreError

_ZEROS: Final = bytes(1 << 20)


def write_private(path: Path, content: bytes) -> None:
    """Write `content` with mode 0600 in place of what `path` was, and wait until it is on the disk.

    Raises:
        StoreError: it cannot be written; what was there stays, unless only the waiting failed.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        write_new(draft, content)
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StoreError("the file cannot be written", received=f"{path}: {error.strerror}") from error


def write_new(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file that must not be there yet, and wait until it is on the disk.

    Raises:
        OSError: it cannot be written, or is there.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def overwrite_private(path: Path, contents: Iterable[bytes], *, sync: bool) -> None:
    """Write a file of mode 0600 over what is there, so that nothing of that is left on the disk.

    It is not whole while it is written: for what its reader can tell from half of it, and do without.

    Args:
        path: of the file.
        contents: one after the other.
        sync: wait until it is on the disk. So it is in any case where what was there was longer.

    Raises:
        OSError: it cannot be written, or is no file of its own name.
    """
    # Nothing is buffered: an interrupted writer would write that later, over what somebody else has written.
    with os.fdopen(_opened(path, os.O_CREAT), "wb", buffering=0) as file:
        before = os.fstat(file.fileno()).st_size
        for content in contents:
            _write_all(file, content)
        end = file.tell()
        _write_zeros(file, before - end)
        if sync or before > end:
            os.fsync(file.fileno())
        file.truncate(end)


def wipe(path: Path) -> None:
    """Overwrite a file with zeros, wait until these are on the disk, and remove it; none is fine.

    Of a link only itself is removed.

    Raises:
        OSError: it cannot be overwritten, or is no file of its own name.
    """
    try:
        if path.is_symlink():
            path.unlink()
            return
        with os.fdopen(_opened(path, 0), "wb", buffering=0) as file:
            _write_zeros(file, os.fstat(file.fileno()).st_size)
            os.fsync(file.fileno())
    except FileNotFoundError:
        return
    path.unlink(missing_ok=True)


def _opened(path: Path, flags: int) -> int:
    """Open a file to be written from its beginning, and no other one that a link leads to."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | flags, 0o600)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise OSError(errno.EPERM, "no file of its own name", str(path))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _write_all(file: IO[bytes], content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def _write_zeros(file: IO[bytes], count: int) -> None:
    for start in range(0, count, len(_ZEROS)):
        _write_all(file, _ZEROS[: count - start])


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut.

    Raises:
        OSError: the folder cannot be opened or synced.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
