"""Files that only their owner may read, from the first byte on, whole or not at all."""

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Final

from sigverify.errors import StoreError
from sigverify.whole_file import PRIVATE, write_whole

_ZEROS: Final = bytes(1 << 20)


def write_private(path: Path, content: bytes) -> None:
    """Write `content` with mode 0600 in place of what `path` was, and wait until it is on the disk.

    Raises:
        StoreError: it cannot be written; what was there stays, unless only the waiting failed.
    """
    try:
        write_whole(path, content, mode=PRIVATE)
    except OSError as error:
        raise StoreError("the file cannot be written", received=f"{path}: {error.strerror}") from error


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
