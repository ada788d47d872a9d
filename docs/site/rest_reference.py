"""The reference of the kiosk's REST interface, as Markdown, from its OpenAPI description."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

HEAD: Final = """\
# REST

What `sigverify kiosk` answers to programs, made from the description that it gives at `/openapi.json`.
Who may ask for what, tokens and the WebSocket: [The kiosk's page](../kiosk.md).

"""


def rest_reference() -> str:
    """Return every operation, what it takes and gives, and the named schemas."""
    from firmware_bridge.kiosk.openapi import description

    document = description()
    lines = [HEAD, document["info"]["description"], ""]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            lines += _operation(f"{method.upper()} {path}", operation)
    lines += ["## Schemas", ""]
    for name, schema in document["components"]["schemas"].items():
        lines += [f"### {name}", "", schema.get("description", ""), "", *_properties(_inner(schema)), ""]
    return "\n".join(lines) + "\n"


def _operation(name: str, operation: Mapping[str, Any]) -> list[str]:
    lines = [f"## {name}", "", operation["summary"], ""]
    parameters = [each for each in operation["parameters"] if each["in"] != "header"]
    if parameters:
        lines += ["In the address:", "", "| | | |", "|---|---|---|"]
        lines += [_row(each["name"], each["schema"], each.get("required", False)) for each in parameters]
        lines.append("")
    if "requestBody" in operation:
        lines += ["Takes:", "", *_properties(_json(operation["requestBody"])), ""]
    answer = _json(operation["responses"]["200"])
    if "$ref" in answer or "items" in answer:
        gives = _type(answer)
    else:
        gives = "an object:" if answer.get("properties") else "an empty object."
    lines += [f"Gives {gives}", ""]
    return [*lines, *([] if "$ref" in answer else _properties(answer)), ""]


def _json(holder: Mapping[str, Any]) -> dict[str, Any]:
    return dict(holder.get("content", {}).get("application/json", {}).get("schema", {}))


def _inner(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a list is of, or the schema itself."""
    inner: Mapping[str, Any] = schema.get("items", schema)
    return inner


def _properties(schema: Mapping[str, Any]) -> Iterator[str]:
    properties = schema.get("properties", {})
    if properties:
        yield from ("| | | |", "|---|---|---|")
        for name, each in properties.items():
            yield _row(name, each, name in schema.get("required", ()))


def _row(name: str, schema: Mapping[str, Any], required: bool) -> str:
    said = [schema.get("description", ""), _bounds(schema), "**Required.**" if required else ""]
    return f"| `{name}` | {_type(schema)} | {' '.join(filter(None, said)).replace('|', '&#124;')} |"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return ", ".join("null" if each is None else f"`{each}`" for each in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "items" in schema:
        return f"list of {_type(schema['items'])}"
    kind = schema.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else kind


def _bounds(schema: Mapping[str, Any]) -> str:
    """Return what a value may be at least and at most."""
    words = {
        "minimum": "At least {}.", "maximum": "At most {}.", "exclusiveMinimum": "Above {}.",
        "exclusiveMaximum": "Below {}.", "maxLength": "At most {} characters.", "maxItems": "At most {}.",
    }  # fmt: skip
    return " ".join(said.format(schema[name]) for name, said in words.items() if name in schema)
