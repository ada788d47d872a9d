# Made by `make golden` of the table in __init__.py; do not edit.

from sigverify import errors as errors
from sigverify.actor import Actor as Actor
from sigverify.actor import acting as acting
from sigverify.audit import AuditLog as AuditLog
from sigverify.decision import Decision as Decision
from sigverify.decision import Outcome as Outcome
from sigverify.decision import Reason as Reason
from sigverify.enrollment.addition import Addition as Addition
from sigverify.enrollment.addition import AdditionReason as AdditionReason
from sigverify.enrollment.caution import Caution as Caution
from sigverify.enrollment.enrollment import Enrollment as Enrollment
from sigverify.enrollment.receipt import EnrollmentReceipt as EnrollmentReceipt
from sigverify.errors import SigverifyError as SigverifyError
from sigverify.formats import read_capture as read_capture
from sigverify.formats import read_signature as read_signature
from sigverify.likeness import Similarity as Similarity
from sigverify.likeness import similarity as similarity
from sigverify.manifest import Manifest as Manifest
from sigverify.matcher import Matcher as Matcher
from sigverify.matching.aspect import Aspect as Aspect
from sigverify.matching.scoring import Impostor as Impostor
from sigverify.modality.image.signature_image import SignatureImage as SignatureImage
from sigverify.modality.modality import Modality as Modality
from sigverify.modality.pen.signature import Signature as Signature
from sigverify.model_file import Model as Model
from sigverify.policy import Policy as Policy
from sigverify.policy import Profile as Profile
from sigverify.policy import Schedule as Schedule
from sigverify.protection.keys import Key as Key
from sigverify.protection.signing import Trust as Trust
from sigverify.protection.stations import Stations as Stations
from sigverify.runtime.interpreters import Runtime as Runtime
from sigverify.search import IndexKind as IndexKind
from sigverify.search import Match as Match
from sigverify.search import Matches as Matches
from sigverify.signed.capture_keys import CaptureKeys as CaptureKeys
from sigverify.signed.signed_capture import SignedCapture as SignedCapture
from sigverify.signed.signer import CaptureSigner as CaptureSigner
from sigverify.store import SqliteStore as SqliteStore
from sigverify.store import Store as Store
from sigverify.template import Template as Template
from sigverify.verifier import Verifier as Verifier

__version__: str
__all__ = [
    "Actor",
    "Addition",
    "AdditionReason",
    "Aspect",
    "AuditLog",
    "CaptureKeys",
    "CaptureSigner",
    "Caution",
    "Decision",
    "Enrollment",
    "EnrollmentReceipt",
    "Impostor",
    "IndexKind",
    "Key",
    "Manifest",
    "Match",
    "Matcher",
    "Matches",
    "Modality",
    "Model",
    "Outcome",
    "Policy",
    "Profile",
    "Reason",
    "Runtime",
    "Schedule",
    "Signature",
    "SignatureImage",
    "SignedCapture",
    "SigverifyError",
    "Similarity",
    "SqliteStore",
    "Stations",
    "Store",
    "Template",
    "Trust",
    "Verifier",
    "__version__",
    "acting",
    "errors",
    "read_capture",
    "read_signature",
    "similarity",
]
