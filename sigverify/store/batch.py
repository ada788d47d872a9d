"""`Batch`: people with the vectors that a search compares, as arrays and as bytes."""

import struct
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sigverify.arrays import BoolArray, IndexArray
from sigverify.errors import DamagedStore
from sigverify.protection.sealing import DIGEST_BYTES
from sigverify.store.tally import NONCE_BYTES

_HEAD: Final = struct.Struct("<IIIQ")
"""People, dimensions, vectors, bytes of all ids."""


class Person(NamedTuple):
    """One of a batch: subject, seal of the row of vectors, user id, vectors `(r, e)` float16."""

    subject: bytes
    seal: bytes
    user_id: str
    vectors: npt.NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class Batch:
    """People with their vectors.

    Attributes:
        subjects: `(n, 16)` uint8, rising: what the store finds each by.
        seals: `(n, 12)` uint8, of the row that each one's vectors were read from.
        names: all user ids in UTF-8, one after the other.
        lengths: `(n,)` int64, bytes of each id.
        counts: `(n,)` int64, vectors of each.
        vectors: `(sum of counts, e)` float16.
    """

    subjects: npt.NDArray[np.uint8]
    seals: npt.NDArray[np.uint8]
    names: bytes
    lengths: IndexArray
    counts: IndexArray
    vectors: npt.NDArray[np.float16]

    def __len__(self) -> int:
        """Count the people."""
        return len(self.subjects)

    @classmethod
    def of(cls, people: Sequence[Person]) -> "Batch":
        """Put people together, whose vectors are all of one size."""
        ordered = sorted(people, key=lambda person: person.subject)
        names = [person.user_id.encode() for person in ordered]
        vectors = [person.vectors for person in ordered]
        size = vectors[0].shape[1] if vectors else 0
        return cls(
            digests(b"".join(person.subject for person in ordered), DIGEST_BYTES),
            digests(b"".join(person.seal for person in ordered), NONCE_BYTES),
            b"".join(names),
            np.array([len(name) for name in names], np.int64),
            np.array([len(each) for each in vectors], np.int64),
            np.concatenate([np.zeros((0, size), np.float16), *vectors]),
        )

    def where(self, chosen: BoolArray) -> "Batch":
        """Return those people of the batch, `(n,)`, that are chosen."""
        letters = np.frombuffer(self.names, np.uint8)
        return Batch(
            self.subjects[chosen],
            self.seals[chosen],
            letters[np.repeat(chosen, self.lengths)].tobytes(),
            self.lengths[chosen],
            self.counts[chosen],
            self.vectors[np.repeat(chosen, self.counts)],
        )

    def others(self, subjects: AbstractSet[bytes]) -> BoolArray:
        """Return who is not among these, `(n,)`."""
        whole = self.subjects.tobytes()
        each = (whole[at : at + DIGEST_BYTES] for at in range(0, len(whole), DIGEST_BYTES))
        return np.array([subject not in subjects for subject in each], np.bool_)

    def people(self) -> list[Person]:
        """Take them apart."""
        vectors = np.split(self.vectors, np.cumsum(self.counts)[:-1]) if len(self) else []
        ends = np.cumsum(self.lengths).tolist()
        return [
            Person(
                self.subjects[at].tobytes(),
                self.seals[at].tobytes(),
                self.names[ends[at] - int(self.lengths[at]) : ends[at]].decode(),
                its,
            )
            for at, its in enumerate(vectors)
        ]

    def to_bytes(self) -> bytes:
        """Write them, to be sealed."""
        count, size = self.vectors.shape
        return b"".join(
            (
                _HEAD.pack(len(self), size, count, len(self.names)),
                self.subjects.tobytes(),
                self.seals.tobytes(),
                self.lengths.astype("<u4").tobytes(),
                self.counts.astype("<u4").tobytes(),
                self.names,
                self.vectors.astype("<f2").tobytes(),
            )
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> "Batch":
        """Read what `to_bytes` wrote.

        Raises:
            DamagedStore: something else.
        """
        if len(content) < _HEAD.size:
            raise DamagedStore("a part of a gallery of another shape")
        people, size, count, letters = _HEAD.unpack_from(content)
        sizes = (
            DIGEST_BYTES * people, NONCE_BYTES * people, 4 * people, 4 * people, letters, 2 * size * count,
        )  # fmt: skip
        if len(content) != _HEAD.size + sum(sizes):
            raise DamagedStore("a part of a gallery of another shape")
        parts, at = [], _HEAD.size
        for each in sizes:
            parts.append(content[at : at + each])
            at += each
        its = cls(
            digests(parts[0], DIGEST_BYTES),
            digests(parts[1], NONCE_BYTES),
            parts[4],
            np.frombuffer(parts[2], "<u4").astype(np.int64),
            np.frombuffer(parts[3], "<u4").astype(np.int64),
            np.frombuffer(parts[5], "<f2").astype(np.float16, copy=False).reshape(count, size),
        )
        if int(its.lengths.sum()) != letters or int(its.counts.sum()) != count:
            raise DamagedStore("a part of a gallery of another shape")
        return its


def digests(content: bytes, size: int) -> npt.NDArray[np.uint8]:
    """Return bytes, `size` of each, as `(n, size)`."""
    return np.frombuffer(content, np.uint8).reshape(-1, size)
