"""The shapes of requests and answers, in JSON Schema as OpenAPI 3.1 takes it."""

from enum import StrEnum
from typing import Any, Final

from firmware_bridge.capability import Capability
from firmware_bridge.kiosk.refusal import Refusal
from sigverify.decision import Outcome, Reason
from sigverify.enrollment.addition import AdditionReason
from sigverify.enrollment.caution import Caution
from sigverify.errors import ConfigError
from sigverify.likeness import Worth
from sigverify.matching.aspect import Aspect
from sigverify.matching.scoring import Impostor
from sigverify.modality.pen.repair import Repair
from sigverify.modality.quality import Flaw
from sigverify.policy import Profile
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


def captured(schema: Schema, *, both: bool = False) -> Schema:
    """Return a schema with `strokes` or `image` beside what it has; or with `both` of one act of signing."""
    together = schema["properties"] | {"strokes": named("Strokes"), "image": IMAGE}
    either = [{"required": [name]} for name in ("strokes", "image")]
    return schema | {"properties": together, "anyOf" if both else "oneOf": either}


def _nullable(kind: str) -> Schema:
    return {"type": [kind, "null"]}


def _token(kind: type[StrEnum]) -> Schema:
    """Return the schema of a token: one of these, in the order of the enum."""
    return {"enum": [each.value for each in kind]}


TEXT: Final[Schema] = {"type": "string"}
FLAG: Final[Schema] = {"type": "boolean"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
NUMBER: Final[Schema] = {"type": "number"}
MODALITY: Final[Schema] = {"type": "string", "enum": ["pen", "image"]}
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
MAX_IMAGE_TEXT: Final = 4 * 2**20 - 4096
"""Characters of a picture in base64, 3 MB of it: with a name and strokes beside it, it fits into a body."""
IMAGE: Final[Schema] = {
    "type": "string",
    "contentEncoding": "base64",
    "maxLength": MAX_IMAGE_TEXT,
    "description": "A picture of the signature: a PNG, JPEG, … file of at most 16 megapixels "
    "(a JPEG of 64), in base64.",
}
_DECISION: Final = shape(
    outcome=_token(Outcome),
    accepted=FLAG | {"description": "The one answer; the rest says why."},
    reason=_token(Reason),
    score=_nullable("number") | {"description": "0 to 1; null where the policy hides it."},
    threshold=_nullable("number"),
    confidence=_nullable("number"),
    unlike={"type": "array", "items": _token(Aspect)},
    missing={"type": "array", "items": _token(Aspect)},
    flaw={"enum": [*_token(Flaw)["enum"], None]},
    retry_after_s=NUMBER | {"description": "Seconds to wait before the next try; 0: none."},
    latency_ms=_nullable("number"),
    scores={
        "type": "object",
        "description": "Of strokes and a picture together, the score of each kind that counts.",
        "additionalProperties": NUMBER,
    },
    left_out={
        "type": "array",
        "description": "Kinds that were shown and do not count: too poor, or nobody enrolled by them.",
        "items": MODALITY,
    },
)
DECISION: Final = optional(_DECISION, "scores", "left_out")
ADDITION: Final = shape(
    accepted=FLAG,
    reason=_token(AdditionReason),
    remaining=COUNT,
    duration_ms=NUMBER,
    complexity=NUMBER,
    flaw={"enum": [*_token(Flaw)["enum"], None]},
    repairs={"type": "array", "items": _token(Repair)},
)
RECEIPT: Final = shape(
    user_id=USER_ID,
    references=COUNT,
    template_bytes=COUNT,
    model_id=TEXT,
    created_ms=COUNT | {"description": "Since 1970, in UTC."},
    complexity=NUMBER,
    consistency=NUMBER,
    reasons={"type": "array", "items": _token(AdditionReason)},
    latency_ms=NUMBER,
    strangers=_nullable("number")
    | {
        "description": "Share of strangers expected to match by the threshold of all people; null: not known."
    },
    cautions={"type": "array", "items": _token(Caution), "description": "What somebody should know of it."},
)
INFO: Final = shape(
    version=TEXT,
    model=TEXT,
    operator=FLAG | {"description": "Whether the caller is an operator."},
    open=FLAG | {"description": "Whether everybody is."},
    may={"type": "array", "items": _token(Capability), "description": "What the caller is allowed."},
    references=COUNT | {"description": "Signatures of one enrollment."},
    keyboard=FLAG | {"description": "Whether the page shows keys of its own."},
    modalities={"type": "array", "items": MODALITY, "description": "Strokes, pictures: what is taken."},
    signed_only=FLAG | {"description": "Whether captures are taken from a pen that signs alone: none here."},
)
MATCHES: Final = shape(
    matches={"type": "array", "items": shape(user_id=USER_ID, score=_nullable("number"))},
    flaw={"enum": [*_token(Flaw)["enum"], None]}
    | {"description": "What makes the capture too poor to be compared: then nobody is named."},
)
SIMILARITY: Final = shape(
    kind=MODALITY,
    references=COUNT,
    impostor=_token(Impostor) | {"description": "Whom the rates count."},
    score=_nullable("number") | {"description": "0 to 1; null where a capture is too poor."},
    rate=_nullable("number") | {"description": "The false-match rate at which it would just be accepted."},
    same_writer=shape(**{profile.value: FLAG for profile in Profile})
    | {"description": "Whether it would be accepted, by how strict one is."},
    unlike={"type": "array", "items": _token(Aspect)},
    missing={"type": "array", "items": _token(Aspect)},
    flaws={
        "type": "array",
        "description": "Of the probe, then of each reference; null: fit to be compared.",
        "items": {"enum": [*_token(Flaw)["enum"], None]},
    },
    copy=FLAG | {"description": "Whether the probe is a reference once more, which is never accepted."},
    note=_token(Worth) | {"description": "What so many references are worth."},
)
ERROR: Final = shape(
    error=TEXT | {"description": "The error's class."},
    status=COUNT | {"description": "Its stable number; see sigverify/errors.py."},
    reason={"enum": [*_token(Refusal)["enum"], None], "description": "Of what the page itself refuses."},
    capability={
        "enum": [*_token(Capability)["enum"], None],
        "description": "Which one is lacking, where that is why.",
    },
    message=TEXT | {"description": "In English, for the log; decide by the others."},
    retry_after_s=NUMBER,
)

SCHEMAS: Final[dict[str, Schema]] = {
    "Point": POINT,
    "Strokes": STROKES,
    "Decision": DECISION,
    "Addition": ADDITION,
    "EnrollmentReceipt": RECEIPT,
    "Info": INFO,
    "Matches": MATCHES,
    "Similarity": SIMILARITY,
    "Error": ERROR,
}


def named(name: str) -> Schema:
    """Return a reference to one of `SCHEMAS`."""
    if name not in SCHEMAS:
        raise ConfigError("no schema of that name", expected=", ".join(SCHEMAS), received=name)
    return {"$ref": f"#/components/schemas/{name}"}
