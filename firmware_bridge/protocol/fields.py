"""The fields of messages: dataclasses to and from maps whose every value is checked."""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from types import UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

from sigverify.errors import ProtocolError

MAX_TEXT: Final = 1024
"""Bytes of UTF-8 in one text."""
MAX_ITEMS: Final = 512
"""Items of one list."""
MAX_UNSIGNED: Final = 2**32 - 1

_LARGEST: Final = 2**64
"""Integer that is read as a number: CBOR has none that are larger, beside tags."""
_NUMBERS: Final = frozenset({int, float})
_LIST: Final = "a list of at most"

Reader = Callable[[Any], Any]


def to_map(message: Any) -> dict[str, Any]:
    """Return a message's fields by name, those that are None left out."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, _, _ in _readers(type(message))
        if (value := getattr(message, name)) is not None
    }


def from_map(kind: type[Any], content: object) -> Any:
    """Return the message of that kind; names it does not know are passed over, for later versions.

    Raises:
        ProtocolError: no map, a field is missing, or a value is of another type or out of range.
    """
    if not isinstance(content, Mapping):
        raise ProtocolError("a message's body is no map", received=type(content).__name__)
    values = {}
    for name, read, required in _readers(kind):
        if name in content:
            values[name] = _read(kind, name, read, content[name])
        elif required:
            raise ProtocolError(f"{kind.__name__} lacks the field {name}")
    return kind(**values)


def checked_map(message: Any) -> dict[str, Any]:
    """Return what `to_map` does of a message that the other side would not refuse.

    Raises:
        ProtocolError: a value is of another type or out of range.
    """
    content = to_map(message)
    from_map(type(message), content)
    return content


def _read(kind: type[Any], name: str, read: Reader, value: object) -> Any:
    try:
        return read(value)
    except ValueError as error:
        raise ProtocolError(
            f"the field {name} of {kind.__name__} is wrong",
            expected=str(error),
            received=type(value).__name__,
            hint="Send the list itself, not its text"
            if str(error).startswith(_LIST) and isinstance(value, str)
            else "",
        ) from error


def _readers(kind: type[Any]) -> list[tuple[str, Reader, bool]]:
    """Return name, check and whether it is required, of each field; worked out once."""
    if kind not in _KNOWN:
        hints = get_type_hints(kind)
        _KNOWN[kind] = [
            (each.name, _reader(hints[each.name]), each.default is MISSING) for each in fields(kind)
        ]
    return _KNOWN[kind]


def _reader(hint: Any) -> Reader:
    """Return what checks a value against a type: one of `_SIMPLE`, a tuple of one, or either or None."""
    if isinstance(hint, UnionType):
        return _reader(get_args(hint)[0])  # None is written by leaving the field out
    if get_origin(hint) is tuple:
        read = _list_of(_reader(get_args(hint)[0]))
        return _numbers_or(read) if get_args(hint)[0] is float else read
    return _SIMPLE[hint]


def _list_of(read: Reader) -> Reader:
    def items(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise ValueError(f"{_LIST} {MAX_ITEMS}")
        return tuple(map(read, value))

    return items


def _numbers_or(items: Reader) -> Reader:
    """Return what reads a list of numbers like `items`, which is asked only about what may be wrong.

    Samples come in such lists: what each number costs, each sample costs four times.
    """

    def numbers(value: object) -> Any:
        if (
            not isinstance(value, list)
            or not 0 < len(value) <= MAX_ITEMS
            or not _NUMBERS.issuperset(map(type, value))
        ):
            return items(value)
        # Before any is made a float, which the largest integers of CBOR's tags would be too large for.
        if min(value) > -_LARGEST and max(value) < _LARGEST:
            read = tuple(map(float, value))
            if math.isfinite(sum(read)):  # a NaN makes the sum one
                return read
        return items(value)

    return numbers


def _unsigned(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MAX_UNSIGNED:
        raise ValueError("an integer from 0 to 2^32 - 1")
    return value


def _number(value: object) -> float:
    if type(value) is int and abs(value) <= _LARGEST:
        return float(value)
    if not isinstance(value, float) or not math.isfinite(value):
        raise ValueError("a finite number")
    return float(value)


def _flag(value: object) -> bool:
    if type(value) is not bool:
        raise ValueError("true or false")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value.encode()) > MAX_TEXT:
        raise ValueError(f"text of at most {MAX_TEXT} bytes")
    return value


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes) or len(value) > MAX_TEXT:
        raise ValueError(f"at most {MAX_TEXT} bytes")
    return value


_KNOWN: Final[dict[type[Any], list[tuple[str, Reader, bool]]]] = {}
_SIMPLE: Final[dict[Any, Reader]] = {
    int: _unsigned,
    float: _number,
    bool: _flag,
    str: _text,
    bytes: _bytes,
}
