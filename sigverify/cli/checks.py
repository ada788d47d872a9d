"""What a command checks in its first second, before it loads a model or reads a corpus."""

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

from sigverify.errors import ConfigError, MissingExtra


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
