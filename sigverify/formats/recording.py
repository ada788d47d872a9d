"""`Recording`: a signature and what was noticed while reading it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sigverify.errors import shortened
from sigverify.modality.pen.signature import Signature

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


_WORDS: Final = {
    NoteKind.ENCODING: "decoded from {}",
    NoteKind.UNWRAPPED: "unpacked from a JSON string",
    NoteKind.IGNORED: "ignored: {}",
    NoteKind.TIME_CONVERTED: "converted to milliseconds: {}",
    NoteKind.STAMPS: "ISO 8601 stamps turned into milliseconds: {}",
    NoteKind.DECIMAL_COMMA: "decimal commas read as points",
    NoteKind.NEGATIVE_PRESSURE: "negative pressure read as hover, samples: {}",
    NoteKind.PRESSURE_INTERPOLATED: "missing pressure interpolated, samples: {}",
    NoteKind.PRESSURE_DROPPED: "pressure left out, as too much of it is missing, samples: {}",
}


@dataclass(frozen=True)
class Note:
    """One thing noticed; `names` are column names, units or counts, never samples."""

    kind: NoteKind
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in words.

        >>> str(Note(NoteKind.IGNORED, ("azimuth", "tilt")))
        'ignored: azimuth, tilt'
        """
        columns = self.kind in (NoteKind.IGNORED, NoteKind.TIME_CONVERTED, NoteKind.STAMPS)
        return _WORDS[self.kind].format(listed(self.names) if columns else ", ".join(self.names))


@dataclass(frozen=True)
class Notes:
    """What one reader has noticed so far."""

    noted: list[Note] = field(default_factory=list)

    def add(self, kind: NoteKind, *names: object) -> None:
        """Add a note."""
        self.noted.append(Note(kind, tuple(str(name) for name in names)))


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a file held.

    Attributes:
        signature: the samples.
        format: the token of the format it was read as.
        notes: what was ignored, converted or filled in.
    """

    signature: Signature
    format: str
    notes: tuple[Note, ...]


def listed(names: Sequence[str]) -> str:
    """List names that a file gave to its columns; numbers among them may be samples and are masked.

    >>> listed(["x", "", "12.5", "y"])
    "x, '', #, y"
    """
    shown = [_name_shown(name) for name in names[:MAX_NAMES]]
    more = ["…"] if len(names) > MAX_NAMES else []
    return shortened(", ".join(shown + more))


def _name_shown(name: str) -> str:
    name = name.strip()
    if name and not any(character.isalpha() for character in name):
        return "#"
    short = shortened(re.sub(r"\d[\d.]{2,}", "#", name), MAX_NAME)
    return short if name and name.isprintable() else repr(short)
