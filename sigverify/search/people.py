"""`People`: who is in the index, under which number, and in which groups."""

from collections.abc import Iterable, Mapping

import numpy as np

from sigverify.arrays import BoolArray
from sigverify.errors import StoreError


class People:
    """Gives everybody a small number (slot), which is used again after they are gone."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._user_ids: list[str | None] = []
        self._slots: dict[bytes, int] = {}
        self._free: list[int] = []
        self._groups: dict[str, set[int]] = {}

    def __len__(self) -> int:
        """Count them."""
        return len(self._slots)

    def slot(self, subject: bytes, user_id: str) -> int:
        """Return the slot of `user_id`, whom the store finds by `subject`; a new one for somebody new."""
        slot = self._slots.get(subject)
        if slot is None:
            slot = self._free.pop() if self._free else len(self._user_ids)
            self._slots[subject] = slot
            if slot == len(self._user_ids):
                self._user_ids.append(None)
        self._user_ids[slot] = user_id
        return slot

    def keep(self, subjects: frozenset[bytes]) -> list[int]:
        """Drop all but those found by `subjects`; return the slots that are free now."""
        gone = {subject: slot for subject, slot in self._slots.items() if subject not in subjects}
        for subject, slot in gone.items():
            del self._slots[subject]
            self._user_ids[slot] = None
            self.assign(slot, ())
        self._free.extend(gone.values())
        return list(gone.values())

    def knows(self, subject: bytes) -> bool:
        """Say whether somebody is found by `subject`."""
        return subject in self._slots

    def user_id(self, slot: int) -> str:
        """Return who has that slot."""
        user_id = self._user_ids[slot]
        if user_id is None:
            raise StoreError("the index names somebody who is gone", hint="Open the store anew")
        return user_id

    def assign(self, slot: int, groups: Iterable[str]) -> None:
        """Put somebody into these groups and no other."""
        for members in self._groups.values():
            members.discard(slot)
        for group in groups:
            self._groups.setdefault(group, set()).add(slot)

    def assign_all(self, groups: Mapping[str, Iterable[str]]) -> None:
        """Put everybody into groups at once, by user id; who is not named is in none."""
        self._groups.clear()
        for slot, user_id in enumerate(self._user_ids):
            if user_id is not None:
                self.assign(slot, groups.get(user_id, ()))

    def members(self, group: str) -> BoolArray:
        """Return who is in a group, `(slots,)`; all False for a group that nobody is in."""
        mask = np.zeros(len(self._user_ids), np.bool_)
        mask[list(self._groups.get(group, ()))] = True
        return mask
