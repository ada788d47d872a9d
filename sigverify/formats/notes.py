"""`Note`, `Notes`: what a reader noticed in a file, none of it an error."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sigverify.errors import shortened
from sigverify.words import DEFAULT, sentence

MAX_NAMES: Final = 12
"""Names that one note or message lists; devices have fewer columns."""
MAX_NAME: Final = 24
"""Characters shown of one name."""


class NoteKind(StrEnum):
    """What a reader may notice. None of it is an error: the meaning was certain."""

    ENCODING = "encoding"
    UNWRAPPED = "unwrapped"
    IGNORED = "ignored"
    TIME_CONVERTED = "time_converted"
    STAMPS = "stamps"
    DECIMAL_COMMA = "decimal_comma"
    NEGATIVE_PRESSURE = "negative_pressure"
    PRESSURE_INTERPOLATED = "pressure_interpolated"
    PRESSURE_DROPPED = "pressure_dropped"
    DEVIATION = "deviation"
    LINEAR_REMOVED = "linear_removed"
    TIME_ASSUMED = "time_assumed"
    TWOS_COMPLEMENT = "twos_complement"
    MORE_RECORDINGS = "more_recordings"
    REPEATED = "repeated"
    LIFTS_UNTIMED = "lifts_untimed"
    LIFTS_UNKNOWN = "lifts_unknown"
    RATE_ASSUMED = "rate_assumed"


@dataclass(frozen=True, repr=False)
class Note:
    """One thing noticed; `names` are column names, units or counts, never samples."""

    kind: NoteKind
    names: tuple[str, ...] = ()

    def words(self, language: str = DEFAULT) -> str:
        """Say it to a person.

        >>> Note(NoteKind.IGNORED, ("azimuth", "tilt")).words()
        'ignored: azimuth, tilt'
        """
        return sentence(self.kind, language=language).format(names=_joined(self.names))

    def __repr__(self) -> str:
        """Hold no more of the names than a message may."""
        return f"<Note {self.kind}: {_joined(self.names)}>"


@dataclass(frozen=True)
class Notes:
    """What one reader has noticed so far."""

    noted: list[Note] = field(default_factory=list)

    def add(self, kind: NoteKind, *names: str | int) -> None:
        """Add a note; names that a file gave are shown as in messages."""
        shown = tuple(_name_shown(name) if isinstance(name, str) else str(name) for name in names[:MAX_NAMES])
        self.noted.append(Note(kind, shown + ("…",) * (len(names) > MAX_NAMES)))


def listed(names: Sequence[str]) -> str:
    """List names that a file gave to its columns; numbers among them may be samples and are masked.

    >>> listed(["x", "", "12.5", "y"])
    "x, '', #, y"
    """
    more = ["…"] if len(names) > MAX_NAMES else []
    return _joined([*map(_name_shown, names[:MAX_NAMES]), *more])


def _joined(shown: Sequence[str]) -> str:
    return shortened(", ".join(shown))


def _name_shown(name: str) -> str:
    name = name.strip()
    if name and not any(character.isalpha() for character in name):
        return "#"
    short = shortened(re.sub(r"\d[\d.]{2,}", "#", name), MAX_NAME)
    return short if name and name.isprintable() else repr(short)
