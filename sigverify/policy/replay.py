"""Replays: nobody signs twice the same, so what is near-identical to something seen before is a copy.

Of a capture that was shown, a `Sketch` is kept: a keyed digest that finds it again exactly, 512 bits that
differ in few places for a capture disturbed a little (noise, shift, scale, another sampling rate), and, of
pen strokes, the outline, along which every copy runs, however it was stretched in time. The bits are signs
of a keyed random projection of the series, coarse in time; the ink cannot be drawn from them. From an
outline it can, as from a reference, and like one it lies sealed in the store. References that are enrolled
are compared in full as well, see `Matcher.is_copy`.

The record of kind "replay" of a user is a version byte, the size of an outline (0 for captures that have
none), and a `Sketch` after another, the newest last; an outline of zeros is one that is not known.

Source: M. Charikar, "Similarity estimation techniques from rounding algorithms", 2002; the projection by
N. Ailon, B. Chazelle, "The fast Johnson-Lindenstrauss transform", 2009.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from sigverify.arrays import FloatArray, IndexArray, Int8Array
from sigverify.errors import StoreError

KIND: Final = "replay"
"""Of the records, and the purpose of the store's secret."""

_BITS: Final = 512
_POOL: Final = 4
"""Frames summed up before the projection: noise and jitter average out; genuine repetitions still differ."""
DIGEST_BYTES: Final = 16
_SKETCH_BYTES: Final = _BITS // 8
_ENTRY_BYTES: Final = 1 + DIGEST_BYTES + _SKETCH_BYTES
"""Of an entry, without its outline."""
_VERSION: Final = b"\2"
_WITHOUT_OUTLINES: Final = b"\1"
"""The version of records whose entries have none; they are read as they are."""


class Role(IntEnum):
    """What became of a capture; when the memory is full, the lowest and oldest goes first.

    So nobody can push out what was accepted by showing many others.
    """

    REFUSED = 0
    ACCEPTED = 1
    REFERENCE = 2


_LAST: Final = max(Role)


class Sketch(NamedTuple):
    """What is kept of a capture: `digest` finds it exactly, `bits` and `outline` find it disturbed."""

    digest: bytes
    bits: bytes
    outline: bytes = b""

    def is_of(self, other: "Sketch", bits: int) -> bool:
        """Whether both are of one capture: the same, or sketches that differ in at most so many bits."""
        if self.digest == other.digest:
            return True
        differing = int.from_bytes(self.bits, "little") ^ int.from_bytes(other.bits, "little")
        return differing.bit_count() <= bits


class Sketcher:
    """Makes sketches with one secret. Threads may share it."""

    def __init__(self, secret: bytes) -> None:
        """Take the secret; sketches made with another one match nothing."""
        self._secret = secret
        self._projections: dict[int, tuple[FloatArray, FloatArray, IndexArray]] = {}

    def sketch(self, digest: bytes, series: Int8Array, outlines: Sequence[bytes] = ()) -> Sketch:
        """Sketch a capture.

        Args:
            digest: of the capture, see `digest`.
            series: `(t, c)` as `Embedding` has them, before any renewal.
            outlines: of the capture, see `Modality.outlines`, of which the first is kept.
        """
        return Sketch(digest=digest, bits=self._bits(series), outline=b"".join(outlines[:1]))

    def digest(self, fingerprint: bytes) -> bytes:
        """Return what finds a capture of this fingerprint again, exactly: `DIGEST_BYTES`."""
        return self._mac(b"capture", fingerprint)[:DIGEST_BYTES]

    def bucket(self, user_id: str) -> str:
        """Return one of 256 names for a user id: a place for those who are not enrolled."""
        return f"{self._mac(b'bucket', user_id.encode())[0]:02x}"

    def _bits(self, series: Int8Array) -> bytes:
        frames, channels = series.shape
        # Sums over a few frames each: noise and jitter average out. A last group may be shorter.
        groups = -(-frames // _POOL)
        whole = series
        if frames % _POOL:
            whole = np.zeros((groups * _POOL, channels), np.int8)
            whole[:frames] = series
        count = groups * channels
        # The transform needs a power of two, with at least as many results as bits are kept.
        size = 1 << max(_BITS - 1, count - 1).bit_length()
        padded = np.zeros(size)
        whole.reshape(-1, _POOL, channels).sum(axis=1, out=padded[:count].reshape(groups, channels))
        # Signs, transform, other signs, transform: every result depends on all of the series. Which results
        # are kept is secret too.
        first, second, chosen = self._projection(size)
        mixed = _hadamard(_hadamard(padded * first) * second)
        return np.packbits(mixed[chosen] > 0).tobytes()

    def _projection(self, size: int) -> tuple[FloatArray, FloatArray, IndexArray]:
        """Two rows of keyed signs, and which of the `size` results are kept."""
        if size not in self._projections:
            # Of each word two bits are signs, and the rest put the results into a random order.
            stream = hashlib.shake_256(self._mac(b"projection", str(size).encode())).digest(4 * size)
            words = np.frombuffer(stream, "<u4")
            first, second = (1.0 - 2.0 * (words >> shift & 1).astype(np.float64) for shift in (0, 1))
            self._projections[size] = first, second, np.argsort(words >> 2, kind="stable")[:_BITS]
        return self._projections[size]

    def _mac(self, purpose: bytes, content: bytes) -> bytes:
        return hmac.digest(self._secret, b"sigverify replay " + purpose + b"\0" + content, "sha256")


_WORD: Final = np.dtype(np.uint64)


@dataclass(frozen=True)
class Memory:
    """The sketches kept of one user, the oldest first; packed, as a record holds them.

    Attributes:
        packed: entry after entry, each of a role, a digest, bits and an outline; see the top of this file.
        outline_bytes: the size of each outline; an outline of zeros is one that is not known.
    """

    packed: bytes = b""
    outline_bytes: int = 0

    @classmethod
    def of(cls, entries: Iterable[tuple[Role, Sketch]]) -> Self:
        """Pack sketches and what became of each, the oldest first."""
        listed = list(entries)
        size = max((len(sketch.outline) for _, sketch in listed), default=0)
        return cls(b"".join(_entry(role, sketch, size) for role, sketch in listed), size)

    @property
    def entries(self) -> tuple[tuple[Role, Sketch], ...]:
        """Each sketch and what became of it, the oldest first."""
        step, begin = self._step, 1 + DIGEST_BYTES
        outlines = self._outlines()
        entries = (self.packed[start : start + step] for start in range(0, len(self.packed), step))
        return tuple(
            (Role(each[0]), Sketch(digest=each[1:begin], bits=each[begin:_ENTRY_BYTES], outline=outline))
            for each, outline in zip(entries, outlines, strict=True)
        )

    def has(self, sketch: Sketch, bits: int) -> bool:
        """Whether this capture, or one that differs a little, was seen before; see `Sketch.is_of`."""
        if not self.packed:
            return False
        begin = 1 + DIGEST_BYTES
        # Whole words, of which numpy compares few.
        kept = np.ascontiguousarray(self._rows()[:, begin:_ENTRY_BYTES]).view(_WORD)
        if _ones(kept ^ np.frombuffer(sketch.bits, _WORD)).sum(axis=1).min() <= bits:
            return True
        starts = range(1, len(self.packed), self._step)
        return sketch.digest in [self.packed[start : start + DIGEST_BYTES] for start in starts]

    @property
    def outlines(self) -> list[bytes]:
        """Of what is remembered, where they are known."""
        return [outline for outline in self._outlines() if outline]

    def with_(self, added: Sequence[Sketch], role: Role, *, limit: int) -> "Memory":
        """Return a memory that has `added` too, of at most `limit` sketches beside the references."""
        if role is Role.REFUSED:  # what was refused as it was will be refused when it is stretched
            added = [sketch._replace(outline=b"") for sketch in added]
        if any(len(sketch.outline) > self.outline_bytes for sketch in added):
            more = Memory.of([*self.entries, *((role, sketch) for sketch in added)])
        else:
            packed = [_entry(role, sketch, self.outline_bytes) for sketch in added]
            more = Memory(self.packed + b"".join(packed), self.outline_bytes)
        return more._without_surplus(limit)

    def retired(self) -> "Memory":
        """Return a memory in which the references are accepted signatures like others."""
        packed = bytearray(self.packed)
        packed[:: self._step] = self._roles().replace(_byte(Role.REFERENCE), _byte(Role.ACCEPTED))
        return Memory(bytes(packed), self.outline_bytes)

    def to_bytes(self) -> bytes:
        """Pack as described at the top of this file."""
        return _VERSION + bytes([self.outline_bytes]) + self.packed

    @classmethod
    def from_bytes(cls, content: bytes | None) -> "Memory":
        """Unpack; None is an empty memory.

        Raises:
            StoreError: not what `to_bytes` wrote.
        """
        if content is None:
            return cls()
        if content[:1] == _WITHOUT_OUTLINES:
            content = _VERSION + b"\0" + content[1:]
        step = _ENTRY_BYTES + content[1] if len(content) > 1 else 0
        if content[:1] != _VERSION or not step or (len(content) - 2) % step:
            raise StoreError("a record of captures seen before is damaged", hint="Enroll the user again")
        memory = cls(content[2:], content[1])
        last = max(memory._roles(), default=0)
        if last > _LAST:
            raise StoreError("a record of captures seen before is damaged", received=f"role {last}")
        return memory

    @property
    def _step(self) -> int:
        return _ENTRY_BYTES + self.outline_bytes

    def _rows(self) -> npt.NDArray[np.uint8]:
        return np.frombuffer(self.packed, np.uint8).reshape(-1, self._step)

    def _roles(self) -> bytes:
        return self.packed[:: self._step]

    def _outlines(self) -> list[bytes]:
        """Return the outline of each entry, empty where it is not known."""
        packed, size, unknown = self.packed, self.outline_bytes, bytes(self.outline_bytes)
        ends = range(self._step, len(packed) + 1, self._step)
        outlines = [packed[end - size : end] for end in ends]
        return [b"" if outline == unknown else outline for outline in outlines]

    def _without_surplus(self, limit: int) -> "Memory":
        """Return it with at most so many beside the references: of those the lowest role's oldest go."""
        packed, step = self.packed, self._step
        roles = self._roles()
        for _ in range(len(roles) - roles.count(_byte(Role.REFERENCE)) - limit):
            gone = next(place for role in Role if (place := roles.find(_byte(role))) >= 0)
            roles = roles[:gone] + roles[gone + 1 :]
            packed = packed[: gone * step] + packed[(gone + 1) * step :]
        return Memory(packed, self.outline_bytes)


def _counted_bit_by_bit(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
    """Count the bits that are set, as `numpy.bitwise_count` does since numpy 2."""
    each = np.ascontiguousarray(words).view(np.uint8).reshape(*words.shape, _WORD.itemsize)
    return np.asarray(np.unpackbits(each, axis=-1).sum(axis=-1, dtype=np.uint8))


_ones: Final = getattr(np, "bitwise_count", _counted_bit_by_bit)


def _byte(role: Role) -> bytes:
    return bytes([role])


def _entry(role: Role, sketch: Sketch, outline_bytes: int) -> bytes:
    return _byte(role) + sketch.digest + sketch.bits + sketch.outline.ljust(outline_bytes, b"\0")


def _hadamard(values: FloatArray) -> FloatArray:
    """Transform `(n,)`, n a power of 2, by Walsh and Hadamard.

    As a matrix it falls into one over the rows and one over the columns of values laid out in a square, or
    half of one. Exact: they are whole numbers, |sum| < 127 · 4 · 512² < 2³¹, and float64 holds 2⁵³.
    """
    rows = 1 << (len(values).bit_length() - 1) // 2
    square = values.reshape(rows, -1)
    return np.asarray((_hadamard_matrix(rows) @ square @ _hadamard_matrix(square.shape[1])).reshape(-1))


@cache
def _hadamard_matrix(size: int) -> FloatArray:
    """Return the matrix `(size, size)`, of J. Sylvester."""
    matrix = np.ones((1, 1))
    while len(matrix) < size:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix
