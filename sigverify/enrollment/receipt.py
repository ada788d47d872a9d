"""`EnrollmentReceipt`: what became of one enrollment."""

from dataclasses import dataclass
from datetime import datetime

from sigverify.enrollment.addition import AdditionReason


@dataclass(frozen=True, kw_only=True)
class EnrollmentReceipt:
    """What became of one enrollment.

    Attributes:
        user_id: who.
        references: how many signatures were taken.
        template_bytes: size of what is stored.
        model_id: of the model that the template is bound to.
        created: when.
        complexity: 0 to 1, of the simplest reference; see `Quality`.
        consistency: 0 to 1, the least score of a reference against the others; 1 for one reference.
        flaws: of each reference why it would not have been taken, or `TAKEN`; all `TAKEN` if enforced.
        latency_ms: from the call until it was safely stored.
    """

    user_id: str
    references: int
    template_bytes: int
    model_id: str
    created: datetime
    complexity: float
    consistency: float
    flaws: tuple[AdditionReason, ...]
    latency_ms: float
