"""The shapes of requests and answers, in JSON Schema as OpenAPI 3.1 takes it."""

from typing import Any, Final

from sigverify.decision import Outcome, Reason
from sigverify.enrollment.addition import AdditionReason
from sigverify.matching.aspect import Aspect
from sigverify.template import MAX_USER_ID

Schema = dict[str, Any]


def shape(**properties: Schema) -> Schema:
    """Return the schema of an object that has all these and nothing else."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def optional(schema: Schema, *names: str) -> Schema:
    """Return a schema in which those properties may be left out."""
    return schema | {"required": [name for name in schema["required"] if name not in names]}


def _nullable(kind: str) -> Schema:
    return {"type": [kind, "null"]}


TEXT: Final[Schema] = {"type": "string"}
FLAG: Final[Schema] = {"type": "boolean"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
NUMBER: Final[Schema] = {"type": "number"}
USER_ID: Final[Schema] = {"type": "string", "minLength": 1, "maxLength": MAX_USER_ID}

POINT: Final = {
    "type": "object",
    "description": "One sample: CSS pixels, milliseconds of one clock; pressure of all points or of none.",
    "properties": {"x": NUMBER, "y": NUMBER, "time": NUMBER, "pressure": {"type": "number", "minimum": 0}},
    "required": ["x", "y", "time"],
}
STROKES: Final = {
    "type": "array",
    "description": "One entry a stroke, as signature_pad's toData() gives them.",
    "items": {
        "type": "object",
        "properties": {"points": {"type": "array", "items": {"$ref": "#/components/schemas/Point"}}},
        "required": ["points"],
    },
}
DECISION: Final = shape(
    outcome={"enum": [outcome.name.lower() for outcome in Outcome]},
    accepted=FLAG,
    reason={"enum": [reason.value for reason in Reason]},
    score=_nullable("number") | {"description": "0 to 1; null where the policy hides it."},
    threshold=_nullable("number"),
    confidence=_nullable("number"),
    unlike={"type": "array", "items": {"enum": [aspect.value for aspect in Aspect]}},
    retry_after_s=NUMBER | {"description": "Seconds to wait before the next try; 0: none."},
)
ADDITION: Final = shape(
    accepted=FLAG,
    reason={"enum": [reason.value for reason in AdditionReason]},
    remaining=COUNT,
    complexity=NUMBER,
    duration_ms=NUMBER,
)
ENROLLMENT: Final = shape(user_id=USER_ID, references=COUNT, complexity=NUMBER, consistency=NUMBER)
INFO: Final = shape(
    version=TEXT,
    model=TEXT,
    operator=FLAG | {"description": "Whether the caller is an operator."},
    open=FLAG | {"description": "Whether everybody is."},
    references=COUNT | {"description": "Signatures of one enrollment."},
    keyboard=FLAG | {"description": "Whether the page shows keys of its own."},
)
MATCHES: Final = shape(
    matches={"type": "array", "items": shape(user_id=USER_ID, score=_nullable("number"))},
)
ERROR: Final = shape(
    error=TEXT | {"description": "The error's class."},
    status=COUNT | {"description": "Its stable number; see sigverify/errors.py."},
    message=TEXT,
    retry_after_s=NUMBER,
)

SCHEMAS: Final[dict[str, Schema]] = {
    "Point": POINT,
    "Strokes": STROKES,
    "Decision": DECISION,
    "Addition": ADDITION,
    "EnrollmentReceipt": ENROLLMENT,
    "Info": INFO,
    "Matches": MATCHES,
    "Error": ERROR,
}


def named(name: str) -> Schema:
    """Return a reference to one of `SCHEMAS`."""
    assert name in SCHEMAS
    return {"$ref": f"#/components/schemas/{name}"}
