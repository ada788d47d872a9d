"""`Ledger`: the one place that writes and removes rows of a store, and keeps the tally of them.

Beside the rows lies the table `seals`: of each row, what it is found by and its mark (see `Tally`). It is
small, so the tally is compared with all of it whenever a store is opened; and whatever is read is compared
with its mark. So rows that somebody without the key removed, or put back from before, are found: where they
left `seals` as it was, when the row is read; where they changed that too, when the store is opened.

The tally is written once, at the end of each transaction, together with its rows.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from sigverify.errors import ConfigError, DamagedStore, SigverifyError, StoreError
from sigverify.store.database import Database, Result
from sigverify.store.gallery import Gallery, Gone
from sigverify.store.rows import Rows
from sigverify.store.sqlite_database import SqliteDatabase
from sigverify.store.tally import (
    HINT,
    MODELS,
    NONCE_BYTES,
    PARTS,
    PEOPLE,
    RECORDS,
    Share,
    Tally,
    Terms,
    mark_of,
)
from sigverify.store.transaction import Place, Seen

if TYPE_CHECKING:
    from sigverify.store.counter import Counter

_log = logging.getLogger(__name__)

NOT_ALLOWED: Final = "this role of the server may not do that"
_SEEN: Final = 64
"""Of the records read last, so many are kept in mind: a try of somebody reads five or so."""
_PATIENCE: Final = 100
"""Where others write all the time, the rows are compared anew at most so much less often than that takes:
one part in a hundred of the time."""


@dataclass
class Pending:
    """What a transaction makes of the tally, until it is committed."""

    tally: Tally
    terms: Terms
    revision: int | None = None
    """Of the store, as the head will say it; None: as it says."""
    begun: int = 0
    """Rows that are being written: where one was interrupted, nothing may be committed."""
    gone: set[Gone] = field(default_factory=set)
    """Whose rows were removed or replaced: they go from the gallery too."""
    is_anew: bool = False
    """All of the gallery goes."""


class Ledger:
    """The rows of one store in its database. Called within a transaction, by who holds it."""

    def __init__(self, database: Database, current: Callable[[], Rows]) -> None:
        """Take the database, and what opens its rows now."""
        self._database = database
        self._current = current
        self._version: int | None = None
        self._known = -1
        self._took_s = 0.0
        self._compared_s = float("-inf")
        self.counter: Counter | None = None
        """Counts the states of this store outside; see `counter`."""
        self.gallery: Gallery | None = None
        """Beside the store, what a search needs of everybody; None: there is none."""

    def put_model(self, modality: str, model_id: str) -> None:
        """Bind a modality to a model, in place of any before."""
        pending = self._begin_row()
        execute = self._database.execute
        before = execute("SELECT model_id FROM models WHERE modality = ?", (modality,)).fetchone()
        execute(
            "INSERT INTO models (modality, model_id) VALUES (?, ?) "
            "ON CONFLICT (modality) DO UPDATE SET model_id = excluded.model_id",
            (modality, model_id),
        )
        old = None if before is None else str(before[0]).encode()
        self._end_row(pending, MODELS, modality, b"", old, model_id.encode())

    def delete_model(self, modality: str) -> None:
        """Free a modality, if it is bound."""
        pending = self._begin_row()
        execute = self._database.execute
        before = execute("SELECT model_id FROM models WHERE modality = ?", (modality,)).fetchone()
        execute("DELETE FROM models WHERE modality = ?", (modality,))
        old = None if before is None else str(before[0]).encode()
        self._end_row(pending, MODELS, modality, b"", old, None)

    def put_person(self, subject: bytes, modality: str, template: bytes, vectors: bytes) -> None:
        """Write a sealed template and its vectors in place of any before.

        The vectors count as changed in the revision that the transaction ends with.
        """
        pending = self._begin_row()
        self._database.execute(
            "INSERT INTO templates (subject, modality, content) VALUES (?, ?, ?) "
            "ON CONFLICT (subject, modality) DO UPDATE SET content = excluded.content",
            (subject, modality, template),
        )
        self._database.execute(
            "INSERT INTO vectors (subject, modality, content, revision) "
            "SELECT ?, ?, ?, revision + 1 FROM state WHERE TRUE ON CONFLICT (subject, modality) "
            "DO UPDATE SET content = excluded.content, revision = excluded.revision",
            (subject, modality, vectors),
        )
        self._write_seal(pending, PEOPLE, modality, subject, mark_of(template, vectors))

    def delete_person(self, subject: bytes, modality: str) -> None:
        """Remove a template and its vectors, if they are there."""
        pending = self._begin_row()
        for table in ("templates", "vectors"):
            self._database.execute(
                f"DELETE FROM {table} WHERE subject = ? AND modality = ?",  # noqa: S608, names of ours
                (subject, modality),
            )
        self._write_seal(pending, PEOPLE, modality, subject, None)

    def put_record(self, kind: str, subject: bytes, content: bytes) -> None:
        """Write a sealed record in place of any before."""
        pending = self._begin_row()
        self._database.execute(
            "INSERT INTO records (kind, subject, content) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, subject) DO UPDATE SET content = excluded.content",
            (kind, subject, content),
        )
        self._write_seal(pending, RECORDS, kind, subject, mark_of(content))

    def delete_record(self, kind: str, subject: bytes) -> None:
        """Remove a record, if it is there."""
        pending = self._begin_row()
        self._database.execute("DELETE FROM records WHERE kind = ? AND subject = ?", (kind, subject))
        self._write_seal(pending, RECORDS, kind, subject, None)

    def put_entry(self, kind: str, number: int, content: bytes) -> None:
        """Add a sealed entry to a journal. What is missing there shows by the chain of the log."""
        self._database.execute("INSERT INTO journals VALUES (?, ?, ?)", (kind, number, content))

    def replace_entry(self, kind: str, number: int, content: bytes) -> None:
        """Write an entry sealed anew."""
        self._database.execute(
            "UPDATE journals SET content = ? WHERE kind = ? AND number = ?", (content, kind, number)
        )

    def touch(self, subject: bytes) -> bool:
        """Count a person's vectors as changed in the revision that the transaction ends with."""
        touched = self._database.execute(
            "UPDATE vectors SET revision = (SELECT revision + 1 FROM state) WHERE subject = ?", (subject,)
        )
        return bool(touched.rowcount)

    def revise(self) -> None:
        """Count the store as changed."""
        pending = self._pending()
        self._database.execute("UPDATE state SET revision = revision + 1")
        pending.revision = None

    def rewrite_head(self, salt: bytes, secret: bytes) -> None:
        """Write another salt and sealed secret, and count the store as changed; the rows are sealed anew."""
        pending = self._pending()
        self._database.execute(
            "UPDATE state SET revision = revision + 1, salt = ?, secret = ?", (salt, secret)
        )
        pending.revision = None
        if self._database.opened is not None:
            self._database.opened.is_ours = False  # until the new one is opened
        self.drop_gallery()

    def rewrite_secret(self, secret: bytes) -> None:
        """Write the secret sealed in another form; it is the same."""
        self._pending()
        self._database.execute("UPDATE state SET secret = ?", (secret,))

    def drop_gallery(self) -> None:
        """Remove what lies beside the store of the rows, to be made anew of those that are there."""
        self._pending().is_anew = True

    def delete_strays(self) -> None:
        """Remove rows without a mark: somebody put them back."""
        self._pending()
        for table in ("templates", "vectors"):
            self._database.execute(
                f"DELETE FROM {table} WHERE (subject, modality) NOT IN "  # noqa: S608, names of ours
                "(SELECT subject, kind FROM seals WHERE part = 'people')"
            )
        self._database.execute(
            "DELETE FROM records WHERE (subject, kind) NOT IN "
            "(SELECT subject, kind FROM seals WHERE part = 'records')"
        )

    def adopt(self, before: Tally | None = None) -> None:
        """Take the rows as they are for what the store holds: mark each, and tally them.

        Args:
            before: what the tally was, where the head cannot say; its changes are counted on.
        """
        pending = self._pending(before)
        execute = self._database.execute
        execute("DELETE FROM seals")
        if self._database.opened is not None:
            self._database.opened.records.clear()
        put = "INSERT INTO seals (part, kind, subject, mark) VALUES (?, ?, ?, ?)"
        people = (
            f"SELECT subject, modality, substr(templates.content, 1, {NONCE_BYTES}), "  # noqa: S608, a number of ours
            f"substr(vectors.content, 1, {NONCE_BYTES}) "
            "FROM templates LEFT JOIN vectors USING (subject, modality)"
        )
        for subject, modality, template, vectors in execute(people).fetchall():
            execute(put, (PEOPLE, modality, subject, mark_of(template, vectors)))
        records = f"SELECT kind, subject, substr(content, 1, {NONCE_BYTES}) FROM records"  # noqa: S608, the same
        for kind, subject, content in execute(records).fetchall():
            execute(put, (RECORDS, kind, subject, mark_of(content)))
        pending.terms = self._current().terms
        tally = self._recounted(pending.tally, pending.terms)
        pending.tally = replace(tally, changes=tally.changes + 1)

    def recount(self) -> None:
        """Tally the marks anew, under the secret that the store has now."""
        pending = self._pending()
        pending.terms = self._current().terms
        pending.tally = self._recounted(pending.tally, pending.terms)

    def tally(self) -> Tally | None:
        """Return the tally, of the transaction that goes on where it changes something.

        None: a store of a version before, which has none.

        Raises:
            DamagedStore: the head does not open.
        """
        opened = self._database.opened
        if opened is not None and opened.pending is not None:
            return opened.pending.tally
        return self._read()

    def compare(self) -> None:
        """Compare the tally with all marks.

        Raises:
            DamagedStore: rows were removed or put back by somebody without the key.
        """
        begun = time.monotonic()
        tally = self.tally()
        if tally is None:
            return
        found = self._recounted(tally, self._current().terms)
        if found.rows != tally.rows:
            raise DamagedStore(
                f"rows of the store {self._database.path} were removed or put back without its key",
                expected=_said(tally),
                received=_said(found),
                hint="Nothing is decided by it: restore a backup; or, once you know what happened, take it "
                "as it is now: sigverify store check --repair --accept-state",
            )
        self._known = tally.changes
        self._version = self._database.version()
        self._compared_s = time.monotonic()
        self._took_s = self._compared_s - begun

    def compare_if_due(self) -> None:
        """Compare, unless that was done a while ago: it takes one part in a hundred of the time at most."""
        if time.monotonic() - self._compared_s > _PATIENCE * self._took_s:
            self.compare()

    def look(self, version: int | None) -> None:
        """Compare anew where somebody else changed the file: at once where the head does not say so.

        `version` is the database's now.

        Raises:
            DamagedStore: see `compare`.
        """
        if version == self._version:
            return
        tally = self.tally()
        since_s = time.monotonic() - self._compared_s
        if tally is None:
            self._version = version
        elif tally.changes == self._known or since_s > _PATIENCE * self._took_s:
            self.compare()
        else:
            self._known, self._version = tally.changes, version

    def begin_head(self, rows: Rows, salt: bytes, secret: bytes) -> None:
        """Write the head of a new store."""
        self._database.execute(
            "INSERT INTO state (revision, salt, secret, tally) VALUES (0, ?, ?, ?)",
            (salt, secret, rows.seal_tally(0, Tally().to_bytes())),
        )

    def check_counter(self) -> None:
        """Compare the head with the counter outside; where nothing was counted yet, begin to.

        Raises:
            DamagedStore: the counter is ahead: the store is an older copy. Or it is far behind: it is another
                one, or was put back itself.
            ConfigError: the store is counted, and no counter is given.
            StoreError: the counter cannot be read now.
        """
        tally = self.tally()
        counted = 0 if tally is None else tally.counted
        if self.counter is None:
            if counted:
                raise ConfigError(
                    f"the store {self._database.path} is counted from outside, against older copies of it",
                    expected="its counter",
                    hint="Name it (--counter)",
                )
            return
        self.counter.bind(self._current().secret("counter"), self._database.path)
        there = self.counter.read()
        if counted < there:
            raise DamagedStore(
                f"the store {self._database.path} is an older copy of itself",
                expected=f"state {there} or a later one",
                received=f"state {counted}" if counted else "one that was not counted yet",
                hint="Bring back the newest; to go on with this one: sigverify store check --repair "
                "--accept-state --counter …",
            )
        if counted > there + 1:
            raise DamagedStore(
                f"the counter of the store {self._database.path} is behind: another one, or an older copy",
                expected=f"{counted - 1} or {counted}",
                received=str(there),
                hint="Name the counter of this store; to begin a new one: sigverify store check --repair "
                "--accept-state --counter …",
            )

    def count_on(self) -> None:
        """Advance the counter to the head, while nobody else does.

        Raises:
            StoreError: it cannot be advanced now; the next change tries again.
        """
        if self.counter is None:
            return
        with self._database.changing(durable=False):
            tally = self._read()
            if tally is not None and self.counter.read() < tally.counted:
                self.counter.advance(tally.counted)

    def begin_counting(self) -> None:
        """Take the counter for this store's from now on, whatever it was before."""
        pending = self._pending()
        if self.counter is None:
            pending.tally = replace(pending.tally, counted=0)
        else:
            self.counter.bind(self._current().secret("counter"), self._database.path)
            pending.tally = replace(pending.tally, counted=(self.counter.read() or self.counter.begin()) + 1)

    def _begin_row(self) -> Pending:
        pending = self._pending()
        pending.begun += 1
        return pending

    def note_record(self, place: Place, mark: bytes | None, content: bytes | None = None) -> Seen:
        """Note what was just read or written of a record, and return that; see `Seen`."""
        seen = (mark, content)
        if self._database.opened is not None:
            records = self._database.opened.records
            if len(records) >= _SEEN:  # whoever goes through all records does not come back to the first
                records.clear()
            records[place] = seen
        return seen

    def record(self, place: Place) -> Seen | None:
        """Return mark and content of a record read or written in this transaction; None: it was neither.

        Nobody else changes it while a transaction goes on.
        """
        opened = self._database.opened
        return None if opened is None else opened.records.get(place)

    def mark(self, part: str, kind: str, subject: bytes) -> bytes | None:
        """Return the mark of a row; None: there is no such row. One read before is not read again."""
        if part == RECORDS and (seen := self.record((kind, subject))) is not None:
            return seen[0]
        row = self._database.execute(
            "SELECT mark FROM seals WHERE part = ? AND kind = ? AND subject = ?", (part, kind, subject)
        ).fetchone()
        return None if row is None else row[0]

    def _write_seal(self, pending: Pending, part: str, kind: str, subject: bytes, mark: bytes | None) -> None:
        place = (part, kind, subject)
        execute = self._database.execute
        before = self.mark(*place)
        if mark is not None:
            execute(
                "INSERT INTO seals (part, kind, subject, mark) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (part, kind, subject) DO UPDATE SET mark = excluded.mark",
                (*place, mark),
            )
        elif before is not None:
            gone = execute("DELETE FROM seals WHERE part = ? AND kind = ? AND subject = ?", place)
            _refuse_unseen(gone)
        if before is not None and part == PEOPLE:
            pending.gone.add((subject, kind))
        if part == RECORDS:
            self.note_record((kind, subject), mark)
        self._end_row(pending, part, kind, subject, before, mark)

    def _end_row(
        self,
        pending: Pending,
        part: str,
        kind: str,
        subject: bytes,
        before: bytes | None,
        after: bytes | None,
    ) -> None:
        """Note in the tally that a row became another one."""
        if not (before is None and after is None):
            share: Share = getattr(pending.tally, part)
            of = pending.terms.of
            if before is not None and after is not None:
                share = share.exchanged(of(part, kind, subject, before), of(part, kind, subject, after))
            elif before is not None:
                share = share.minus(of(part, kind, subject, before))
            elif after is not None:
                share = share.plus(of(part, kind, subject, after))
            pending.tally = pending.tally.changed(part, share)
        pending.begun -= 1

    def _pending(self, before: Tally | None = None) -> Pending:
        """Return what the transaction that goes on makes of the tally."""
        opened = self._database.opened
        if opened is None or not opened.changes:
            raise StoreError("a row can be changed within a transaction only")
        if opened.pending is None:
            tally, revision = (before, None) if before else self._read_head()
            opened.pending = Pending(tally or Tally(), self._current().terms, revision)
            opened.at_end, opened.afterwards = self._seal, self._after
        elif before is not None:
            opened.pending.tally = before
        return opened.pending

    def _seal(self, *, durable: bool) -> None:
        """Write the tally, as the last thing of a transaction.

        Raises:
            StoreError: a row was written half, and nothing may be kept.
        """
        pending = self._pending()
        if pending.begun:
            raise StoreError(
                f"a change of the store {self._database.path} was interrupted",
                hint="Nothing of it is kept: begin it anew",
            )
        rows = self._current()
        if self.counter is not None and durable and pending.tally.counted:
            self.counter.bind(rows.secret("counter"), self._database.path)
            pending.tally = self._counted_on(pending.tally, self.counter)
        revision = self._database.head("revision", int) if pending.revision is None else pending.revision
        sealed = rows.seal_tally(revision, pending.tally.to_bytes())
        _refuse_unseen(self._database.execute("UPDATE state SET tally = ?", (sealed,)))
        self._known = pending.tally.changes
        # Before the commit: who is gone in the rows is gone here, and who is gone here alone is read anew.
        if self.gallery is not None:
            if pending.is_anew:
                self.gallery.wipe()
            else:
                self.gallery.drop(pending.gone, rows, self._models)

    def _models(self) -> dict[str, str]:
        return dict(self._database.execute("SELECT modality, model_id FROM models").fetchall())

    def _counted_on(self, tally: Tally, counter: "Counter") -> Tally:
        """Return the tally of the next state; where the counter is behind still, of the same."""
        try:
            there = counter.read()
        except SigverifyError as error:
            _log.warning("the counter cannot be read: older copies of today are not told: %s", error)
            return tally
        return replace(tally, counted=there + 1) if there >= tally.counted else tally

    def _after(self, *, durable: bool) -> None:
        """Advance the counter, after a commit; what was changed is acknowledged all the same."""
        if self.counter is None or not durable:
            return
        try:
            self.count_on()
        except SigverifyError as error:
            _log.warning("the counter was not advanced; the next change tries again: %s", error)

    def _read(self) -> Tally | None:
        return self._read_head()[0]

    def _read_head(self) -> tuple[Tally | None, int]:
        """Return the tally, None where a version before has none, and the revision of the store."""
        row = self._database.execute("SELECT revision, tally FROM state").fetchone()
        if row is None:
            raise DamagedStore(
                f"the store {self._database.path} has no head that can be read", hint="Restore a backup"
            )
        if row[1] is None and self._database.is_old():
            return None, row[0]
        try:
            return Tally.from_bytes(self._current().open_tally(*row)), row[0]
        except DamagedStore as error:
            raise DamagedStore(
                f"the head of the store {self._database.path} does not open",
                expected="the tally that was written last",
                received=str(error),
                hint=HINT,
            ) from error

    def _recounted(self, tally: Tally, terms: Terms) -> Tally:
        """Return the tally with the rows that are there now."""
        totals, counts = dict.fromkeys(PARTS, 0), dict.fromkeys(PARTS, 0)
        of = terms.of
        for part, kind, subject, mark in self._marks():
            if part not in totals:
                raise DamagedStore("a row of another shape than ours", hint=HINT)
            totals[part] += of(part, kind, subject, mark)
            counts[part] += 1
        for part in PARTS:
            tally = tally.with_(part, Share().plus(totals[part]))
            tally = tally.with_(part, replace(getattr(tally, part), count=counts[part]))
        return tally

    def _marks(self) -> Iterator[tuple[Any, ...]]:
        """Yield part, kind, subject and mark of all rows.

        In a file they must come in their order: where a page leads astray, going through all pages may find a
        row that looking for it does not.
        """
        ordered = isinstance(self._database, SqliteDatabase)
        query = "SELECT part, kind, subject, mark FROM seals"
        if ordered:
            query += " ORDER BY part, kind, subject"
        last: tuple[Any, ...] | None = None
        for row in self._database.execute(query):
            place = row[:3]
            if ordered and last is not None and not _follows(last, place):
                raise DamagedStore("rows of the store are out of their order", hint=HINT)
            last = place
            yield row
        for modality, model_id in self._database.execute("SELECT modality, model_id FROM models"):
            yield MODELS, modality, b"", str(model_id).encode()


def _refuse_unseen(changed: Result) -> None:
    """Refuse to go on where a server changed nothing, as it does with rows that a role may not change.

    Raises:
        StoreError: so it is.
    """
    if changed.rowcount != 1:
        raise StoreError(NOT_ALLOWED, hint="See its rights (docs/fleet.md, roles)")


def _follows(before: tuple[Any, ...], place: tuple[Any, ...]) -> bool:
    try:
        return before < place
    except TypeError:  # a damaged database may give back anything
        return False


def _said(tally: Tally) -> str:
    """Say how many rows there are."""
    return f"{tally.people.count} templates, {tally.records.count} records"
