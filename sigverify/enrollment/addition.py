"""`Addition`: what became of one signature that was offered as a reference."""

from dataclasses import dataclass
from enum import StrEnum

from sigverify.modality.quality import Quality


class AdditionReason(StrEnum):
    """Why a signature was taken as a reference, or was not."""

    TAKEN = "taken"
    TOO_SHORT = "too short: sign your whole name"
    TOO_SIMPLE = "too simple: anybody could draw it"
    BAD_CAPTURE = "a bad capture: samples are missing"
    COPY = "a copy of an earlier one: sign anew"
    UNLIKE = "too unlike the others: sign as you usually do"


@dataclass(frozen=True, kw_only=True)
class Addition:
    """What became of one signature.

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
