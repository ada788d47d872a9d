"""`Template`: what is kept of a person after enrollment: embeddings of the references, never their strokes.

On disk, little endian, under 4 kB a reference::

    0   4  magic "SIGT"             14  2  frames of dynamics (t)          26  2  length of the user id
    4   2  version                  16  2  channels of dynamics (c)        28  8  created, ms since 1970
    6   2  references (r)           18  2  steps of the sequence (t')      36  8  model id
    8   2  flags, 0                 20  2  dimensions of the sequence (d)  44     user id, UTF-8
    10  4  length of the whole      22  2  dimensions of the vector (e)
                                    24  2  cues of the spread (k)

    spread below the diagonal (r·(r-1)/2, k) float32 · duration_ms (r) float32 ·
    dynamics (r, t, c) int8 · sequence (r, t', d) int8 · vector (r, e) float16 · CRC-32 of all bytes before
"""

import re
import struct
import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from sigverify.arrays import Float32Array, IndexArray
from sigverify.errors import ConfigError, MalformedTemplate
from sigverify.matching.distances import References
from sigverify.matching.scoring import MAX_REFERENCES

VERSION: Final = 1
MAGIC: Final = b"SIGT"
MAX_USER_ID: Final = 256
"""Characters of a user id."""

_HEAD: Final = struct.Struct("<4sHHHIHHHHHHHq8s")
_CRC: Final = struct.Struct("<I")
_MODEL_ID: Final = re.compile("[0-9a-f]{16}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, eq=False)
class Template:
    """One person's references, bound to the model that embedded them.

    Attributes:
        user_id: 1 to `MAX_USER_ID` characters, no NUL.
        model_id: 16 hex digits, `Model.id`.
        references: the embeddings in the order enrolled, as `stored` rounds them.
        spread: `(r, r, k)` float32, symmetric, the cues' distances between the references.
        created: when, in UTC, to the millisecond.

    Raises:
        ConfigError: the user id cannot be one.
        MalformedTemplate: parts that do not fit together.
    """

    user_id: str
    model_id: str
    references: References
    spread: Float32Array
    created: datetime

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
        if not _MODEL_ID.fullmatch(self.model_id):
            raise MalformedTemplate("model id", expected="16 hex digits", received=repr(self.model_id))

    def __len__(self) -> int:
        """Count the references."""
        return len(self.references)

    def __repr__(self) -> str:
        """Describe without the biometric content."""
        return f"<Template of {self.user_id!r}, {len(self)} references, model {self.model_id}>"

    def to_bytes(self) -> bytes:
        """Pack as described at the top of this file."""
        references, user = self.references, self.user_id.encode()
        body = b"".join(
            [
                user,
                self.spread[_below(len(self))].astype("<f4").tobytes(),
                references.duration_ms.astype("<f4").tobytes(),
                references.dynamics.tobytes(),
                references.sequence.tobytes(),
                references.vector.astype("<f2").tobytes(),
            ]
        )
        head = _Head(
            magic=MAGIC,
            version=VERSION,
            references=len(self),
            flags=0,
            length=_HEAD.size + len(body) + _CRC.size,
            frames=references.dynamics.shape[1],
            channels=references.dynamics.shape[2],
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
        reader = _Reader(data[: -_CRC.size], _HEAD.size)
        try:
            user_id = reader.take(head.user_length).decode()
            spread = _square(
                reader.array("<f4", head.references * (head.references - 1) // 2, head.cues), head.references
            )
            references = References(
                duration_ms=reader.array("<f4", head.references),
                dynamics=reader.array("i1", head.references, head.frames, head.channels),
                sequence=reader.array("i1", head.references, head.steps, head.depth),
                vector=reader.array("<f2", head.references, head.size).astype(np.float32),
            )
            reader.finish()
            return cls(
                user_id=user_id,
                model_id=head.model.hex(),
                references=references,
                spread=spread,
                created=_EPOCH + timedelta(milliseconds=head.created_ms),
            )
        except (ValueError, OverflowError, ConfigError) as error:
            raise MalformedTemplate("template content makes no sense", received=str(error)) from error


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


class _Head(NamedTuple):
    """The header's fields, in order."""

    magic: bytes
    version: int
    references: int
    flags: int
    length: int
    frames: int
    channels: int
    steps: int
    depth: int
    size: int
    cues: int
    user_length: int
    created_ms: int
    model: bytes


class _Reader:
    """Takes bytes from front to back; asking for more than there is raises ValueError."""

    def __init__(self, data: bytes, start: int) -> None:
        self._data, self._at = data, start

    def take(self, count: int) -> bytes:
        piece = self._data[self._at : self._at + count]
        if len(piece) != count:
            raise ValueError("shorter than its header says")
        self._at += count
        return piece

    def array(self, dtype: str, *shape: int) -> npt.NDArray[Any]:
        count = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        array = np.frombuffer(self.take(count), dtype).reshape(shape)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError("a number that is not finite")
        return array

    def finish(self) -> None:
        if self._at != len(self._data):
            raise ValueError("longer than its header says")


def _read_head(data: bytes) -> _Head:
    """Check magic, version, length and checksum, and return the header's fields."""
    if len(data) < _HEAD.size + _CRC.size or data[: len(MAGIC)] != MAGIC:
        raise MalformedTemplate("these bytes are no template", expected=f"{MAGIC!r} and a header")
    head = _Head(*_HEAD.unpack_from(data))
    if head.version != VERSION or head.flags:
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
    if _CRC.unpack_from(data, len(data) - _CRC.size)[0] != zlib.crc32(data[: -_CRC.size]):
        raise MalformedTemplate("template damaged: its checksum differs", hint="Enroll again")
    return head


@lru_cache(maxsize=MAX_REFERENCES)
def _below(count: int) -> tuple[IndexArray, IndexArray]:
    """Rows and columns below the diagonal of a `(count, count)` square."""
    return np.tril_indices(count, -1)


def _square(below: Float32Array, count: int) -> Float32Array:
    """Restore a symmetric `(r, r, k)` from what lies below its diagonal, `(r·(r-1)/2, k)`."""
    square = np.zeros((count, count, below.shape[1]), np.float32)
    rows, columns = _below(count)
    square[rows, columns] = square[columns, rows] = below
    return square
