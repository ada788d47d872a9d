"""`open_folder`: the folder on the way to a secret in which anybody could put another file in its place."""

import os
import stat
from pathlib import Path


def open_folder(path: str | os.PathLike[str]) -> Path | None:
    """Return the nearest folder above `path` that others may write to, or None.

    Whoever may write to a folder may rename and replace what lies in it, whatever the mode of the file; so
    every folder up to the root counts, of the path as it is written and of where its links lead. Not so where
    the sticky bit is set, as on /tmp: there only a file's owner may, the folder's, and root. A group counts
    as others unless it is this process's own, which for most users has no other member.
    """
    lexical, real = Path(path).absolute(), Path(os.path.realpath(path))
    for folder in dict.fromkeys((*lexical.parents, *real.parents)):
        try:
            status = folder.stat()
        except OSError:  # not made yet, or only to be passed through
            continue
        if _may_be_written(status):
            return folder
    return None


def _may_be_written(status: os.stat_result) -> bool:
    if status.st_mode & stat.S_ISVTX:
        return False
    of_group = status.st_mode & stat.S_IWGRP and status.st_gid not in (0, os.getegid())
    return bool(status.st_mode & stat.S_IWOTH or of_group)
