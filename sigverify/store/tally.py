"""`Tally`: which rows a store has, as keyed sums that are the same in whatever order the rows came.

Each row adds a number that nobody can tell without the store's secret: BLAKE2b, keyed, of the row's part, of
what it is found by and of its *mark*, which names the sealing it holds (the nonces: other bytes under a nonce
do not open). A row that goes subtracts its number. So a change costs one or two numbers, however many rows
there are; and as the sums lie sealed in the head, nobody without the key can tell what they must be after
rows were taken out or put back.

Source: D. Clarke, S. Devadas, M. van Dijk, B. Gassend, G. E. Suh, "Incremental multiset hash functions and
their application to memory integrity checking", 2003 (MSet-Add-Hash).
"""

import hashlib
import struct
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Self

from sigverify.errors import DamagedStore
from sigverify.protection.sealing import join

NONCE_BYTES: Final = 12
"""That a sealed row begins with."""
PEOPLE: Final = "people"
RECORDS: Final = "records"
MODELS: Final = "models"
PARTS: Final = (MODELS, PEOPLE, RECORDS)

_SUM_BYTES: Final = 32
_MODULUS: Final = 1 << (8 * _SUM_BYTES)
_FORM: Final = struct.Struct(f"<QQ{f'Q{_SUM_BYTES}s' * len(PARTS)}")
_COUNT: Final = struct.Struct("<Q")


class Terms:
    """The number that each row adds, under one secret."""

    def __init__(self, secret: bytes) -> None:
        """Take 32 secret bytes of the store's."""
        self._secret = secret
        self._begun = lru_cache(maxsize=256)(self._begin)

    def of(self, part: str, kind: str, subject: bytes, mark: bytes) -> int:
        """Return the number of one row.

        Raises:
            DamagedStore: a damaged database gave back something else than bytes.
        """
        try:
            digest = self._begun(part, kind).copy()
            digest.update(_COUNT.pack(len(subject)) + subject + mark)
        except (TypeError, AttributeError, UnicodeError) as error:
            raise DamagedStore("a row of another shape than ours", hint="Restore a backup") from error
        return int.from_bytes(digest.digest(), "little")

    def _begin(self, part: str, kind: str) -> "hashlib.blake2b":
        return hashlib.blake2b(
            join(part.encode(), kind.encode()),
            key=self._secret,
            digest_size=_SUM_BYTES,
            person=b"sigverify rows 1",
        )


@dataclass(frozen=True)
class Share:
    """The rows of one part: how many, and the sum of their numbers.

    >>> Share().plus(5).plus(7).minus(5).exchanged(7, 9)
    Share(count=1, total=9)
    """

    count: int = 0
    total: int = 0

    def plus(self, term: int) -> "Share":
        """Return it with one row more."""
        return Share(self.count + 1, (self.total + term) % _MODULUS)

    def minus(self, term: int) -> "Share":
        """Return it with one row less."""
        return Share(self.count - 1, (self.total - term) % _MODULUS)

    def exchanged(self, before: int, after: int) -> "Share":
        """Return it with one row in the place of another."""
        return Share(self.count, (self.total - before + after) % _MODULUS)


@dataclass(frozen=True)
class Tally:
    """What the head of a store holds, sealed.

    Attributes:
        changes: how many rows were written or removed since the store was made.
        counted: the number of a counter outside that goes with this state; 0: none counts.
        models: the rows of models.
        people: those of templates and vectors, each pair as one.
        records: those of records.
    """

    changes: int = 0
    counted: int = 0
    models: Share = Share()
    people: Share = Share()
    records: Share = Share()

    @property
    def rows(self) -> tuple[Share, ...]:
        """The rows alone."""
        return (self.models, self.people, self.records)

    @property
    def gallery(self) -> tuple[Share, Share]:
        """Who is enrolled, by which template: the same in a fleet's store and a whole copy of it."""
        return (self.models, self.people)

    def with_(self, part: str, share: Share) -> "Tally":
        """Return it with other rows of that part."""
        changes: dict[str, Any] = {part: share}
        return replace(self, **changes)

    def changed(self, part: str, share: Share) -> "Tally":
        """Return it with other rows of that part, one change later."""
        if part == RECORDS:  # nearly always
            return Tally(self.changes + 1, self.counted, self.models, self.people, share)
        return replace(self.with_(part, share), changes=self.changes + 1)

    def to_bytes(self) -> bytes:
        """Write it, to be sealed."""
        models, people, records = self.models, self.people, self.records
        return _FORM.pack(
            self.changes,
            self.counted,
            models.count,
            models.total.to_bytes(_SUM_BYTES, "little"),
            people.count,
            people.total.to_bytes(_SUM_BYTES, "little"),
            records.count,
            records.total.to_bytes(_SUM_BYTES, "little"),
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            DamagedStore: something else.
        """
        if len(content) != _FORM.size:
            raise DamagedStore("a head of another shape", hint="Restore a backup")
        changes, counted, *shares = _FORM.unpack(content)
        rows = zip(shares[::2], shares[1::2], strict=True)
        return cls(
            changes, counted, *(Share(count, int.from_bytes(total, "little")) for count, total in rows)
        )


def mark_of(*contents: bytes | None) -> bytes:
    """Return what names these sealings: their nonces; of one that is missing, zeros."""
    return b"".join(map(_nonce, contents))


def _nonce(content: object) -> bytes:
    """A damaged database may give back anything in place of bytes."""
    begin = content[:NONCE_BYTES] if isinstance(content, bytes) else b""
    return begin.ljust(NONCE_BYTES, b"\0")


def marks_of(mark: object) -> tuple[bytes, bytes]:
    """Return the marks of a person's template and of their vectors.

    Raises:
        DamagedStore: a damaged database gave back something else.
    """
    if not isinstance(mark, bytes) or len(mark) != 2 * NONCE_BYTES:
        raise DamagedStore("a mark of another shape than ours", hint=HINT)
    return mark[:NONCE_BYTES], mark[NONCE_BYTES:]


def check_newest(content: bytes | None, mark: bytes, what: str) -> bytes:
    """Return the content of a row, if it is the newest that was written there.

    Args:
        content: as it lies in its table; None: there is no row.
        mark: of the sealing that must be there.
        what: the row is, for an error.

    Raises:
        DamagedStore: it is gone, or another one is in its place.
    """
    if content is None:
        raise DamagedStore(f"a sealed {what} is gone", expected="what was written there", hint=HINT)
    if _nonce(content) != mark:
        raise DamagedStore(
            f"a sealed {what} is not the newest that was written there", expected="the newest", hint=HINT
        )
    return content


HINT: Final = "Somebody without the key changed the store: sigverify store check lists all; restore a backup"
