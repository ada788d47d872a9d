"""Training configs by name: what the models that ship were trained by, and what a small corpus wants."""

import os
from importlib.resources import files
from pathlib import Path
from typing import Final

from sigverify.errors import ConfigError
from sigverify.training.config import TrainConfig

SUFFIX: Final = ".toml"
_FOLDER: Final = Path(str(files("sigverify.training"))) / "recipes"


def recipes() -> tuple[str, ...]:
    """Names that `read_recipe` takes, sorted.

    >>> "base" in recipes()
    True
    """
    return tuple(sorted(path.stem for path in _FOLDER.glob(f"*{SUFFIX}")))


def read_recipe(source: str | os.PathLike[str]) -> TrainConfig:
    """Read the recipe of that bare name, or a TOML file; a `Path` is never taken for a name.

    Raises:
        ConfigError: neither is there, or `TrainConfig.read` refuses it.
    """
    if isinstance(source, str) and source in recipes():
        return TrainConfig.read(_FOLDER / f"{source}{SUFFIX}")
    path = Path(source)
    if not path.is_file():
        raise ConfigError(
            "no such config",
            expected=f"a TOML file, or one of {', '.join(recipes())}",
            received=os.fspath(source),
        )
    return TrainConfig.read(path)
