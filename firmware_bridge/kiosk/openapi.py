"""The OpenAPI 3.1 description of the REST interface, made of the same table as its routes."""

import re
from typing import Any

import sigverify
from firmware_bridge.kiosk.guard import OPEN, OPERATOR_HEADER, REQUEST_HEADER
from firmware_bridge.kiosk.kiosk import VISITOR
from firmware_bridge.kiosk.operations import OPERATIONS, Operation
from firmware_bridge.kiosk.schemas import SCHEMAS, Schema, named


def description() -> dict[str, Any]:
    """Return the document that /openapi.json gives."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "sigverify kiosk",
            "version": sigverify.__version__,
            "description": f"Every request but GET /api/health carries `{REQUEST_HEADER}: 1`, and of a page "
            "with a token `Authorization: Bearer`. The WebSocket /api/live is described in docs/kiosk.md.",
        },
        "paths": paths,
        "components": {"schemas": SCHEMAS, "securitySchemes": _SCHEMES},
    }


_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer"},
    "operator": {"type": "apiKey", "in": "header", "name": OPERATOR_HEADER},
}


def _operation(operation: Operation) -> dict[str, Any]:
    content: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "security": _security(operation),
        "parameters": _parameters(operation),
        "responses": {
            "200": _response("Done.", operation.gives),
            "default": _response("Nothing was done.", named("Error")),
        },
    }
    if operation.takes is not None:
        content["requestBody"] = {"required": True, "content": _json(operation.takes)}
    return content


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    if operation.path in OPEN:
        return [{}]
    by_session: dict[str, list[str]] = {"token": [], "operator": []}
    # A program has a token of its own, and no session.
    own_token: dict[str, list[str]] = {"token": []}
    return [own_token] if operation.needs is None or operation.needs in VISITOR else [by_session, own_token]


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", operation.path)
    path = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    query = [
        {"name": name, "in": "query", "required": True, "schema": schema}
        for name, schema in operation.query.items()
    ]
    header = {"name": REQUEST_HEADER, "in": "header", "required": True, "schema": {"const": "1"}}
    return [*path, *query, *([] if operation.path in OPEN else [header])]


def _response(words: str, schema: Schema) -> dict[str, Any]:
    return {"description": words, "content": _json(schema)}


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
