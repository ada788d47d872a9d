"""`Memberships`: who is in which group, of a store on a server, followed by what changed there."""

from collections import defaultdict
from typing import Final

from sigverify.search.groups import KIND, check_group, read_groups
from sigverify.store.postgres import PostgresStore, SealedRecord
from sigverify.store.rows import Rows
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
        with self._store.reading() as rows:
            while records := self._store.sealed_records((KIND,), after=self._changed, limit=_PAGE):
                for record in records:
                    self._assign(rows, record)
                self._changed = records[-1].changed
        return frozenset(self._members.get(group, ()))

    def _assign(self, rows: Rows, record: SealedRecord) -> None:
        """Note a record in place of any before."""
        subject, names = self._of.pop(record.subject, (b"", ()))
        for name in names:
            self._members[name].discard(subject)
        if record.content is None:  # it was deleted
            return
        user_id, content = rows.open_record(KIND, record.subject, record.content)
        subject, names = self._store.subject(spellings(user_id)[0]), read_groups(content)
        self._of[record.subject] = (subject, names)
        for name in names:
            self._members[name].add(subject)
