"""`read_body` and `check`: JSON that came from outside, held against the schemas that describe it."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn, TypeVar

from firmware_bridge.kiosk.schemas import Schema
from sigverify.errors import FormatError, one_line
from sigverify.formats.signature_pad import TEXT_HINT

V = TypeVar("V")

MAX_TEXT: Final = 200
"""Characters, where a schema says nothing else."""
MAX_CONTAINERS: Final = 32_768
"""Objects and arrays in one body: of one a point that is two minutes of writing at 240 Hz."""
MAX_VALUES: Final = 5 * MAX_CONTAINERS
"""Values in one body: a point and its four numbers. Without a bound 4 MB of JSON became 225 MB of objects."""
MAX_DEPTH: Final = 16
"""Of objects and arrays within one another; what is described here nests seven deep."""

_TEXTS: Final = re.compile(r'"(?:[^"\\]|\\.)*+"')

_TYPES: Final = {"string": str, "boolean": bool, "array": list}


def read_body(content: bytes | str, schema: Schema) -> dict[str, Any]:
    """Parse a JSON object and check it; empty content is an empty object.

    Raises:
        FormatError: not JSON, more of it than anything here has, a name twice in one object, or not as
            `schema` wants it.
    """
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        _check_bounds(text)
        given = json.loads(text or "{}", object_pairs_hook=once, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FormatError("the request is not JSON", received=one_line(error)) from None
    if not isinstance(given, dict):
        raise FormatError("the request is no object", expected="{…}", received=type(given).__name__)
    return check(given, schema)


def once(pairs: Sequence[tuple[str, V]]) -> dict[str, V]:
    """Return names and values as a dictionary: of two values of one name nobody could say which is meant.

    Raises:
        FormatError: a name comes twice.

    >>> once([("user_id", "alice")])
    {'user_id': 'alice'}
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        raise FormatError("a property comes twice", expected="each name once")
    return found


def _check_bounds(text: str) -> None:
    """Refuse what would take much memory once parsed, before it is.

    What starts, or separates, values is counted wherever it stands, in texts too: so nothing is missed, and
    no text here has many of these.

    Raises:
        FormatError: too many values, or too deep.
    """
    containers = text.count("{") + text.count("[")
    values = containers + text.count(",") + text.count(":") + text.count('"') // 2
    if containers > MAX_CONTAINERS or values > 3 * MAX_VALUES:  # a key is a text with a colon and a comma
        raise FormatError(
            "too much in one request",
            expected=f"at most {MAX_CONTAINERS} objects and {MAX_VALUES} values",
        )
    depth = 0
    for mark in re.findall(r"[][{}]", _TEXTS.sub("", text)):
        depth += 1 if mark in "[{" else -1
        if depth > MAX_DEPTH:
            raise FormatError("a request nests too deeply", expected=f"at most {MAX_DEPTH} deep")


def check(given: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """Check an object's properties: none missing, none unknown, each of its type and length.

    References to other schemas are left to who reads the signature.

    Raises:
        FormatError: naming the property.

    >>> check({"user_id": "alice"}, {"properties": {"user_id": {"type": "string"}}, "required": ["user_id"]})
    {'user_id': 'alice'}
    """
    for name in schema["required"]:
        if name not in given:
            raise FormatError(f"{name} is missing", expected=", ".join(schema["properties"]))
    for name, value in given.items():
        if name not in schema["properties"]:
            raise FormatError("an unknown property", expected=", ".join(schema["properties"]) or "none")
        _check_value(name, value, schema["properties"][name])
    return dict(given)


def _check_value(name: str, value: object, schema: Schema) -> None:
    kind = schema.get("type")
    if kind in _TYPES and not isinstance(value, _TYPES[kind]):
        as_text = kind == "array" and isinstance(value, str)
        raise FormatError(
            f"{name} is text" if as_text else f"{name} is of another type",
            expected=kind,
            received=type(value).__name__,
            hint=TEXT_HINT if as_text else "",
        )
    if value != schema.get("const", value):
        raise FormatError(f"{name} is another one", expected=schema["const"])
    if isinstance(value, str):
        if not _is_text(value):
            raise FormatError(f"{name} is not text", expected="whole characters", received="half of a pair")
        least, most = schema.get("minLength", 0), schema.get("maxLength", MAX_TEXT)
        if not least <= len(value) <= most:
            raise FormatError(
                f"{name} is too short or too long",
                expected=f"{least} to {most} characters",
                received=f"{len(value)}",
            )


def _is_text(value: str) -> bool:
    """Whether this can be written as UTF-8: JSON knows halves of surrogate pairs, nothing else does."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
