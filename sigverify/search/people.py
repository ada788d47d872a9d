"""`People`: who is in the index, under which number, and in which groups.

A hundred thousand people are kept in 5 MB: names in one row of bytes, subjects in an array, and an array of
their order to find them by. As Python's objects in a dictionary they would be 25 MB.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from sigverify.arrays import BoolArray, Int32Array
from sigverify.errors import StoreError
from sigverify.protection.sealing import DIGEST_BYTES

_ROOM: Final = 256
"""Slots that are made at once, at least."""
_NEW: Final = 1_024
"""People who are found by a dictionary, before they are put in order with the others."""


class People:
    """Gives everybody a small number (slot), which is used again after they are gone."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._end = 0
        self._free: list[int] = []
        self._subjects: npt.NDArray[np.uint8] = np.zeros((0, DIGEST_BYTES), np.uint8)
        self._is_there = np.zeros(0, np.bool_)
        self._names = bytearray()
        self._starts = np.zeros(0, np.int64)
        self._lengths = np.zeros(0, np.int32)
        self._ordered: npt.NDArray[np.uint64] = np.zeros(0, np.uint64)
        """The first eight bytes of subjects, rising, and beside them whose: some may be gone since."""
        self._in_order: Int32Array = np.zeros(0, np.int32)
        self._new: dict[bytes, int] = {}
        self._groups: dict[str, set[int]] = {}

    def __len__(self) -> int:
        """Count them."""
        return self._end - len(self._free)

    def slot(self, subject: bytes, user_id: str) -> int:
        """Return the slot of `user_id`, whom the store finds by `subject`; a new one for somebody new."""
        slot = self._find(subject)
        if slot is None:
            (slot,) = self._take(1).tolist()
            self._subjects[slot] = np.frombuffer(subject, np.uint8)
            self._new[subject] = slot
            if len(self._new) > _NEW + len(self) // 8:
                self._put_in_order()
        elif self._name(slot) == user_id.encode():
            return slot
        name = user_id.encode()
        self._starts[slot], self._lengths[slot] = len(self._names), len(name)
        self._names += name
        self._is_there[slot] = True
        return slot

    def add(
        self, subjects: npt.NDArray[np.uint8], names: bytes, lengths: npt.NDArray[np.int64]
    ) -> Int32Array:
        """Return the slots `(n,)` of people none of whom is there yet, nor comes twice.

        Args:
            subjects: `(n, 16)`, what the store finds each by.
            names: all user ids in UTF-8, one after the other.
            lengths: `(n,)`, bytes of each.
        """
        slots = self._take(len(subjects))
        self._subjects[slots] = subjects
        self._starts[slots] = len(self._names) + np.cumsum(lengths) - lengths
        self._lengths[slots] = lengths
        self._names += names
        self._is_there[slots] = True
        self._ordered = np.zeros(0, np.uint64)  # put in order when somebody is looked for
        return slots

    def keep(self, subjects: frozenset[bytes]) -> list[int]:
        """Drop all but those found by `subjects`; return the slots that are free now."""
        there = np.flatnonzero(self._is_there[: self._end]).tolist()
        gone = [slot for slot in there if self._subjects[slot].tobytes() not in subjects]
        for slot in gone:
            self._new.pop(self._subjects[slot].tobytes(), None)
            self._subjects[slot] = 0
            self._is_there[slot] = False
            self.assign(slot, ())
        self._free.extend(gone)
        if gone:
            self._forget_names()
        return gone

    def knows(self, subject: bytes) -> bool:
        """Say whether somebody is found by `subject`."""
        return self._find(subject) is not None

    def user_id(self, slot: int) -> str:
        """Return who has that slot."""
        if not self._is_there[slot]:
            raise StoreError("the index names somebody who is gone", hint="Open the store anew")
        return self._name(slot).decode()

    def assign(self, slot: int, groups: Iterable[str]) -> None:
        """Put somebody into these groups and no other."""
        for members in self._groups.values():
            members.discard(slot)
        for group in groups:
            self._groups.setdefault(group, set()).add(slot)

    def assign_all(self, groups: Mapping[str, Iterable[str]]) -> None:
        """Put everybody into groups at once, by user id; who is not named is in none."""
        self._groups.clear()
        for slot in np.flatnonzero(self._is_there[: self._end]).tolist():
            for group in groups.get(self._name(slot).decode(), ()):
                self._groups.setdefault(group, set()).add(slot)

    def members(self, group: str) -> BoolArray:
        """Return who is in a group, `(slots,)`; all False for a group that nobody is in."""
        mask = np.zeros(self._end, np.bool_)
        mask[list(self._groups.get(group, ()))] = True
        return mask

    def _name(self, slot: int) -> bytes:
        start = int(self._starts[slot])
        return bytes(self._names[start : start + int(self._lengths[slot])])

    def _find(self, subject: bytes) -> int | None:
        slot = self._new.get(subject)
        if slot is not None:
            return slot
        if len(self._ordered) + len(self._new) < len(self):
            self._put_in_order()
        key = np.frombuffer(subject, ">u8", count=1).astype(np.uint64)
        at = int(np.searchsorted(self._ordered, key)[0])
        # Two subjects that begin alike are as good as impossible, and told apart.
        while at < len(self._ordered) and self._ordered[at] == key[0]:
            slot = int(self._in_order[at])
            if self._is_there[slot] and self._subjects[slot].tobytes() == subject:
                return slot
            at += 1
        return None

    def _put_in_order(self) -> None:
        slots = np.flatnonzero(self._is_there[: self._end]).astype(np.int32)
        keys = np.ascontiguousarray(self._subjects[slots]).view(">u8")[:, 0].astype(np.uint64)
        order = np.argsort(keys)
        self._ordered, self._in_order = keys[order], slots[order]
        self._new = {}

    def _forget_names(self) -> None:
        """Leave the names of those who are gone out, where they are half of all."""
        there = np.flatnonzero(self._is_there[: self._end])
        if 2 * int(self._lengths[there].sum()) < len(self._names):
            names = [self._name(slot) for slot in there.tolist()]
            self._starts[there] = np.cumsum(self._lengths[there]) - self._lengths[there]
            self._names = bytearray().join(names)

    def _take(self, count: int) -> Int32Array:
        """Return slots that nobody has, freed ones first."""
        again = [self._free.pop() for _ in range(min(count, len(self._free)))]
        first = self._end
        self._end += count - len(again)
        missing = self._end - len(self._is_there)
        if missing > 0:
            more = max(missing, _ROOM, len(self._is_there) // 8)
            self._subjects = np.concatenate([self._subjects, np.zeros((more, DIGEST_BYTES), np.uint8)])
            self._is_there = np.concatenate([self._is_there, np.zeros(more, np.bool_)])
            self._starts = np.concatenate([self._starts, np.zeros(more, np.int64)])
            self._lengths = np.concatenate([self._lengths, np.zeros(more, np.int32)])
        return np.concatenate([np.array(again, np.int32), np.arange(first, self._end, dtype=np.int32)])
