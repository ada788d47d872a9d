"""Replays: nobody signs twice the same, so what is near-identical to something seen before is a copy.

Of a capture that was shown, a `Sketch` is kept: a keyed digest that finds it again exactly, and 512 bits
that differ in few places for a capture disturbed a little (noise, shift, scale, another sampling rate).
The bits are signs of a keyed random projection of the series, coarse in time; the ink cannot be drawn from
them, and without the secret they say nothing at all. References need no sketch while they are enrolled:
`Matcher.is_copy` compares with them in full.

The record of kind "replay" of a user is a version byte and a `Sketch` after another, the newest last.

Source: M. Charikar, "Similarity estimation techniques from rounding algorithms", 2002; the projection by
N. Ailon, B. Chazelle, "The fast Johnson-Lindenstrauss transform", 2009.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np

from sigverify.arrays import IndexArray, Int8Array, Int32Array
from sigverify.errors import StoreError

KIND: Final = "replay"
"""Of the records, and the purpose of the store's secret."""

_BITS: Final = 512
_POOL: Final = 4
"""Frames summed up before the projection: noise and jitter average out; genuine repetitions still differ."""
_DIGEST_BYTES: Final = 16
_SKETCH_BYTES: Final = _BITS // 8
_ENTRY_BYTES: Final = 1 + _DIGEST_BYTES + _SKETCH_BYTES
_VERSION: Final = b"\1"


class Role(IntEnum):
    """What became of a capture; when the memory is full, the lowest and oldest goes first.

    So nobody can push out what was accepted by showing many others.
    """

    REFUSED = 0
    ACCEPTED = 1
    REFERENCE = 2


class Sketch(NamedTuple):
    """What is kept of a capture: `digest` finds it exactly, `bits` finds it disturbed."""

    digest: bytes
    bits: bytes

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

    def sketch(self, fingerprint: bytes, series: Int8Array) -> Sketch:
        """Sketch a capture.

        Args:
            fingerprint: of the capture, see `Modality.fingerprint`.
            series: `(t, c)` as `Embedding` has them, before any renewal.
        """
        digest = self._mac(b"capture", fingerprint)[:_DIGEST_BYTES]
        return Sketch(digest=digest, bits=self._bits(series))

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

    def with_(self, added: Sequence[Sketch], role: Role, *, limit: int) -> "Memory":
        """Return a memory that has `added` too, of at most `limit` sketches beside the references."""
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
        return _VERSION + b"".join(
            bytes([role]) + sketch.digest + sketch.bits for role, sketch in self.entries
        )

    @classmethod
    def from_bytes(cls, content: bytes | None) -> "Memory":
        """Unpack; None is an empty memory.

        Raises:
            StoreError: not what `to_bytes` wrote.
        """
        if content is None:
            return cls()
        if content[:1] != _VERSION or (len(content) - 1) % _ENTRY_BYTES:
            raise StoreError("a record of captures seen before is damaged", hint="Enroll the user again")
        starts = range(1, len(content), _ENTRY_BYTES)
        return cls(tuple(_entry(content[start : start + _ENTRY_BYTES]) for start in starts))


def _entry(content: bytes) -> tuple[Role, Sketch]:
    role = content[0]
    if role >= len(_ROLES):
        raise StoreError("a record of captures seen before is damaged", received=f"role {role}")
    end = 1 + _DIGEST_BYTES
    return _ROLES[role], Sketch(digest=content[1:end], bits=content[end:])


def _hadamard(values: Int32Array) -> Int32Array:
    """Transform `(n,)`, n a power of 2, by Walsh and Hadamard. Exact: |sum| < 127 · 4 · 512² < 2³¹."""
    width = 1
    while width < len(values):
        pairs = values.reshape(-1, 2, width)
        values = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1).reshape(-1)
        width *= 2
    return values
