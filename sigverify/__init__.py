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
from typing import TYPE_CHECKING, Any

from sigverify import errors
from sigverify.errors import SigverifyError

if TYPE_CHECKING:
    from sigverify.audit import AuditLog
    from sigverify.decision import Aspect, Decision, Outcome, Reason
    from sigverify.enrollment.enrollment import Addition, AdditionReason, Enrollment, EnrollmentReceipt
    from sigverify.formats import read_signature
    from sigverify.matching.scoring import Impostor
    from sigverify.modality.pen.signature import Signature
    from sigverify.model_file import Manifest, Model
    from sigverify.policy import Policy, Schedule
    from sigverify.protection.keys import Key
    from sigverify.protection.signing import Trust
    from sigverify.runtime.embedder import Runtime
    from sigverify.search import IndexKind, Match
    from sigverify.store import SqliteStore, Store
    from sigverify.template import Template
    from sigverify.verifier import Verifier

__version__ = "0.1.0"

__all__ = [
    "Addition",
    "AdditionReason",
    "Aspect",
    "AuditLog",
    "Decision",
    "Enrollment",
    "EnrollmentReceipt",
    "Impostor",
    "IndexKind",
    "Key",
    "Manifest",
    "Match",
    "Model",
    "Outcome",
    "Policy",
    "Reason",
    "Runtime",
    "Schedule",
    "Signature",
    "SigverifyError",
    "SqliteStore",
    "Store",
    "Template",
    "Trust",
    "Verifier",
    "__version__",
    "errors",
    "read_signature",
]

_HOMES = {
    "Addition": "enrollment.enrollment",
    "AdditionReason": "enrollment.enrollment",
    "Aspect": "decision",
    "AuditLog": "audit",
    "Decision": "decision",
    "Enrollment": "enrollment.enrollment",
    "EnrollmentReceipt": "enrollment.enrollment",
    "Impostor": "matching.scoring",
    "IndexKind": "search",
    "Key": "protection.keys",
    "Manifest": "model_file",
    "Match": "search",
    "Model": "model_file",
    "Outcome": "decision",
    "Policy": "policy",
    "Reason": "decision",
    "Runtime": "runtime.embedder",
    "Schedule": "policy",
    "Signature": "modality.pen.signature",
    "SqliteStore": "store",
    "Store": "store",
    "Template": "template",
    "Trust": "protection.signing",
    "Verifier": "verifier",
    "read_signature": "formats",
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
