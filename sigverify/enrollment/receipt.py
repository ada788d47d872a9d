"""`EnrollmentReceipt`: what became of one enrollment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sigverify.enrollment.addition import AdditionReason
from sigverify.enrollment.caution import Caution
from sigverify.template import mixed_scripts


@dataclass(frozen=True, kw_only=True)
class EnrollmentReceipt:
    """What was stored by one enrollment. It is neither yes nor no: see `flawless`.

    Attributes:
        user_id: who.
        references: how many signatures were taken.
        template_bytes: size of what is stored.
        model_id: of the model that the template is bound to.
        created: when.
        complexity: 0 to 1, of the simplest reference; see `Quality`.
        consistency: 0 to 1, the least score of a reference against the others; 1 for one reference; None
            where it is hidden from a caller that is not trusted.
        reasons: of each reference why it was taken, or would not have been; all `TAKEN` where enforced.
        latency_ms: from the call until it was safely stored.
        strangers: 0 to 1, the share of strangers expected to match by the threshold of all people, before it
            is raised for this one; None where the model cannot tell, or it is hidden.
        cautions: what somebody should know of it, see `Caution`; usually nothing.
        also: of an enrollment by several kinds of capture, the receipts of the others, by modality.
    """

    user_id: str
    references: int
    template_bytes: int
    model_id: str
    created: datetime
    complexity: float
    consistency: float | None
    reasons: tuple[AdditionReason, ...]
    latency_ms: float
    strangers: float | None = None
    cautions: tuple[Caution, ...] = ()
    also: Mapping[str, "EnrollmentReceipt"] = field(default_factory=dict, hash=False)

    def __bool__(self) -> bool:
        raise TypeError("an EnrollmentReceipt is neither true nor false: ask it whether it is .flawless")

    @property
    def mixed_scripts(self) -> tuple[str, ...]:
        """The scripts that the user id mixes, where these are not written together; see `mixed_scripts`."""
        return mixed_scripts(self.user_id)

    @property
    def flawless(self) -> bool:
        """Whether nothing is wrong with any reference."""
        return all(self.reasons) and all(each.flawless for each in self.also.values())

    def to_dict(self) -> dict[str, Any]:
        """Return what every interface says of it, as JSON can hold it; `also` only where there are others."""
        also = {modality: receipt.to_dict() for modality, receipt in self.also.items()}
        return {
            "user_id": self.user_id,
            "references": self.references,
            "template_bytes": self.template_bytes,
            "model_id": self.model_id,
            "created_ms": round(self.created.timestamp() * 1000),
            "complexity": round(self.complexity, 3),
            "consistency": None if self.consistency is None else round(self.consistency, 3),
            "reasons": [reason.value for reason in self.reasons],
            "latency_ms": round(self.latency_ms, 3),
            "strangers": None if self.strangers is None else round(self.strangers, 4),
            "cautions": [caution.value for caution in self.cautions],
            **({"also": also} if also else {}),
        }
