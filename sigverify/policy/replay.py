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
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from sigverify.arrays import FloatArray, IndexArray, Int8Array, Int32Array
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
        self._projections: dict[int, tuple[Int32Array, Int32Array, IndexArray]] = {}

    def sketch(self, fingerprint: bytes, series: Int8Array, outline: bytes = b"") -> Sketch:
        """Sketch a capture.

        Args:
            fingerprint: of the capture, see `Modality.fingerprint`.
            series: `(t, c)` as `Embedding` has them, before any renewal.
            outline: of the capture, see `Modality.outline`; empty where its kind has none.
        """
        return Sketch(digest=self.digest(fingerprint), bits=self._bits(series), outline=outline)

    def digest(self, fingerprint: bytes) -> bytes:
        """Return what finds a capture of this fingerprint again, exactly: `DIGEST_BYTES`."""
        return self._mac(b"capture", fingerprint)[:DIGEST_BYTES]

    def bucket(self, user_id: str) -> str:
        """Return one of 256 names for a user id: a place for those who are not enrolled."""
        return f"{self._mac(b'bucket', user_id.encode())[0]:02x}"

    def _bits(self, series: Int8Array) -> bytes:
        frames, channels = series.shape
        # Sums over a few frames each: noise and jitter average out. A last group may be shorter.
        whole = np.zeros((-(-frames // _POOL) * _POOL, channels), np.int32)
        whole[:frames] = series
        pooled = whole.reshape(-1, _POOL, channels).sum(axis=1).reshape(-1)
        # The transform needs a power of two, with at least as many results as bits are kept.
        size = 1 << max(_BITS - 1, len(pooled) - 1).bit_length()
        padded = np.zeros(size, np.int32)
        padded[: len(pooled)] = pooled
        # Signs, transform, other signs, transform: every result depends on all of the series. Which results
        # are kept is secret too.
        first, second, chosen = self._projection(size)
        mixed = _hadamard(_hadamard(padded * first) * second)
        return np.packbits(mixed[chosen] > 0).tobytes()

    def _projection(self, size: int) -> tuple[Int32Array, Int32Array, IndexArray]:
        """Two rows of keyed signs, and which of the `size` results are kept."""
        if size not in self._projections:
            # Of each word two bits are signs, and the rest put the results into a random order.
            stream = hashlib.shake_256(self._mac(b"projection", str(size).encode())).digest(4 * size)
            words = np.frombuffer(stream, "<u4")
            first, second = (1 - 2 * (words >> shift & 1).astype(np.int32) for shift in (0, 1))
            self._projections[size] = first, second, np.argsort(words >> 2, kind="stable")[:_BITS]
        return self._projections[size]

    def _mac(self, purpose: bytes, content: bytes) -> bytes:
        return hmac.digest(self._secret, b"sigverify replay " + purpose + b"\0" + content, "sha256")


_ROLES: Final = tuple(Role)


@dataclass(frozen=True)
class Memory:
    """The sketches kept of one user, the oldest first."""

    entries: tuple[tuple[Role, Sketch], ...] = ()

    def has(self, sketch: Sketch, bits: int) -> bool:
        """Whether this capture, or one that differs a little, was seen before."""
        return any(kept.is_of(sketch, bits) for _, kept in self.entries)

    @property
    def outlines(self) -> list[bytes]:
        """Of what is remembered, where they are known."""
        return [kept.outline for _, kept in self.entries if kept.outline]

    def with_(self, added: Sequence[Sketch], role: Role, *, limit: int) -> "Memory":
        """Return a memory that has `added` too, of at most `limit` sketches beside the references."""
        if role is Role.REFUSED:  # what was refused as it was will be refused when it is stretched
            added = [sketch._replace(outline=b"") for sketch in added]
        entries = [*self.entries, *((role, sketch) for sketch in added)]
        surplus = sum(role is not Role.REFERENCE for role, _ in entries) - limit
        if surplus > 0:
            gone = sorted(range(len(entries)), key=lambda index: (entries[index][0], index))[:surplus]
            entries = [entry for index, entry in enumerate(entries) if index not in gone]
        return Memory(tuple(entries))

    def retired(self) -> "Memory":
        """Return a memory in which the references are accepted signatures like others."""
        return Memory(tuple((min(role, Role.ACCEPTED), sketch) for role, sketch in self.entries))

    def to_bytes(self) -> bytes:
        """Pack as described at the top of this file."""
        size = max((len(sketch.outline) for _, sketch in self.entries), default=0)
        return b"".join(
            (
                _VERSION + bytes([size]),
                *(
                    bytes([role]) + sketch.digest + sketch.bits + sketch.outline.ljust(size, b"\0")
                    for role, sketch in self.entries
                ),
            )
        )

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
        return cls(tuple(_entry(content[start : start + step]) for start in range(2, len(content), step)))


def _entry(content: bytes) -> tuple[Role, Sketch]:
    role = content[0]
    if role >= len(_ROLES):
        raise StoreError("a record of captures seen before is damaged", received=f"role {role}")
    end = 1 + DIGEST_BYTES
    outline = content[_ENTRY_BYTES:]
    known = outline if any(outline) else b""
    return _ROLES[role], Sketch(digest=content[1:end], bits=content[end:_ENTRY_BYTES], outline=known)


def _hadamard(values: Int32Array) -> Int32Array:
    """Transform `(n,)`, n a power of 2, by Walsh and Hadamard.

    As a matrix it falls into one over the rows and one over the columns of values laid out in a square, or
    half of one. Exact: |sum| < 127 · 4 · 512² < 2³¹, and float64 holds 2⁵³.
    """
    rows = 1 << (len(values).bit_length() - 1) // 2
    square = values.reshape(rows, -1).astype(np.float64)
    return np.asarray(
        (_hadamard_matrix(rows) @ square @ _hadamard_matrix(square.shape[1])).reshape(-1), np.int32
    )


@cache
def _hadamard_matrix(size: int) -> FloatArray:
    """Return the matrix `(size, size)`, of J. Sylvester."""
    matrix = np.ones((1, 1))
    while len(matrix) < size:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix
