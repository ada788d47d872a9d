"""`read_secret`: a token or a code from a file, the environment or a descriptor, never from a command line.

Every user and program of a machine can read the arguments of its processes, and shells keep them.
"""

import os
import stat
from pathlib import Path
from typing import Final

from firmware_bridge.kiosk.settings import MAX_SECRET
from sigverify.errors import ConfigError, one_line
from sigverify.protection.open_folder import open_folder

_MOST: Final = 4 * MAX_SECRET + 2
"""Bytes: as many characters of UTF-8, and the end of a line."""
_SOURCES: Final = "a FILE that only you may read, env:NAME or fd:N"


def read_secret(what: str, source: str | None, variable: str) -> str | None:
    """Return the secret that `source` names; without one that in the environment's `variable`, or None.

    Raises:
        ConfigError: it cannot be read, is none, or others may read the file. No message shows `source`, which
            may be the secret itself, passed as people are used to.
    """
    if source is None:
        return os.environ.get(variable) or None
    kind, _, name = source.partition(":")
    if kind == "env" and name:
        secret = os.environ.get(name, "")
    elif kind == "fd" and name.isdecimal():
        secret = _from_descriptor(what, int(name))
    else:
        secret = _from_file(what, source)
    if not secret:
        raise ConfigError(f"there is no {what} where it should be", expected=_SOURCES)
    return secret


def _from_descriptor(what: str, descriptor: int) -> str:
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return _text(what, file.read(_MOST))
    except OSError as error:
        raise ConfigError(f"cannot read the {what}", expected=_SOURCES, received=one_line(error)) from error


def _from_file(what: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
                raise ConfigError(
                    f"others may read the file of the {what}",
                    expected="mode 0600",
                    received=f"{stat.S_IMODE(status.st_mode):04o}",
                )
            if stat.S_ISREG(status.st_mode) and open_folder(path) is not None:
                raise ConfigError(
                    f"others could put another file in place of that of the {what}",
                    expected="folders that only their owners may write to",
                )
            return _text(what, file.read(_MOST))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot read the {what}",
            expected=_SOURCES,
            received=one_line(error),
            hint="The secret itself is no argument: every program of the machine could read it",
        ) from error


def _text(what: str, content: bytes) -> str:
    try:
        return content.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"the {what} is no text", expected="UTF-8") from error
