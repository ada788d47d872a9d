"""What a command checks in its first second, before it loads a model or reads a corpus."""

import importlib.util
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from sigverify.errors import ConfigError, MissingExtra

_OTHER: Final = "Choose another name"


def require(modules: Sequence[str], extra: str) -> None:
    """Refuse to begin without packages that will be needed at the end; imports none of them.

    Args:
        modules: names that are imported; of alternatives, "a|b", one will do.
        extra: which of sigverify's extras brings them.

    Raises:
        MissingExtra: one is not installed.

    >>> require(["json", "no_such_module|os"], "train")
    """
    for names in modules:
        if not any(importlib.util.find_spec(name) for name in names.split("|")):
            raise MissingExtra(
                f"{names.replace('|', ' or ')} is not installed", hint=f"pip install 'sigverify[{extra}]'"
            )


def check_style(style: Path | None, out: Path | None) -> None:
    """Refuse a style sheet where no page is written.

    Raises:
        ConfigError: so it is.
    """
    if style is not None and out is None:
        raise ConfigError("--style without a page", expected="--out, which writes one")


def check_file(path: Path) -> None:
    """Refuse a file that could not be written at the end.

    Raises:
        ConfigError: a folder has that name, or the folder around it is not there or cannot be written to.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a folder", expected="the name of a file to write")
    check_folder(path.parent)


def check_output(
    path: Path, kind: str, begins: Sequence[bytes], *, inputs: Iterable[str | os.PathLike[str] | None] = ()
) -> None:
    """Refuse to write over anything but an earlier output of that kind, or an empty file.

    Args:
        path: of the file to write.
        kind: what is written, in words: "a model file".
        begins: how files of it begin.
        inputs: what the command reads, or writes beside it.

    Raises:
        ConfigError: something else is there, or `check_file` refuses it.
    """
    check_file(path)
    there = os.path.realpath(path)
    if any(each is not None and os.path.realpath(each) == there for each in inputs):
        raise ConfigError(
            f"{path} is named twice", expected="another file for each thing read and written", hint=_OTHER
        )
    if os.path.lexists(path) and not _begins_as(path, begins):
        raise ConfigError(
            f"{path} is there already, and would be lost",
            expected=f"a new file, or {kind} to be replaced",
            received="a file of another kind" if path.is_file() else "no file",
            hint=_OTHER,
        )


def _begins_as(path: Path, begins: Sequence[bytes]) -> bool:
    """Whether it is a file that begins so, or holds nothing; never opens a pipe, which would wait."""
    if not path.is_file():
        return not path.exists() and path.is_symlink()  # a link that leads nowhere: nothing is lost
    with path.open("rb") as file:
        start = file.read(max(map(len, begins)))
    return not start or start.startswith(tuple(begins))


def check_folder(path: Path) -> None:
    """Refuse a folder that is not there or cannot be written to.

    Raises:
        ConfigError: so it is.
    """
    if not path.is_dir() or not os.access(path, os.W_OK):
        raise ConfigError(
            f"{path} cannot be written to", expected="a folder that is there", hint="Make it, or name another"
        )


def passphrase_in(variable: str | None) -> str | None:
    """Return the passphrase that an environment variable holds; of no variable, none.

    Raises:
        ConfigError: it is empty, or not there.
    """
    if variable is None:
        return None
    if not (value := os.environ.get(variable)):
        raise ConfigError("no passphrase", expected=f"it in the environment variable {variable}")
    return value
