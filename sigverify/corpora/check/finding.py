"""`Finding`: one thing that a check noticed, how bad it is, and which signatures it is of."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

MAX_SAMPLES: Final = 1_000
"""Names that one finding keeps; `count` counts all."""


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"
    """What is measured or trained on this corpus would be wrong."""
    WARNING = "warning"
    """It may be wrong; a person should look."""
    NOTE = "note"
    """It is dealt with, or cannot be helped; who reads figures should know it."""


class Token(StrEnum):
    """What a check can find."""

    UNREADABLE = "unreadable"
    MISPLACED = "misplaced"
    DOUBLED = "doubled"
    OTHER_KIND = "other_kind"
    NO_SIGNATURES = "no_signatures"
    ONE_WRITER = "one_writer"
    FEW_GENUINE = "few_genuine"
    NO_FORGERIES = "no_forgeries"
    SIMILAR_NAMES = "similar_names"
    ONE_SESSION = "one_session"
    COPY = "copy"
    COPY_ELSEWHERE = "copy_elsewhere"
    NEAR_COPY = "near_copy"
    SAME_LINE = "same_line"
    LEAK = "leak"
    SHARED_NAMES = "shared_names"
    TIME_UNIT = "time_unit"
    NO_TIME = "no_time"
    DURATION = "duration"
    BACKWARD_STAMPS = "backward_stamps"
    CLOCK_JUMPED = "clock_jumped"
    COARSE_CLOCK = "coarse_clock"
    RATES_DIFFER = "rates_differ"
    RATE_TELLS = "rate_tells"
    DECLARED_RATE = "declared_rate"
    PRESSURE_MISSING = "pressure_missing"
    PRESSURE_CONSTANT = "pressure_constant"
    PRESSURE_CLIPPED = "pressure_clipped"
    EXTENTS_DIFFER = "extents_differ"
    SIZE_TELLS = "size_tells"
    UNFIT = "unfit"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was noticed.

    Attributes:
        token: what it is.
        severity: how bad.
        words: the same for people, with its numbers and bounds.
        samples: names of files, samples, pairs of them or writers, at most `MAX_SAMPLES`.
        count: of how many.
    """

    token: Token
    severity: Severity
    words: str
    samples: tuple[str, ...] = ()
    count: int = 0

    @classmethod
    def of(cls, token: Token, severity: Severity, words: str, samples: Iterable[str] = ()) -> Self:
        """Make one of all names."""
        names = tuple(samples)
        return cls(token=token, severity=severity, words=words, samples=names[:MAX_SAMPLES], count=len(names))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "token": self.token.value,
            "severity": self.severity.value,
            "words": self.words,
            "count": self.count,
            "samples": list(self.samples),
        }
