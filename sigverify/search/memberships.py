"""`Memberships`: who is in which group, of a store on a server, followed by what changed there."""

from collections import defaultdict
from typing import Final

from sigverify.search.groups import KIND, check_group, read_groups
from sigverify.store.postgres import PostgresStore
from sigverify.template import spellings

_PAGE: Final = 1_000


class Memberships:
    """Known from sealed records alone: a server can hide a change, and invent none. One thread at a time."""

    def __init__(self, store: PostgresStore) -> None:
        """Take the store; all groups are read when first asked for."""
        self._store = store
        self._changed = 0
        self._of: dict[bytes, tuple[bytes, tuple[str, ...]]] = {}
        """By what a record is found by: whose it is, and their groups."""
        self._members: defaultdict[str, set[bytes]] = defaultdict(set)

    def members(self, group: str) -> frozenset[bytes]:
        """Return what the people in a group are found by, enrolled by whichever modality.

        Raises:
            ConfigError: that cannot name a group.
        """
        group = check_group(group)
        while records := self._store.sealed_records((KIND,), after=self._changed, limit=_PAGE):
            for record in records:
                self._assign(record.subject, record.content)
            self._changed = records[-1].changed
        return frozenset(self._members.get(group, ()))

    def _assign(self, place: bytes, content: bytes | None) -> None:
        """Note a record; None: it was deleted."""
        subject, names = self._of.pop(place, (b"", ()))
        for name in names:
            self._members[name].discard(subject)
        if content is None:
            return
        with self._store.reading() as rows:
            user_id, groups = rows.open_record(KIND, place, content)
        subject, names = self._store.subject(spellings(user_id)[0]), read_groups(groups)
        self._of[place] = (subject, names)
        for name in names:
            self._members[name].add(subject)
