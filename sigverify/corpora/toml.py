"""`to_toml`: plain values as TOML; the standard library only reads it."""

from collections.abc import Mapping
from typing import Any

from sigverify.errors import ConfigError, MissingExtra


def to_toml(values: Mapping[str, Any]) -> str:
    """Write nested plain values; `tomllib` reads them back.

    Raises:
        ConfigError: a value that TOML cannot hold.
        MissingExtra: tomli-w is not installed.

    >>> to_toml({"epochs": 3, "batch": {"writers": 4}}).splitlines()
    ['epochs = 3', '', '[batch]', 'writers = 4']
    """
    try:
        import tomli_w
    except ImportError as error:
        raise MissingExtra("tomli-w is not installed", hint="pip install 'sigverify[cli]'") from error
    try:
        return tomli_w.dumps(values)
    except TypeError as error:
        raise ConfigError(
            "a setting that TOML cannot hold",
            expected="a number, text, true or false, or a list or table of them",
            received=str(error),
        ) from error
