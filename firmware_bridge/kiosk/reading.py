"""`read_body` and `check`: JSON that came from outside, held against the schemas that describe it."""

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from firmware_bridge.kiosk.schemas import Schema
from sigverify.errors import FormatError, one_line
from sigverify.formats.signature_pad import TEXT_HINT

MAX_TEXT: Final = 200
"""Characters, where a schema says nothing else."""

_TYPES: Final = {"string": str, "boolean": bool, "array": list}


def read_body(content: bytes | str, schema: Schema) -> dict[str, Any]:
    """Parse a JSON object and check it; empty content is an empty object.

    Raises:
        FormatError: not JSON, or not as `schema` wants it.
    """
    try:
        given = json.loads(content or "{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FormatError("the request is not JSON", received=one_line(error)) from None
    if not isinstance(given, dict):
        raise FormatError("the request is no object", expected="{…}", received=type(given).__name__)
    return check(given, schema)


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
