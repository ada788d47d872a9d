"""`Quality`: what a capture is worth by itself; `Flaw`: what is wrong with it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Flaw(StrEnum):
    """What is wrong with a capture; `words.sentence` says it."""

    TOO_SHORT = "too_short"
    TOO_SIMPLE = "too_simple"
    BAD_CAPTURE = "bad_capture"
    """Too few samples a second, or too much of it lost."""
    IN_SECONDS = "in_seconds"
    """Its stamps count seconds, as no handwriting in milliseconds could be."""
    IN_MICROSECONDS = "in_microseconds"
    IN_NANOSECONDS = "in_nanoseconds"
    NO_TIME = "no_time"
    """Its stamps are all the same, or an index: nothing tells how the pen moved."""
    NO_INK = "no_ink"
    """A picture of paper, or of a dot or two."""
    TOO_SMALL = "too_small"
    """Ink of too few pixels to tell one hand from another."""
    SEVERAL = "several"
    """More than one signature in one picture, or print or a stamp beside one, of the same ink."""
    NO_STROKES = "no_strokes"
    """A picture of something else: a face, a room, a printed page."""
    CUT_OFF = "cut_off"
    """Ink goes on beyond the edges of its picture."""
    BLURRED = "blurred"


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What a capture is worth; true where nothing is wrong with it.

    Attributes:
        flaw: the worst thing wrong with it; None: nothing.
        complexity: 0 (a dash) to 1: how much there is in it for a forger to get right.
        duration_ms: from the first to the last ink, gaps shortened; 0 of a picture.
        repairs: what was mended in it, tokens of its modality; none of these is a flaw.
    """

    flaw: Flaw | None
    complexity: float
    duration_ms: float = 0.0
    repairs: tuple[StrEnum, ...] = ()

    def __bool__(self) -> bool:
        return self.flaw is None

    def to_dict(self) -> dict[str, Any]:
        """Return what every interface says of it, as JSON can hold it."""
        return {
            "duration_ms": round(self.duration_ms, 1),
            "complexity": round(self.complexity, 3),
            "flaw": None if self.flaw is None else self.flaw.value,
            "repairs": [repair.value for repair in self.repairs],
        }
