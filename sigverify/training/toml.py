"""`to_toml`: plain values as TOML; the standard library only reads it."""

from collections.abc import Mapping
from typing import Any

from sigverify.errors import ConfigError


def to_toml(values: Mapping[str, Any]) -> str:
    """Write nested plain values; `tomllib` reads them back.

    Raises:
        ConfigError: a value that TOML cannot hold.

    >>> to_toml({"epochs": 3, "batch": {"writers": 4}}).splitlines()
    ['epochs = 3', '', '[batch]', 'writers = 4']
    """
    return "\n".join(_table(values, "")) + "\n"


def _table(values: Mapping[str, Any], prefix: str) -> list[str]:
    """Plain values first, then sub-tables, then arrays of tables, as TOML wants them."""
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    arrays = {
        key: value
        for key, value in values.items()
        if isinstance(value, list | tuple) and value and all(isinstance(item, Mapping) for item in value)
    }
    lines = [
        f"{_key(key)} = {_value(value)}"
        for key, value in values.items()
        if key not in tables and key not in arrays
    ]
    for key, table in tables.items():
        name = f"{prefix}{_key(key)}"
        lines += ["", f"[{name}]", *_table(table, f"{name}.")]
    for key, items in arrays.items():
        name = f"{prefix}{_key(key)}"
        for item in items:
            lines += ["", f"[[{name}]]", *_table(item, f"{name}.")]
    return lines


def _key(key: str) -> str:
    bare = key and all(letter.isascii() and (letter.isalnum() or letter in "_-") for letter in key)
    return key if bare else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped) + '"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    raise ConfigError(
        "a setting that TOML cannot hold", expected="number, string, bool or list", received=repr(value)
    )
