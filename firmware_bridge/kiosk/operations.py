"""The REST interface as a table: each operation, who may ask for it, what it takes, gives and does.

The routes (`app`) and the OpenAPI description (`openapi`) are both made of `OPERATIONS`.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import sigverify
from firmware_bridge.capability import Capability
from firmware_bridge.kiosk.asked import Asked
from firmware_bridge.kiosk.kiosk import Kiosk
from firmware_bridge.kiosk.reading import check, read_body
from firmware_bridge.kiosk.refusal import Refusal, Refused
from firmware_bridge.kiosk.schemas import (
    COUNT,
    FLAG,
    MODALITY,
    TEXT,
    USER_ID,
    Schema,
    captured,
    named,
    optional,
    shape,
)
from sigverify.actor import acting
from sigverify.audit import Event
from sigverify.errors import FormatError
from sigverify.formats.signature_pad import from_groups
from sigverify.matching.scoring import MAX_REFERENCES
from sigverify.modality.image.decoding import decode_sent
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.pen.signature import Signature
from sigverify.policy.lockout import DEVICE
from sigverify.template import mixed_scripts

Answer = dict[str, Any]
Capture = Signature | SignatureImage
CAPTURE: Final = captured(shape())
"""One of several captures in a body."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, checked.

    Attributes:
        given: the body, the query and the path's parameters, by name.
        operator: whether the caller is one.
        may: what the caller is allowed.
        session: the operator's session that the caller named.
    """

    given: Mapping[str, Any]
    operator: bool
    may: frozenset[Capability]
    session: str | None

    def demand(self, capability: Capability, hint: str = "") -> None:
        """Refuse whoever may not.

        Raises:
            Refused: not allowed; it names the capability.
        """
        if capability not in self.may:
            reason = Refusal.NOT_ALLOWED if self.operator else Refusal.OPERATORS_ONLY
            raise Refused(reason, hint=hint or f"It takes the capability {capability}", capability=capability)

    def captures(self, kiosk: Kiosk) -> tuple[Capture, ...]:
        """Return the signature in the body: strokes, a picture, or both.

        Raises:
            Refused: captures have to be signed by a pen, and no browser can do that.
            FormatError, InvalidSignature: neither, or no signature.
        """
        _refuse_browsers(kiosk)
        strokes = [from_groups(self.given["strokes"])] if "strokes" in self.given else []
        images = [_picture(kiosk, self.given["image"])] if "image" in self.given else []
        if not strokes and not images:
            raise FormatError("there is no signature", expected="strokes or image")
        return (*strokes, *images)

    def capture(self, kiosk: Kiosk) -> Capture:
        """Return the signature in the body: strokes or a picture.

        Raises:
            FormatError, InvalidSignature: neither, both, or no signature.
        """
        if "strokes" in self.given and "image" in self.given:
            raise FormatError("two captures where one is wanted", expected="strokes or image")
        return self.captures(kiosk)[0]


def _refuse_browsers(kiosk: Kiosk) -> None:
    """Take nothing that a browser captured, where captures have to be signed by a pen."""
    if kiosk.signed_only:
        raise Refused(Refusal.SIGNED_ONLY, hint="Attach the pen to `sigverify serve --capture-keys`")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One row of the table.

    Attributes:
        method, path: what is asked; the path's `{names}` are text.
        needs: what the caller must be allowed; None: anybody may ask.
        summary: a sentence about it.
        do: carries it out.
        gives, takes, query: what describes the answer, the body and the query.
        alone: it needs nothing that is kept from one request to the next: any process may carry it out.
        writes: to the store, unless a try is refused before.
    """

    method: str
    path: str
    needs: Capability | None
    summary: str
    do: Callable[[Kiosk, Call], Answer]
    gives: Schema
    takes: Schema | None = None
    query: Mapping[str, Schema] = field(default_factory=dict)
    alone: bool = False
    writes: bool = False

    @property
    def name(self) -> str:
        """Its name in the OpenAPI description."""
        return self.do.__name__.strip("_")

    def carry_out(self, kiosk: Kiosk, asked: Asked) -> Answer:
        """Check a request, and do what it asks.

        Raises:
            Refused: not allowed.
            SigverifyError: it makes no sense, or cannot be done.
        """
        call = Call(given={}, operator=asked.operator, may=asked.may, session=asked.session)
        if self.needs is not None:
            call.demand(self.needs, "" if call.operator else "Sign in with the operator's code")
        query = check(asked.query, shape(**self.query))
        given = read_body(asked.body, self.takes or shape())
        with acting(asked.actor):
            return self.do(kiosk, replace(call, given={**given, **query, **asked.path}))


def health(kiosk: Kiosk, _call: Call) -> Answer:
    """Tell that the page, the model and the store are there, and that the store takes what is written."""
    _ = kiosk.verifier(operator=False).store.models()  # reads the store: raises where it is gone
    kiosk.failures.check()
    return {"healthy": True}


def info(kiosk: Kiosk, call: Call) -> Answer:
    """Tell what the page needs to know at its start."""
    return {
        "version": sigverify.__version__,
        "model": kiosk.verifier(operator=False).model.manifest.name,
        "operator": call.operator,
        "open": kiosk.operators.open_to_all,
        "references": kiosk.settings.references,
        "keyboard": kiosk.settings.keyboard,
        "may": sorted(call.may),
        "modalities": kiosk.modalities(call.may),
        "signed_only": kiosk.signed_only,
    }


def sign_in(kiosk: Kiosk, call: Call) -> Answer:
    """Make an operator of whoever knows the code."""
    return {"session": kiosk.operators.sign_in(call.given["code"])}


def sign_out(kiosk: Kiosk, call: Call) -> Answer:
    """Make a visitor of an operator."""
    kiosk.operators.sign_out(call.session)
    return {}


def verify(kiosk: Kiosk, call: Call) -> Answer:
    """Decide whether a signature is that person's."""
    if "image" in call.given:
        call.demand(Capability.IMAGES, "Sign on the pad, or ask for --visitor-pictures")
    verifier = kiosk.verifier(operator=call.operator)
    return verifier.verify(call.given["user_id"], call.captures(kiosk)).to_dict()


def identify(kiosk: Kiosk, call: Call) -> Answer:
    """Find whose signature it is; nobody, where it is a stranger's."""
    verifier = kiosk.verifier(operator=True)
    found = verifier.identify(call.capture(kiosk), top_k=5, fpir=kiosk.settings.fpir)
    if found:
        kiosk.settle(Event.IDENTIFIED, found[0].user_id, failed=False)
    else:
        kiosk.settle(Event.NOT_IDENTIFIED, failed=True)
    return found.to_dict()


def similarity(kiosk: Kiosk, call: Call) -> Answer:
    """Say how alike a signature is to others, of nobody who need be enrolled."""
    shown = [call.given["probe"], *call.given["references"]]
    if len(shown) - 1 > MAX_REFERENCES:  # before any of them is decoded
        raise FormatError(
            "too many references", expected=f"at most {MAX_REFERENCES}", received=str(len(shown) - 1)
        )
    probe, *references = [_within(call, each).capture(kiosk) for each in shown]
    similarity = kiosk.verifier(operator=True).similarity(probe, references)
    kiosk.settle(Event.COMPARED, failed=not similarity)
    return similarity.to_dict()


def begin_enrollment(kiosk: Kiosk, call: Call) -> Answer:
    """Begin to enroll somebody; nothing is stored before the commit."""
    _refuse_browsers(kiosk)
    if call.given.get("replace", False):
        call.demand(Capability.REPLACE)
    enrollment = kiosk.verifier(operator=True).enrollment(
        call.given["user_id"],
        references=kiosk.settings.references,
        replace=call.given.get("replace", False),
        modality=call.given.get("modality"),
    )
    return {
        "enrollment": kiosk.enrollments.begin(enrollment),
        "remaining": enrollment.remaining,
        "mixed_scripts": list(mixed_scripts(call.given["user_id"])),
    }


def add_signature(kiosk: Kiosk, call: Call) -> Answer:
    """Take a signature as a reference, or say why not."""
    signature = call.capture(kiosk)
    with kiosk.enrollments.use(call.given["enrollment"]) as enrollment:
        return enrollment.add(signature).to_dict()


def commit_enrollment(kiosk: Kiosk, call: Call) -> Answer:
    """Store the references, all of them or, where anything is wrong, none."""
    return kiosk.enrollments.commit(call.given["enrollment"]).to_dict()


def cancel_enrollment(kiosk: Kiosk, call: Call) -> Answer:
    """Forget an enrollment that was not committed, and its signatures."""
    kiosk.enrollments.end(call.given["enrollment"])
    return {}


def users(kiosk: Kiosk, _call: Call) -> Answer:
    """List who is enrolled."""
    kiosk.note(Event.LISTED)
    return {"user_ids": list(kiosk.verifier(operator=True).users())}


def forget(kiosk: Kiosk, call: Call) -> Answer:
    """Delete a person's references for good."""
    kiosk.verifier(operator=True).forget(call.given["user_id"])
    return {}


def unlock(kiosk: Kiosk, call: Call) -> Answer:
    """End the wait of a user, or without a name that of the whole device."""
    kiosk.verifier(operator=True).unlock(call.given.get("user_id", DEVICE))
    return {}


def _within(call: Call, capture: object) -> Call:
    """Return a call that has one of several captures in its body.

    Raises:
        FormatError: it is not as `CAPTURE` says.
    """
    if not isinstance(capture, dict):
        raise FormatError(
            "no capture", expected='{"strokes": …} or {"image": …}', received=type(capture).__name__
        )
    return replace(call, given=check(capture, CAPTURE))


def _picture(kiosk: Kiosk, text: str) -> SignatureImage:
    """Return the picture that a body holds; one is decoded at a time, as each may take much memory.

    Raises:
        FormatError, InvalidSignature: no base64, or no picture of a signature.
    """
    try:
        file = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError(
            "image is not base64",
            expected="the file's bytes in base64",
            hint="Without line breaks, and without what comes before the comma of a data URL",
        ) from error
    with kiosk.decoding:
        return SignatureImage(decode_sent(file))


_NOTHING: Final = shape()

OPERATIONS: Final = (
    Operation(
        method="GET", path="/api/health", needs=None, do=health,
        summary="Whether the page, the model and the store are there.",
        gives=shape(healthy=FLAG),
    ),
    Operation(
        method="GET", path="/api/info", needs=None, do=info,
        summary="What the page needs to know at its start.",
        gives=named("Info"),
    ),
    Operation(
        method="POST", path="/api/operator", needs=None, do=sign_in, writes=True,
        summary="Become an operator by the code.",
        takes=shape(code=TEXT), gives=shape(session=TEXT),
    ),
    Operation(
        method="DELETE", path="/api/operator", needs=None, do=sign_out,
        summary="Be a visitor again.",
        gives=_NOTHING,
    ),
    Operation(
        method="POST", path="/api/verify", needs=Capability.VERIFY, do=verify, alone=True, writes=True,
        summary="Decide whether a signature is that person's. A rejection is an answer, not an error.",
        takes=captured(shape(user_id=USER_ID), both=True), gives=named("Decision"),
    ),
    Operation(
        method="POST", path="/api/identify", needs=Capability.IDENTIFY, do=identify, alone=True, writes=True,
        summary="Find whose signature it is, best first; nobody, where it is a stranger's.",
        takes=captured(shape()), gives=named("Matches"),
    ),
    Operation(
        method="POST", path="/api/similarity", needs=Capability.COMPARE, do=similarity,
        alone=True, writes=True,
        summary="Say how alike a signature is to others by one person, of whom nobody need be enrolled.",
        takes=shape(
            probe=CAPTURE,
            references={
                "type": "array", "items": CAPTURE, "minItems": 1, "maxItems": MAX_REFERENCES,
            },
        ),
        gives=named("Similarity"),
    ),
    Operation(
        method="POST", path="/api/enrollments", needs=Capability.ENROLL, do=begin_enrollment,
        summary="Begin to enroll somebody; nothing is stored before the commit.",
        takes=optional(shape(user_id=USER_ID, replace=FLAG, modality=MODALITY), "replace", "modality"),
        gives=shape(enrollment=TEXT, remaining=COUNT, mixed_scripts={"type": "array", "items": TEXT}),
    ),
    Operation(
        method="POST", path="/api/enrollments/{enrollment}/signatures",
        needs=Capability.ENROLL, do=add_signature,
        summary="Take a signature as a reference, or say why not.",
        takes=captured(shape()), gives=named("Addition"),
    ),
    Operation(
        method="POST", path="/api/enrollments/{enrollment}/commit",
        needs=Capability.ENROLL, do=commit_enrollment, writes=True,
        summary="Store the references, all or none.",
        gives=named("EnrollmentReceipt"),
    ),
    Operation(
        method="DELETE", path="/api/enrollments/{enrollment}", needs=Capability.ENROLL, do=cancel_enrollment,
        summary="Forget an enrollment under way, and its signatures.",
        gives=_NOTHING,
    ),
    Operation(
        method="GET", path="/api/users", needs=Capability.USERS, do=users, writes=True,
        summary="Who is enrolled.",
        gives=shape(user_ids={"type": "array", "items": USER_ID}),
    ),
    Operation(
        method="DELETE", path="/api/users", needs=Capability.FORGET, do=forget, query={"user_id": USER_ID},
        writes=True,
        summary="Delete a person's references for good.",
        gives=_NOTHING,
    ),
    Operation(
        method="POST", path="/api/unlock", needs=Capability.UNLOCK, do=unlock, writes=True,
        summary="End the wait of a user, or without a name that of the whole device.",
        takes=optional(shape(user_id=USER_ID), "user_id"), gives=_NOTHING,
    ),
)  # fmt: skip
