"""`declarations`: `sigverify.d.ts`, the types of the client, made of what the REST interface says of itself.

python -m firmware_bridge.node_client.declare       # writes the file; a test compares it
"""

import json
from pathlib import Path
from typing import Any, Final

from firmware_bridge.kiosk.openapi import description

FILE: Final = Path(__file__).with_name("sigverify.d.ts")
_PLAIN: Final = {
    "integer": "number",
    "number": "number",
    "string": "string",
    "boolean": "boolean",
    "null": "null",
}
_HEAD: Final = """\
// Made by `python -m firmware_bridge.node_client.declare`; what each method does stands in sigverify.js.
"""
_CLIENT: Final = """\
/** What is asked about: strokes, the file of a picture, or both of one act of signing. */
export type Capture =
  | { strokes: Strokes; image?: undefined }
  | { strokes?: undefined; image: Uint8Array | ArrayBuffer | Blob }
  | { strokes: Strokes; image: Uint8Array | ArrayBuffer | Blob };

export const OPERATIONS: Readonly<Record<string, readonly [method: string, path: string]>>;

export class Refused extends Error {
  readonly status: number;
  readonly reason: Error_["reason"];
  readonly capability: Error_["capability"];
  readonly retryAfterS: number;
  readonly http: number;
}

export class Unreachable extends Error {}

export class Kiosk {
  constructor(url: string | URL, options?: { token?: string | null; timeoutMs?: number });
  health(): Promise<boolean>;
  info(): Promise<Info>;
  signIn(code: string): Promise<void>;
  signOut(): Promise<void>;
  verify(userId: string, capture: Capture): Promise<Decision>;
  identify(capture: Capture): Promise<Matches["matches"]>;
  similarity(probe: Capture, references: readonly Capture[]): Promise<Similarity>;
  enroll(
    userId: string,
    next: (remaining: number, refused: Addition | null) => Capture | Promise<Capture>,
    options?: { replace?: boolean; modality?: "pen" | "image" },
  ): Promise<EnrollmentReceipt>;
  users(): Promise<string[]>;
  forget(userId: string): Promise<Record<string, never>>;
  unlock(userId?: string | null): Promise<Record<string, never>>;
}
"""


def declarations() -> str:
    """Return the file's content."""
    schemas = description()["components"]["schemas"]
    types = [
        f"{_comment(schema, '')}export type {_name(name)} = {_type(schema, '')};\n"
        for name, schema in schemas.items()
    ]
    return "\n".join([_HEAD, *types, _CLIENT])


def _name(name: str) -> str:
    """Return the name of a type: `Error` is JavaScript's own."""
    return f"{name}_" if name == "Error" else name


def _comment(schema: dict[str, Any], indent: str) -> str:
    return f"{indent}/** {schema['description']} */\n" if "description" in schema else ""


def _type(schema: dict[str, Any], indent: str) -> str:
    """Return a JSON schema of the kinds that the interface uses as a type of TypeScript."""
    if "$ref" in schema:
        return _name(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return " | ".join(map(json.dumps, schema["enum"]))
    kind = schema["type"]
    if kind == "array":
        return f"Array<{_type(schema['items'], indent)}>"
    if kind == "object":
        return _object(schema, indent)
    return " | ".join(_PLAIN[each] for each in ([kind] if isinstance(kind, str) else kind))


def _object(schema: dict[str, Any], indent: str) -> str:
    if "properties" not in schema:
        return f"Record<string, {_type(schema['additionalProperties'], indent)}>"
    deeper = indent + "  "
    lines = []
    for name, its in schema["properties"].items():
        optional = "" if name in schema["required"] else "?"
        lines.append(f"{_comment(its, deeper)}{deeper}{name}{optional}: {_type(its, deeper)};\n")
    return f"{{\n{''.join(lines)}{indent}}}"


if __name__ == "__main__":
    FILE.write_text(declarations(), "utf-8")
