"""`Cache`: a kiosk's copy of the fleet's store, in a file sealed as the server's rows are.

The copy has the server's salt and secret, so that rows are copied as they are, never opened on the way.
Beside them lie what this kiosk noted and has not uploaded yet (`outbox`), its own audit log, and how far it
has followed.
"""

import json
import logging
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from sigverify.audit import KIND as AUDIT
from sigverify.errors import DamagedStore, StoreError
from sigverify.fleet.merging import merge_lockouts, merge_memories, to_local
from sigverify.fleet.outbox import LOCKOUTS, OUTBOX, SHARED, address
from sigverify.policy.clock import Instant
from sigverify.search.groups import KIND as GROUPS
from sigverify.store import START, Mark, Records, SqliteStore, Store
from sigverify.store.postgres import Head, SealedRecord, SealedUser
from sigverify.store.rekey import reseal_journals, reseal_records
from sigverify.store.rows import Rows
from sigverify.store.tally import Share, check_newest

KIND: Final = "fleet"
"""Of the records in which the cache keeps what it needs itself."""
BASE: Final = "fleet-base "
"""Before the kind of a lock-out: the record as the server last had it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the server's changes have been followed; `complete`, and true, once all was read."""

    users: Mark = START
    changed: int = 0
    complete: bool = False

    def __bool__(self) -> bool:
        return self.complete


def is_copy(store: Store) -> bool:
    """Whether a store is a kiosk's copy of a fleet's."""
    return store.read_record(KIND, "progress") is not None


class Cache:
    """The copy in one `SqliteStore`. Threads and processes may share it."""

    def __init__(self, store: SqliteStore) -> None:
        """Take the file; a new one is filled by whoever follows the server."""
        self.store = store

    def progress(self) -> Progress:
        """Return how far this has come; in a new cache, nowhere."""
        content = self.store.read_record(KIND, "progress")
        if content is None:
            return Progress()
        fields = json.loads(content)
        # Caches of the version before name no modality: at worst one row is read twice.
        modality = fields.pop("modality", "")
        users = Mark(fields.pop("revision"), bytes.fromhex(fields.pop("subject")), modality)
        return Progress(users=users, **fields)

    def contact(self) -> Instant | None:
        """Return when the server was last heard, as far as that was written down."""
        content = self.store.read_record(KIND, "contact")
        return None if content is None else Instant(**json.loads(content))

    def note_contact(self, moment: Instant) -> None:
        """Write down when the server was heard; a power cut may lose that, and makes the copy only older."""
        with self.store.transaction(durable=False) as records:
            records.put(KIND, "contact", json.dumps(asdict(moment)).encode())

    def gallery(self) -> tuple[Share, Share] | None:
        """Return what names all people and models here; a whole copy has the server's."""
        with self.store.reading():
            tally = self.store.ledger.tally()
            return None if tally is None else tally.gallery

    def has_news(self, *, after: int) -> bool:
        """Say whether there is something to upload: a record, or an entry of the log above that number."""
        with self.store.reading():
            waiting = self.store.database.execute("SELECT 1 FROM records WHERE kind = ? LIMIT 1", (OUTBOX,))
            return waiting.fetchone() is not None or bool(self.store.journal(AUDIT, after=after, limit=1))

    def kiosk(self) -> str:
        """Return the name under which the server keeps this kiosk's audit log; made on first use."""
        with self.store.transaction() as records:
            name = records.get(KIND, "kiosk")
            return self._name(records) if name is None else name.decode()

    def rename_kiosk(self) -> str:
        """Take a new name: the log here is not the one that the server knows under the old one."""
        with self.store.transaction() as records:
            return self._name(records)

    def adopt(self, head: Head) -> None:
        """Take over the server's salt, secret and models; after a rekey there the copy begins anew.

        Raises:
            StoreError: this is the copy of another fleet.
            WrongKey: the server's rows are sealed with another key.
        """
        with self.store.changing() as rows:
            progress = self.progress()
            if rows.salt != head.salt:
                self._reseal(rows, head, known=progress.complete or progress.users != START)
            elif head.revision < progress.users.revision:  # an older server came back
                self._write_progress(Progress())
            models = self.store.models()
            if models != head.models:
                self._adopt_models(models, head.models)

    def take_users(self, page: Sequence[SealedUser]) -> None:
        """Write users' rows in place of any before, and remember the last one's mark."""
        execute = self.store.database.execute
        with self.store.changing():
            for user in page:
                place = (user.mark.subject, user.mark.modality)
                if execute(_IS_THERE, place).fetchone() is not None:
                    self.store.database.scrub()  # what this replaces
                # The copy counts changes by itself: a server that was put back may count some twice.
                self.store.ledger.put_person(*place, user.template, user.vectors)
            self.store.ledger.revise()
            self._write_progress(replace(self.progress(), users=page[-1].mark))

    def keep_users(self, places: frozenset[tuple[bytes, str]]) -> None:
        """Delete all templates but those of these subjects and modalities.

        What was noted of a user goes with their last template.
        """
        here = self.store.places()
        if here <= places:
            return
        known = {subject for subject, _ in places}
        with self.store.changing() as rows:
            models = self.store.models()
            for place in here - places:
                if place[0] not in known:
                    self._forget_records_at(rows, place, models.get(place[1], ""))
                self.store.ledger.delete_person(*place)
            self.store.ledger.revise()
            self.store.database.scrub()

    def take_records(self, page: Sequence[SealedRecord], *, now: Instant, server_s: float) -> None:
        """Take over records that changed on the server; what was noted here meanwhile is merged with them."""
        with self.store.changing() as rows, self.store.transaction() as records:
            for record in page:
                try:
                    self._take_record(rows, records, record, now, server_s)
                except DamagedStore:
                    _log.warning("a record of the fleet is damaged and left out: sigverify store check")
            self._write_progress(replace(self.progress(), changed=page[-1].changed))

    def start_over(self) -> None:
        """Read everything anew from now on."""
        with self.store.changing():
            self._write_progress(Progress())

    def finish(self, changed: int) -> None:
        """Note that all was read, records up to that number."""
        progress = self.progress()
        if not progress.complete or progress.changed != changed:
            with self.store.changing(durable=False):
                self._write_progress(replace(progress, changed=changed, complete=True))

    def merged(
        self, records: Records, kind: str, subject: str, server: bytes | None, now: Instant, server_s: float
    ) -> bytes | None:
        """Merge the record here with the server's, in its form, and return the result in the form here."""
        local = records.get(kind, subject)
        if kind not in LOCKOUTS:
            return merge_memories(local, server)
        base = records.get(BASE + kind, subject)
        other = None if server is None else to_local(server, now=now, server_s=server_s)
        return merge_lockouts(local, other, base=base, same=server == base)

    def write_base(self, records: Records, kind: str, subject: str, server: bytes | None) -> None:
        """Remember a lock-out as the server has it."""
        if kind in LOCKOUTS:
            write(records, BASE + kind, subject, server)

    def _take_record(
        self, rows: Rows, records: Records, record: SealedRecord, now: Instant, server_s: float
    ) -> None:
        kind = record.kind
        subject, server = self._opened(rows, record)
        if subject is None:
            return
        if kind in SHARED and records.get(OUTBOX, address(kind, subject)) is not None:
            content = self.merged(records, kind, subject, server, now, server_s)
        elif kind in LOCKOUTS and server is not None:
            content = to_local(server, now=now, server_s=server_s)
        else:
            content = server
        write(records, kind, subject, content)
        self.write_base(records, kind, subject, server)

    def _opened(self, rows: Rows, record: SealedRecord) -> tuple[str | None, bytes | None]:
        """Return subject and content; of one that was deleted, the subject that it has here."""
        if record.content is not None:
            return rows.open_record(record.kind, record.subject, record.content)
        place = (record.kind, record.subject)
        row = self.store.database.execute(_RECORD, place).fetchone()
        if row is None:
            return (None, None)
        return (rows.open_record(*place, check_newest(row[1], row[0], "record"))[0], None)

    def _adopt_models(self, before: dict[str, str], after: dict[str, str]) -> None:
        """Take over the models; rows open for their own only, so those of another are deleted."""
        same = {modality for modality, model in before.items() if after.get(modality) == model}
        # Where the model changed, the server had nobody of the old one left.
        self.keep_users(frozenset(place for place in self.store.places() if place[1] in same))
        if (before.keys() & after.keys()) - same:
            self._write_progress(Progress())
        for modality in before.keys() - after.keys():
            self.store.ledger.delete_model(modality)
        for modality, model in after.items():
            self.store.ledger.put_model(modality, model)

    def _forget_records_at(self, rows: Rows, place: tuple[bytes, str], model_id: str) -> None:
        """Delete what was noted of the user whose vectors lie there."""
        row = self.store.database.execute(
            "SELECT content FROM vectors WHERE subject = ? AND modality = ?", place
        ).fetchone()
        content = b"" if row is None else row[0]
        try:
            user_id = rows.open_vectors(*place, model_id, content).user_id
        except DamagedStore:
            _log.warning("a damaged row was deleted; what was noted of that user stays")
            return
        with self.store.transaction() as records:
            for kind in (*SHARED, GROUPS):
                records.delete(kind, user_id)
                records.delete(BASE + kind, user_id)
                records.delete(OUTBOX, address(kind, user_id))

    def _reseal(self, rows: Rows, head: Head, *, known: bool) -> None:
        new = Rows(self.store.key, head.salt, head.secret)
        if known and new.secret(KIND) != rows.secret(KIND):
            raise StoreError(
                f"{self.store.path} is the cache of another fleet",
                hint="Name another file for the cache, or delete this one",
            )
        database = self.store.database
        ledger = self.store.ledger
        for place in self.store.places():
            ledger.delete_person(*place)
        self._drop_uploaded()
        reseal_records(database, ledger, rows, new)
        reseal_journals(database, ledger, rows, new)
        ledger.delete_strays()
        database.scrub()
        ledger.rewrite_head(head.salt, head.secret)
        ledger.recount()  # the secret may be another one: of a fleet that this copy is new to
        self._write_progress(Progress())

    def _drop_uploaded(self) -> None:
        """Delete what the server has too: it is read anew, and what it deleted meanwhile stays away."""
        waiting = self.store.records(OUTBOX)
        with self.store.transaction() as records:
            for kind in (*SHARED, GROUPS):
                for subject in self.store.records(kind):
                    if subject and address(kind, subject) not in waiting:
                        records.delete(kind, subject)
                        records.delete(BASE + kind, subject)

    def _write_progress(self, progress: Progress) -> None:
        fields = {
            "revision": progress.users.revision, "subject": progress.users.subject.hex(),
            "modality": progress.users.modality, "changed": progress.changed,
            "complete": progress.complete,
        }  # fmt: skip
        with self.store.transaction() as records:
            records.put(KIND, "progress", json.dumps(fields).encode())

    def _name(self, records: Records) -> str:
        name = secrets.token_hex(8)
        records.put(KIND, "kiosk", name.encode())
        return name


def write(records: Records, kind: str, subject: str, content: bytes | None) -> None:
    """Write a record, or delete it where there is nothing to be written."""
    if content is None:
        records.delete(kind, subject)
    else:
        records.put(kind, subject, content)


_IS_THERE: Final = "SELECT 1 FROM templates WHERE subject = ? AND modality = ?"
_RECORD: Final = (
    "SELECT mark, content FROM seals LEFT JOIN records USING (kind, subject) "
    "WHERE part = 'records' AND kind = ? AND subject = ?"
)
