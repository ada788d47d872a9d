"""`Addition`: what became of one signature that was offered as a reference."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sigverify.modality.quality import Quality


class AdditionReason(StrEnum):
    """Why a signature was taken as a reference, or not; `words.sentence` says it. Only `TAKEN` is true."""

    TAKEN = "taken"
    TOO_SHORT = "too_short"
    TOO_SIMPLE = "too_simple"
    BAD_CAPTURE = "bad_capture"
    """Samples are missing."""
    COPY = "copy"
    """Of an earlier one."""
    UNLIKE = "unlike"
    """The others."""
    IN_SECONDS = "in_seconds"
    IN_MICROSECONDS = "in_microseconds"
    IN_NANOSECONDS = "in_nanoseconds"
    NO_TIME = "no_time"
    """Of the stamps, see `Flaw`."""
    NO_INK = "no_ink"
    TOO_SMALL = "too_small"
    SEVERAL = "several"
    NO_STROKES = "no_strokes"
    CUT_OFF = "cut_off"
    BLURRED = "blurred"
    """Of a picture, see `Flaw`."""

    def __bool__(self) -> bool:
        return self is AdditionReason.TAKEN


@dataclass(frozen=True, kw_only=True)
class Addition:
    """What became of one signature; true where it was accepted.

    Attributes:
        accepted: whether it is among the references now.
        reason: why.
        quality: of this capture.
        remaining: signatures still wanted; it rises when an earlier one turns out not to belong here.
    """

    accepted: bool
    reason: AdditionReason
    quality: Quality
    remaining: int

    def __bool__(self) -> bool:
        return self.accepted

    def to_dict(self) -> dict[str, Any]:
        """Return what every interface says of it, as JSON can hold it."""
        return {
            "accepted": self.accepted,
            "reason": self.reason.value,
            "remaining": self.remaining,
            **self.quality.to_dict(),
        }
