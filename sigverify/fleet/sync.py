"""`synchronize`: upload what a kiosk noted, then read what changed on the server."""

import logging
from typing import Final, NamedTuple

from sigverify.audit import KIND as AUDIT
from sigverify.errors import DamagedStore
from sigverify.fleet.cache import Cache, write
from sigverify.fleet.merging import to_shared
from sigverify.fleet.outbox import LOCKOUTS, OUTBOX, SHARED, address, parse_address
from sigverify.policy.clock import Instant
from sigverify.policy.gate import UNKNOWN
from sigverify.search.groups import KIND as GROUPS
from sigverify.store import START, Records
from sigverify.store.postgres import Head, PostgresStore

_FOLLOWED: Final = (*SHARED, GROUPS)
_USERS_A_PAGE: Final = 100
"""Each is about 17 kB, so a page is 1.7 MB: nobody can be verified while it is being written."""
_RECORDS_A_PAGE: Final = 60
"""A replay memory, the largest kind, is up to 21 kB by default: 1.2 MB."""
_UPLOADED_AT_ONCE: Final = 50
"""Records written in one transaction of the server, while no other kiosk writes: at the 1,700 a second that
benchmarks/fleet.py measures the others wait for 0.03 s."""
_ENTRIES_AT_ONCE: Final = 500
"""Of an audit log, each about 270 bytes."""

_log = logging.getLogger(__name__)


def journal_of(kiosk: str) -> str:
    """Return the kind under which the server keeps a kiosk's audit log, entries and head alike.

    >>> journal_of("0123456789abcdef")
    'audit of 0123456789abcdef'
    """
    return f"{AUDIT} of {kiosk}"


class Level(NamedTuple):
    """A state in which server and cache agreed: where neither changed since, there is nothing to do."""

    salt: bytes
    revision: int
    changed: int
    shipped: int
    """Of the entries of the kiosk's audit log, the newest that the server has."""


def synchronize(server: PostgresStore, cache: Cache, now: Instant, last: Level | None = None) -> Level:
    """Bring server and cache to one state, and return it; `last` is what that was before.

    Every step may be repeated: whoever is cut off in the middle begins again, and at worst some failures
    count twice.

    Raises:
        StoreUnreachable: the connection broke. What was read until then stays read.
        DamagedStore: rows of the server were removed or put back by somebody without the key. Where some of
            them were read already, the copy counts as incomplete.
        StoreError: the cache cannot be written, or is of another fleet.
    """
    head = server.fleet_head()
    if last and last[:3] == _level(head) and not cache.has_news(after=last.shipped):
        return last
    cache.adopt(head)
    shipped = _Upload(server, cache, now, head.time_s).run()
    return Level(*_level(_follow(server, cache, now)), shipped)


def _level(head: Head) -> tuple[bytes, int, int]:
    return head.salt, head.revision, head.changed


def _follow(server: PostgresStore, cache: Cache, now: Instant) -> Head:
    """Read what changed. One state of the server throughout: what is there now opens with its head."""
    with server.database.reading():
        server.compare(if_due=True)  # before anything is taken from there
        head = server.fleet_head()
        cache.adopt(head)
        progress = cache.progress()
        changed = progress.changed
        while changed < head.changed:
            records = server.sealed_records(_FOLLOWED, after=changed, limit=_RECORDS_A_PAGE)
            if not records:
                break
            cache.take_records(records, now=now, server_s=head.time_s)
            changed = records[-1].changed
        # Records first: who has been searched anew since a user's change must find the groups changed too.
        mark, from_start = progress.users, progress.users == START
        # A rekey gives all users one revision: the mark may have reached it, and the last page not.
        news = mark.revision < head.revision or not progress.complete
        while news and (users := server.sealed_users(mark, limit=_USERS_A_PAGE)):
            cache.take_users(users)
            mark = users[-1].mark
        gallery = server.gallery()
        if cache.gallery() != gallery:
            cache.keep_users(server.places())
        if cache.gallery() == gallery:
            cache.finish(head.changed)
        else:
            # Nothing that is here counts until all was read anew, and is what was written.
            cache.start_over()
            server.compare()
            if from_start:
                raise DamagedStore(
                    f"the people on {server.path} are not those that were enrolled there",
                    expected="what the fleet's head says",
                    hint="Somebody without the key changed rows: sigverify store check --store postgresql://…",
                )
        return head


class _Upload:
    """One round of writing to the server what was noted here."""

    def __init__(self, server: PostgresStore, cache: Cache, now: Instant, server_s: float) -> None:
        self._server = server
        self._cache = cache
        self._now = now
        self._server_s = server_s

    def run(self) -> int:
        """Upload all, and return the number of the newest entry of the log that the server has now."""
        waiting = sorted(self._cache.store.records(OUTBOX))
        for start in range(0, len(waiting), _UPLOADED_AT_ONCE):
            self._upload([parse_address(text) for text in waiting[start : start + _UPLOADED_AT_ONCE]])
        return self._ship_log()

    def _upload(self, places: list[tuple[str, str]]) -> None:
        """Merge these records with the server's, there and here."""
        merges = []
        with self._server.transaction() as records:
            for kind, subject in places:
                merges.append((kind, subject, *self._upload_one(records, kind, subject)))
        with self._cache.store.transaction() as records:
            for kind, subject, before, merged, shared in merges:
                if records.get(kind, subject) == before:
                    write(records, kind, subject, merged)
                    records.delete(OUTBOX, address(kind, subject))
                else:  # somebody tried again meanwhile: what that added is uploaded in the next round
                    self._cache.write_base(records, kind, subject, before)
                    later = self._cache.merged(records, kind, subject, shared, self._now, self._server_s)
                    write(records, kind, subject, later)
                self._cache.write_base(records, kind, subject, shared)

    def _upload_one(
        self, records: Records, kind: str, subject: str
    ) -> tuple[bytes | None, bytes | None, bytes | None]:
        """Return the record here as it was, merged in the form here, and merged in the server's form."""
        if not kind.endswith(UNKNOWN) and not self._server.has(subject):
            before = self._cache.store.read_record(kind, subject)
            return before, None, None  # forgotten meanwhile: nothing comes back
        server = records.get(kind, subject)
        with self._cache.store.transaction(durable=False) as here:
            before = here.get(kind, subject)
            merged = self._cache.merged(here, kind, subject, server, self._now, self._server_s)
        shared = merged
        if merged is not None and kind in LOCKOUTS:
            shared = to_shared(merged, now=self._now, server_s=self._server_s)
        if shared != server:
            write(records, kind, subject, shared)
        return before, merged, shared

    def _ship_log(self) -> int:
        """Add to the server's copy of this kiosk's audit log what is new in it, and its head."""
        kiosk = self._cache.kiosk()
        last = self._shipped(kiosk)
        if last and self._cache.store.journal(AUDIT, after=last[0] - 1, limit=1) != [last]:
            _log.warning("the audit log here is not the one shipped before: it is shipped under a new name")
            kiosk, last = self._cache.rename_kiosk(), None
        number = last[0] if last else 0
        while entries := self._cache.store.journal(AUDIT, after=number, limit=_ENTRIES_AT_ONCE):
            head = self._cache.store.read_record(AUDIT, "head")
            with self._server.transaction() as records:
                for _, content in entries:
                    records.append(journal_of(kiosk), content)
                write(records, journal_of(kiosk), "head", head)
            number = entries[-1][0]
        return number

    def _shipped(self, kiosk: str) -> tuple[int, bytes] | None:
        """Return the newest entry that the server has of this kiosk."""
        return self._server.last(journal_of(kiosk))
