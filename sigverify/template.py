"""`Template`: what is kept of a person after enrollment: embeddings of the references, never their captures.

On disk, little endian, 2.7 kB a reference, and what local vectors a model has::

    0   4  magic "SIGT"             14  2  frames of the series (t)        26  2  cues of the spread (k)
    4   2  version                  16  2  channels of the series (c)      28  2  length of the user id
    6   2  references (r)           18  2  channels of the detail (c')     30  8  created, ms since 1970
    8   2  flags                    20  2  steps of the sequence (t')      38  8  model id
    10  4  length of the whole      22  2  dimensions of the sequence (d)  46     user id, UTF-8
                                    24  2  dimensions of the vector (e)

    modality, ASCII · strangers (4) float32, or none · spread below the diagonal (r·(r-1)/2, k) float32 ·
    extent (r) float32 · series (r, t, c) int8 · detail (r, t/2, c') int8 · sequence (r, t', d) int8 ·
    vector (r, e) float16 · CRC-32 of all bytes before

The low seven bits of the flags are the length of the modality's name; bit 7 says that strangers are there:
mean and deviation of their log odds, compared by all, and without what a device may lack. Bit i of the high
byte says that cue i is signed: its spread changes sign where probe and reference change places.
"""

import math
import re
import struct
import unicodedata
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from sigverify.arrays import BoolArray, Float32Array, IndexArray
from sigverify.errors import ConfigError, MalformedTemplate
from sigverify.matching.cue import MAX_CUES
from sigverify.matching.embedding import References
from sigverify.matching.scoring import MAX_REFERENCES
from sigverify.matching.strangers import NormalFit, Strangers
from sigverify.modality.registry import NAME

VERSION: Final = 4
MAGIC: Final = b"SIGT"
MAX_SIGNATURE_BYTES: Final = 256
MAX_USER_ID: Final = 256
"""Characters of a user id."""

_HEAD: Final = struct.Struct("<4sHHHIHHHHHHHHq8s")
_CRC: Final = struct.Struct("<I")
_STRANGERS: Final = 0x80
"""The bit of the flags that says that they are there; a modality's name is shorter."""
_LARGEST: Final = float(np.finfo(np.float16).max)
_MODEL_ID: Final = re.compile("[0-9a-f]{16}")
PEN: Final = "pen"
"""The modality whose records in a store have no name behind their kind."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def record_kind(kind: str, modality: str) -> str:
    """Return the kind of the records, beside a template in a store, that concern one modality.

    >>> record_kind("replay", "pen"), record_kind("replay", "image")
    ('replay', 'replay image')
    """
    return kind if modality == PEN else f"{kind} {modality}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Template:
    """One person's references, bound to the model that embedded them.

    Attributes:
        user_id: 1 to `MAX_USER_ID` characters, no NUL.
        model_id: 16 hex digits, `Model.id`.
        modality: that of the model.
        references: the embeddings in the order enrolled, as `stored` rounds them.
        spread: `(r, r, k)` float32, the cues' distances between the references, see `distances.spread`.
        strangers: how near they come to this person, by the model's cohort; None: it has none.
        created: when, in UTC, to the millisecond.
        signature: of an enrollment station, see `sigverify.protection.stations`; b"" for none. It is no part
            of `to_bytes`: a template that leaves its store leaves it behind.

    Raises:
        ConfigError: the user id cannot be one.
        MalformedTemplate: parts that do not fit together, or numbers that are not finite.
    """

    user_id: str
    model_id: str
    modality: str
    references: References
    spread: Float32Array
    created: datetime
    strangers: Strangers | None = None
    signature: bytes = b""

    def __post_init__(self) -> None:
        """Check that the parts fit together."""
        check_user_id(self.user_id)
        count = len(self.references)
        if not 1 <= count <= MAX_REFERENCES:
            raise MalformedTemplate(
                "number of references", expected=f"1 to {MAX_REFERENCES}", received=str(count)
            )
        if self.spread.ndim != 3 or self.spread.shape[:2] != (count, count):
            raise MalformedTemplate(
                "spread of another shape", expected=f"({count}, {count}, k)", received=str(self.spread.shape)
            )
        if not NAME.fullmatch(self.modality):
            raise MalformedTemplate(
                "name of a modality",
                expected=f"a name like {NAME.pattern}",
                received=repr(self.modality)[:60],
            )
        if self.spread.shape[2] > MAX_CUES:
            raise MalformedTemplate(
                "too many cues", expected=f"at most {MAX_CUES}", received=str(self.spread.shape[2])
            )
        if not _MODEL_ID.fullmatch(self.model_id):
            raise MalformedTemplate("model id", expected="16 hex digits", received=repr(self.model_id))
        if len(self.signature) > MAX_SIGNATURE_BYTES:
            raise MalformedTemplate("a template with too much behind it", received=str(len(self.signature)))
        _check_numbers(self.references, self.spread)

    def __len__(self) -> int:
        """Count the references."""
        return len(self.references)

    def __repr__(self) -> str:
        """Describe without the biometric content."""
        return f"<Template of {self.user_id!r}, {len(self)} references, model {self.model_id}>"

    def restored(self, restore: Callable[[References], References]) -> References:
        """Return the references out of the coordinates of the store that this was read from.

        `restore` does it once; a template is of one store's coordinates for as long as there is one.
        """
        known: References | None = self.__dict__.get("_restored")
        if known is None:
            known = restore(self.references)
            _freeze(known)
            object.__setattr__(self, "_restored", known)
        return known

    def to_bytes(self) -> bytes:
        """Pack as described at the top of this file."""
        references, user = self.references, self.user_id.encode()
        signed = (self.spread != self.spread.transpose(1, 0, 2)).any(axis=(0, 1))
        name = self.modality.encode()
        body = b"".join(
            [
                user,
                name,
                _pack_strangers(self.strangers),
                self.spread[_below(len(self))].astype("<f4").tobytes(),
                references.extent.astype("<f4").tobytes(),
                references.series.tobytes(),
                references.detail.tobytes(),
                references.sequence.tobytes(),
                references.vector.astype("<f2").tobytes(),
            ]
        )
        head = _Head(
            magic=MAGIC,
            version=VERSION,
            references=len(self),
            flags=len(name) | (_STRANGERS if self.strangers else 0) | _bits(signed) << 8,
            length=_HEAD.size + len(body) + _CRC.size,
            frames=references.series.shape[1],
            channels=references.series.shape[2],
            details=references.detail.shape[2],
            steps=references.sequence.shape[1],
            depth=references.sequence.shape[2],
            size=references.vector.shape[1],
            cues=self.spread.shape[2],
            user_length=len(user),
            created_ms=round(self.created.timestamp() * 1000),
            model=bytes.fromhex(self.model_id),
        )
        packed = _HEAD.pack(*head)
        return packed + body + _CRC.pack(zlib.crc32(body, zlib.crc32(packed)))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Unpack and check.

        Raises:
            MalformedTemplate: truncated, with trailing data, altered, of another version, or no template.
        """
        head = _read_head(data)
        reader = _Reader(memoryview(data)[: -_CRC.size], _HEAD.size)
        try:
            user_id = str(reader.take(head.user_length), "utf-8")
            modality = str(reader.take(head.flags & (_STRANGERS - 1)), "ascii")
            strangers = _take_strangers(reader) if head.flags & _STRANGERS else None
            below = reader.array("<f4", head.references * (head.references - 1) // 2, head.cues)
            references = References(
                extent=reader.array("<f4", head.references),
                series=reader.array("i1", head.references, head.frames, head.channels),
                detail=reader.array("i1", head.references, head.frames // 2, head.details),
                sequence=reader.array("i1", head.references, head.steps, head.depth),
                vector=reader.array("<f2", head.references, head.size).astype(np.float32),
            )
            reader.finish()
            _freeze(references)
            return cls(
                user_id=user_id,
                model_id=head.model.hex(),
                modality=modality,
                references=references,
                spread=_square(below, head.references, head.flags >> 8),
                created=_EPOCH + timedelta(milliseconds=head.created_ms),
                strangers=strangers,
            )
        except (ValueError, OverflowError, ConfigError) as error:
            raise MalformedTemplate("template content makes no sense", received=str(error)) from error


def pack_signed(template: Template) -> bytes:
    """Pack a template with the signature of its station behind it, as a store keeps it."""
    return template.to_bytes() + template.signature


def unpack_signed(data: bytes) -> Template:
    """Unpack what `pack_signed` wrote; the signature is not checked.

    Raises:
        MalformedTemplate: something else.
    """
    if len(data) < _HEAD.size:
        return Template.from_bytes(data)
    length = _HEAD.unpack_from(data)[4]
    template = Template.from_bytes(data[:length])
    return replace(template, signature=data[length:]) if len(data) > length else template


def _freeze(references: References) -> None:
    """Let nobody write into arrays that several tries share."""
    for values in (references.series, references.detail, references.sequence, references.vector):
        values.flags.writeable = False
    references.extent.flags.writeable = False


def _check_numbers(references: References, spread: Float32Array) -> None:
    """Refuse numbers that would make a score NaN, which is neither below a threshold nor above."""
    # Vectors are written as float16, in which a larger number would be infinite.
    if not ((np.abs(references.vector) <= _LARGEST).all() and np.isfinite(spread).all()):
        raise MalformedTemplate("a vector or a spread that is not finite", expected="finite numbers")
    extent = references.extent
    if not (np.isfinite(extent).all() and (extent > 0).all()):  # its logarithm is compared
        raise MalformedTemplate("an extent that is no size", expected="finite numbers above 0")


def is_of_another_version(data: bytes) -> bool:
    """Whether bytes begin as a template of some other version does."""
    return data[: len(MAGIC)] == MAGIC and len(data) >= _HEAD.size and _HEAD.unpack_from(data)[1] != VERSION


def stored(references: References) -> References:
    """Round as storing rounds (vectors to float16), so that scores are the same before and after."""
    return replace(references, vector=references.vector.astype(np.float16).astype(np.float32))


def check_user_id(user_id: str) -> None:
    """Refuse what no store could hold or no log could show.

    Raises:
        ConfigError: not text of 1 to `MAX_USER_ID` characters, with a NUL, or not encodable as UTF-8.
    """
    wanted = f"1 to {MAX_USER_ID} characters without NUL"
    if not isinstance(user_id, str):
        raise ConfigError("the user id is not text", expected=wanted, received=type(user_id).__name__)
    if not 1 <= len(user_id) <= MAX_USER_ID or "\0" in user_id:
        raise ConfigError("this cannot be a user id", expected=wanted, received=f"{len(user_id)} characters")
    try:
        user_id.encode()
    except UnicodeEncodeError as error:
        raise ConfigError("the user id is not valid Unicode", expected=wanted, received=str(error)) from error


def normal_user_id(user_id: str) -> str:
    r"""Return a user id as every entry reads it: in Unicode's composed form (NFC), so two spellings are one.

    Raises:
        ConfigError: this cannot be a user id.

    >>> normal_user_id("Zoe\u0308") == "Zo\xeb"
    True
    """
    check_user_id(user_id)
    normal = unicodedata.normalize("NFC", user_id)
    check_user_id(normal)  # composing can make text longer, too
    return normal


def spellings(user_id: str) -> tuple[str, ...]:
    """Return the composed form, and those that a store of an older version may have instead."""
    if user_id.isascii():
        return (user_id,)
    forms = unicodedata.normalize("NFC", user_id), user_id, unicodedata.normalize("NFD", user_id)
    return tuple(dict.fromkeys(forms))


def check_visible(user_id: str) -> None:
    """Refuse a new id that reads like another one, by a character that nobody sees.

    Raises:
        ConfigError: it names the character and its place.
    """
    for place, character in enumerate(user_id, start=1):
        if _is_invisible(character):
            name = unicodedata.name(character, "a control character")
            raise ConfigError(
                "the user id has a character that nobody sees",
                expected="characters that are seen, and plain blanks",
                received=f"U+{ord(character):04X} ({name}) in place {place}",
                hint="Type the id anew instead of pasting it",
            )


def mixed_scripts(user_id: str) -> tuple[str, ...]:
    r"""Return the scripts of an id that mixes some which are not written together; usually nothing.

    A Cyrillic "а" in a Latin name looks the same and is another id. Japanese, Chinese and Korean names with
    Latin letters are no such mixture. Source: Unicode Technical Standard 39, "highly restrictive".

    >>> mixed_scripts("p\u0430ul"), mixed_scripts("paul 2"), mixed_scripts("\u738b Wang")
    (('CYRILLIC', 'LATIN'), (), ())
    """
    letters = [c for c in user_id if c.isalpha()]
    found = {unicodedata.name(c, "UNKNOWN").partition(" ")[0] for c in letters}
    together = any(found <= each for each in _WRITTEN_TOGETHER)
    return () if len(found) < 2 or together else tuple(sorted(found))


def _is_invisible(character: str) -> bool:
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Cs", "Zl", "Zp") or (category == "Zs" and character != " "):
        return True
    return character in _BLANK or any(first <= character <= last for first, last in _SELECTORS)


_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters, marks and symbols that are drawn as nothing: joiners, fillers, an empty Braille cell."""
_SELECTORS: Final = (("\u180b", "\u180f"), ("\ufe00", "\ufe0f"), ("\U000e0100", "\U000e01ef"))
"""Variation selectors: they change how the character before them is drawn, if at all."""
_WRITTEN_TOGETHER: Final = (
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HALFWIDTH", "IDEOGRAPHIC"},
    {"LATIN", "CJK", "BOPOMOFO"},
    {"LATIN", "CJK", "HANGUL"},
)


class _Head(NamedTuple):
    """The header's fields, in order."""

    magic: bytes
    version: int
    references: int
    flags: int
    length: int
    frames: int
    channels: int
    details: int
    steps: int
    depth: int
    size: int
    cues: int
    user_length: int
    created_ms: int
    model: bytes


class _Reader:
    """Takes bytes from front to back; asking for more than there is raises ValueError."""

    def __init__(self, data: memoryview, start: int) -> None:
        self._data, self._at = data, start

    def take(self, count: int) -> memoryview:
        piece = self._data[self._at : self._at + count]
        if len(piece) != count:
            raise ValueError("shorter than its header says")
        self._at += count
        return piece

    def array(self, dtype: str, *shape: int) -> npt.NDArray[Any]:
        kind = np.dtype(dtype)
        return np.frombuffer(self.take(math.prod(shape) * kind.itemsize), kind).reshape(shape)

    def finish(self) -> None:
        if self._at != len(self._data):
            raise ValueError("longer than its header says")


def _pack_strangers(strangers: Strangers | None) -> bytes:
    if strangers is None:
        return b""
    whole, reduced = strangers.whole, strangers.reduced
    return struct.pack("<4f", whole.mean, whole.deviation, reduced.mean, reduced.deviation)


def _take_strangers(reader: _Reader) -> Strangers:
    """Read what `_pack_strangers` wrote; numbers that cannot be raise ConfigError."""
    mean, deviation, other, spread = struct.unpack("<4f", reader.take(16))
    return Strangers(
        whole=NormalFit(mean=mean, deviation=deviation), reduced=NormalFit(mean=other, deviation=spread)
    )


def _read_head(data: bytes) -> _Head:
    """Check magic, version, length and checksum, and return the header's fields."""
    if len(data) < _HEAD.size + _CRC.size or data[: len(MAGIC)] != MAGIC:
        raise MalformedTemplate("these bytes are no template", expected=f"{MAGIC!r} and a header")
    head = _Head(*_HEAD.unpack_from(data))
    if head.version != VERSION:
        raise MalformedTemplate(
            "template of another version",
            expected=str(VERSION),
            received=str(head.version),
            hint="Enroll again",
        )
    if head.length != len(data):
        raise MalformedTemplate(
            "template truncated or with trailing data",
            expected=f"{head.length} bytes",
            received=str(len(data)),
        )
    if _CRC.unpack_from(data, len(data) - _CRC.size)[0] != zlib.crc32(memoryview(data)[: -_CRC.size]):
        raise MalformedTemplate("template damaged: its checksum differs", hint="Enroll again")
    return head


@lru_cache(maxsize=MAX_REFERENCES)
def _below(count: int) -> tuple[IndexArray, IndexArray]:
    """Rows and columns below the diagonal of a `(count, count)` square."""
    return np.tril_indices(count, -1)


def _square(below: Float32Array, count: int, signed: int) -> Float32Array:
    """Restore `(r, r, k)` from what lies below its diagonal, `(r·(r-1)/2, k)`; bit i: cue i is signed."""
    square = np.zeros((count, count, below.shape[1]), np.float32)
    rows, columns = _below(count)
    square[rows, columns] = below
    square[columns, rows] = below * _signs(signed, below.shape[1])
    square.flags.writeable = False
    return square


@lru_cache(maxsize=16)
def _signs(signed: int, cues: int) -> Float32Array:
    """Return -1 for each cue whose bit is set, and 1 for the others, `(k,)`."""
    return np.array([-1.0 if signed >> cue & 1 else 1.0 for cue in range(cues)], np.float32)


def _bits(flags: BoolArray) -> int:
    """Return a number whose bit i is flag i."""
    return sum(1 << place for place, flag in enumerate(flags.tolist()) if flag)
