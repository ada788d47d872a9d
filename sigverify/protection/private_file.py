"""Files that only their owner may read, from the first byte on, whole or not at all."""

import os
import secrets
from pathlib import Path

from sigverify.errors import StoreError


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
