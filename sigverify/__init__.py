"""Verify handwritten signatures on the device that captured them.

>>> import sigverify
>>> verifier = sigverify.Verifier.open("kiosk.db", model="base")             # doctest: +SKIP
>>> verifier.enroll("alice", [first, second, third, fourth, fifth])          # doctest: +SKIP
>>> verifier.verify("alice", probe, fmr=0.01).accepted                       # doctest: +SKIP
True

Everything public is listed in `__all__`. A name is loaded when it is first used, so that importing this
package costs next to nothing, and using it loads numpy and nothing heavier.
"""

import importlib
from typing import Any, Final

__version__ = "0.1.0"

_HOMES: Final = {
    "Actor": "sigverify.actor",
    "Addition": "sigverify.enrollment.addition",
    "AdditionReason": "sigverify.enrollment.addition",
    "Aspect": "sigverify.matching.aspect",
    "AuditLog": "sigverify.audit",
    "CaptureKeys": "sigverify.signed.capture_keys",
    "CaptureSigner": "sigverify.signed.signer",
    "Caution": "sigverify.enrollment.caution",
    "Decision": "sigverify.decision",
    "Enrollment": "sigverify.enrollment.enrollment",
    "EnrollmentReceipt": "sigverify.enrollment.receipt",
    "Impostor": "sigverify.matching.scoring",
    "IndexKind": "sigverify.search",
    "Key": "sigverify.protection.keys",
    "Manifest": "sigverify.manifest",
    "Match": "sigverify.search",
    "Matches": "sigverify.search",
    "Matcher": "sigverify.matcher",
    "Modality": "sigverify.modality.modality",
    "Model": "sigverify.model_file",
    "Outcome": "sigverify.decision",
    "Policy": "sigverify.policy",
    "Profile": "sigverify.policy",
    "Reason": "sigverify.decision",
    "Runtime": "sigverify.runtime.interpreters",
    "Schedule": "sigverify.policy",
    "Signature": "sigverify.modality.pen.signature",
    "SignatureImage": "sigverify.modality.image.signature_image",
    "SignedCapture": "sigverify.signed.signed_capture",
    "SigverifyError": "sigverify.errors",
    "Similarity": "sigverify.likeness",
    "SqliteStore": "sigverify.store",
    "Stations": "sigverify.protection.stations",
    "Store": "sigverify.store",
    "Template": "sigverify.template",
    "Trust": "sigverify.protection.signing",
    "Verifier": "sigverify.verifier",
    "acting": "sigverify.actor",
    "read_capture": "sigverify.formats",
    "read_signature": "sigverify.formats",
    "similarity": "sigverify.likeness",
}
"""Every public name and the module it lives in: the one list. `make golden` makes `__init__.pyi` of it, which
type checkers read."""

__all__ = sorted([*_HOMES, "__version__", "errors"])  # noqa: PLE0605  # a list, though not a literal one


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name == "errors":
        return importlib.import_module("sigverify.errors")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
