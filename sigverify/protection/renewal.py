"""`Renewal`: a secret change of coordinates of what is stored, so that templates can be revoked.

Each store turns what it keeps by a transform of its own (ISO/IEC 24745: renewable, unlinkable), and turns it
back for a comparison in full; 1:N search compares turned vectors. Templates of two stores cannot be compared,
and a store that gets a new salt or key makes the old ones worthless.

===========  ===============================================================  ===============================
part         transform                                                        distance kept
===========  ===============================================================  ===============================
series       channels permuted, some negated, time perhaps reversed           elastic, to the last bit
detail       the same, with another permutation                               none: restored first
sequence     the same, with another permutation                               elastic, to the last bit
vector       rotation or reflection, uniform among all                        Euclidean, to float32 rounding
extent       none                                                             log ratio, to the last bit
===========  ===============================================================  ===============================

All distances within a store are as they would be without. A city-block distance admits nothing but
permutations, signs and shifts, elastic matching nothing but the reversal of time. So there are 2 · 7! · 2⁷ ≈
1.3 million transforms of a pen's series, and who knows how speed and pressure usually look picks the right
one without trying: this is no encryption. It stands behind the encryption, for the template that leaked from
memory, from a log or with its key. See docs/store.md.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Final, TypeVar

import numpy as np

from sigverify.arrays import Float32Array, FloatArray, IndexArray, Int8Array
from sigverify.matching.embedding import Embedding, References
from sigverify.protection.keys import hkdf

Embedded = TypeVar("Embedded", Embedding, References)

_SERIES: Final = "dynamics"
"""What names the transform of the series: its old name, for stored templates are turned by it."""

_WORD: Final = 8
"""Bytes of one random number."""


@dataclass(frozen=True, eq=False)
class _Turn:
    """One transform of `(…, t, c)`: output channel k is `signs[k]` · input channel `order[k]`."""

    order: IndexArray
    signs: Int8Array
    back: bool

    def apply(self, values: Int8Array) -> Int8Array:
        moved = np.take(values, self.order, axis=-1) * self.signs
        return np.ascontiguousarray(moved[..., ::-1, :]) if self.back else moved

    def undo(self, values: Int8Array) -> Int8Array:
        places, signs = self.undoing
        moved = np.take(values[..., ::-1, :] if self.back else values, places, axis=-1)
        moved *= signs
        return moved

    @cached_property
    def undoing(self) -> tuple[IndexArray, Int8Array]:
        """Where each channel went, and with which sign."""
        places = np.argsort(self.order)
        return places, self.signs[places]


class Renewal:
    """The transform that a secret stands for; the same on every platform. Threads may share it."""

    def __init__(self, secret: bytes) -> None:
        """Take 32 secret bytes; matrices are made for the sizes met."""
        self._secret = secret
        self._turn = lru_cache(maxsize=8)(self._make_turn)
        self._rotation = lru_cache(maxsize=4)(self._make_rotation)

    def __repr__(self) -> str:
        """Show nothing."""
        return "<Renewal>"

    def turn(self, embedded: Embedded) -> Embedded:
        """Return an embedding, or references, in this store's coordinates. int8 values are within ±127."""
        rotation = self._rotation(embedded.vector.shape[-1])
        return replace(
            embedded,
            series=self._turn(_SERIES, embedded.series.shape[-1]).apply(embedded.series),
            detail=self._turn("detail", embedded.detail.shape[-1]).apply(embedded.detail),
            sequence=self._turn("sequence", embedded.sequence.shape[-1]).apply(embedded.sequence),
            vector=np.asarray(embedded.vector @ rotation, np.float32),
        )

    def restore(self, embedded: Embedded) -> Embedded:
        """Return what `turn` was given, the vector to float32 rounding."""
        rotation = self._rotation(embedded.vector.shape[-1])
        return replace(
            embedded,
            series=self._turn(_SERIES, embedded.series.shape[-1]).undo(embedded.series),
            detail=self._turn("detail", embedded.detail.shape[-1]).undo(embedded.detail),
            sequence=self._turn("sequence", embedded.sequence.shape[-1]).undo(embedded.sequence),
            vector=np.asarray(embedded.vector @ rotation.T, np.float32),
        )

    def _make_turn(self, name: str, channels: int) -> _Turn:
        numbers = _Numbers(self._secret, f"{name} {channels}")
        order = np.array(numbers.shuffled(channels), np.intp)
        signs = np.array([1 - 2 * numbers.below(2) for _ in range(channels)], np.int8)
        return _Turn(order, signs, bool(numbers.below(2)))

    def _make_rotation(self, size: int) -> Float32Array:
        """Draw uniformly from the orthogonal matrices `(e, e)`: a product of reflections and signs.

        Source: G. W. Stewart, "The efficient generation of random orthogonal matrices with an application to
        condition estimators", 1980.
        """
        numbers = _Numbers(self._secret, f"vector {size}")
        matrix: FloatArray = np.eye(size)
        for count in range(2, size + 1):
            # A direction drawn uniformly in the last `count` dimensions.
            mirror = np.array([numbers.normal() for _ in range(count)])
            # The mirror that takes it to the first axis. Adding with its own sign cancels no digits; `fsum`
            # gives the same sum on every platform.
            sign = 1.0 if mirror[0] >= 0 else -1.0
            mirror[0] += sign * math.sqrt(math.fsum(mirror**2))
            mirror /= math.sqrt(math.fsum(mirror**2))
            # Reflect those rows, and undo the sign that was chosen for the digits' sake.
            lower = matrix[size - count :]
            lower -= 2 * np.outer(mirror, mirror @ lower)
            lower[0] *= -sign
        # Every step so far leaves the last sign to be drawn: half of the matrices are rotations.
        matrix[-1] *= 1 - 2 * numbers.below(2)
        return np.asarray(matrix, np.float32)


class _Numbers:
    """Random numbers that follow from a secret and a name alone: SHAKE-256 over an HKDF subkey."""

    def __init__(self, secret: bytes, name: str) -> None:
        self._words = self._stream(hkdf(secret, b"sigverify renewal 1", name.encode()))

    @staticmethod
    def _stream(seed: bytes) -> Iterator[int]:
        block = 0
        while True:
            content = hashlib.shake_256(seed + block.to_bytes(4, "little")).digest(4096)
            yield from np.frombuffer(content, "<u8").tolist()
            block += 1

    def below(self, limit: int) -> int:
        """Return one of 0 … `limit` - 1, each as likely, by leaving out what lies beyond a multiple."""
        last = (1 << 8 * _WORD) // limit * limit
        return next(word for word in self._words if word < last) % limit

    def shuffled(self, count: int) -> list[int]:
        """Return 0 … `count` - 1 shuffled, every order as likely. Source: R. Fisher, F. Yates, 1938."""
        items = list(range(count))
        for end in range(count - 1, 0, -1):
            other = self.below(end + 1)
            items[end], items[other] = items[other], items[end]
        return items

    def normal(self) -> float:
        """Return a standard normal number. Source: G. Box, M. Muller, 1958."""
        one, two = ((next(self._words) >> 11) + 0.5 for _ in range(2))
        return math.sqrt(-2 * math.log(one * 2**-53)) * math.cos(2 * math.pi * two * 2**-53)
