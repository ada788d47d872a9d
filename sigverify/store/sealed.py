"""`SealedStore`: sealed templates and records in a database, whichever it is."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Final, Self

from sigverify.errors import AlreadyEnrolled, DamagedStore, StoreError, UnknownUser, WrongKey
from sigverify.protection.keys import Key
from sigverify.protection.renewal import Renewal
from sigverify.store.database import Database
from sigverify.store.rows import Rows, Vectors
from sigverify.store.store import START, Change, Mark
from sigverify.template import Template, check_user_id

_log = logging.getLogger(__name__)

_ALL: Final = 2**63 - 1
"""As a limit: no limit, in every database."""


class SealedStore:
    """What the stores in SQLite and PostgreSQL share: all but how they are opened.

    The statements are of the SQL that both understand. Every row is sealed with a key that is not in the
    database (`sealing`, `rows`), user ids too.
    """

    database: Database
    _keys: tuple[Key, ...]
    _rows: Rows

    def __enter__(self) -> Self:
        """Return this store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @property
    def model_id(self) -> str | None:
        """The model that every template here is of; None while the store is empty."""
        with self.database.reading():
            return self._model_id()

    @property
    def renewal(self) -> Renewal:
        """The transform that stored templates are turned by; see `Store.renewal`."""
        with self.reading() as rows:
            return rows.renewal

    def secret(self, purpose: str) -> bytes:
        """Return 32 secret bytes for that purpose; see `Store.secret`."""
        with self.reading() as rows:
            return rows.secret(purpose)

    def put(self, template: Template, *, replace: bool = False) -> None:
        """Keep `template`, wholly or not at all; see `Store.put`."""
        with self.changing() as rows:
            user = rows.user(template.user_id)
            if not replace and self._has(user):
                raise AlreadyEnrolled(
                    f"{template.user_id!r} is enrolled already",
                    hint="Pass replace=True (--replace) to enroll anew, or forget the user first",
                )
            self._bind(template.model_id, alone=self._only(user))
            write_template(self.database, rows, template)
            self._revise()

    def get(self, user_id: str) -> Template:
        """Return the template of `user_id`; see `Store.get`."""
        check_user_id(user_id)
        with self.reading() as rows:
            user = rows.user(user_id)
            row = self.database.execute(
                "SELECT content, model_id FROM templates, state WHERE subject = ?", (user,)
            ).fetchone()
        if row is None:
            raise UnknownUser(f"{user_id!r} is not enrolled", hint="Enroll the user first")
        return rows.open_template(user, row[1] or "", row[0])

    def delete(self, user_id: str) -> None:
        """Remove `user_id` for good; see `Store.delete`."""
        check_user_id(user_id)
        with self.changing() as rows:
            user = rows.user(user_id)
            if not self.database.execute("DELETE FROM templates WHERE subject = ?", (user,)).rowcount:
                raise UnknownUser(f"{user_id!r} is not enrolled")
            self.database.execute("DELETE FROM vectors WHERE subject = ?", (user,))
            if self._only(user):
                self.database.execute("UPDATE state SET model_id = NULL")
            self._revise()
            self.database.scrub()

    def users(self) -> tuple[str, ...]:
        """Return all user ids, sorted; a damaged row is left out and logged."""
        return tuple(each.user_id for each in self._vectors())

    def __len__(self) -> int:
        """Count the users."""
        with self.database.guard("read"):
            return int(self.database.execute("SELECT COUNT(*) FROM vectors").fetchone()[0])

    def changes(self, after: Mark = START, *, limit: int = 1000) -> list[Change]:
        """Return who was enrolled, replaced or touched; see `Store.changes`."""
        while True:
            with self.reading() as rows:
                model_id = self._model_id() or ""
                sealed = self.database.execute(
                    "SELECT revision, subject, content FROM vectors WHERE (revision, subject) > (?, ?) "
                    "ORDER BY revision, subject LIMIT ?",
                    (*after, limit),
                ).fetchall()
            found = []
            for *place, content in sealed:
                after = Mark(*place)
                with _skipping_damage():
                    found.append(Change(after, *rows.open_vectors(after.subject, model_id, content)))
            if found or not sealed:
                return found

    def subjects(self) -> frozenset[bytes]:
        """Return what users are found by; see `Store.subjects`."""
        with self.database.guard("read"):
            return frozenset(row[0] for row in self.database.execute("SELECT subject FROM vectors"))

    def touch(self, user_id: str) -> None:
        """Count a user as changed; see `Store.touch`."""
        check_user_id(user_id)
        with self.changing() as rows:
            touched = self.database.execute(
                "UPDATE vectors SET revision = (SELECT revision + 1 FROM state) WHERE subject = ?",
                (rows.user(user_id),),
            )
            if not touched.rowcount:
                raise UnknownUser(f"{user_id!r} is not enrolled")
            self._revise()

    def revision(self) -> int:
        """Return a number that rises with every change, whichever process made it."""
        with self.database.guard("read"):
            return int(self.database.head("revision", int))

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = True, local: bool = False) -> Iterator["SealedRecords"]:  # noqa: ARG002, all is local
        """Change several things as one; see `Store.transaction`."""
        with self.changing(durable=durable) as rows:
            yield SealedRecords(self.database, rows)

    def read_record(self, kind: str, subject: str) -> bytes | None:
        """Return one record; see `Store.read_record`."""
        with self.reading() as rows:
            return SealedRecords(self.database, rows).get(kind, subject)

    def records(self, kind: str) -> dict[str, bytes]:
        """Return all records of a kind; see `Store.records`."""
        with self.reading() as rows:
            found = self.database.execute("SELECT subject, content FROM records WHERE kind = ?", (kind,))
            return dict(sorted(rows.open_record(kind, *row) for row in found))

    def journal(self, kind: str, *, after: int = 0, limit: int | None = None) -> list[tuple[int, bytes]]:
        """Return the entries of a journal; see `Store.journal`."""
        with self.reading() as rows:
            found = self.database.execute(
                "SELECT number, content FROM journals WHERE kind = ? AND number > ? ORDER BY number LIMIT ?",
                (kind, after, _ALL if limit is None else limit),
            )
            return [(number, rows.open_entry(kind, number, content)) for number, content in found]

    def close(self) -> None:
        """Let go of the file; closing twice is fine."""
        self.database.close()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Rows]:
        """Run the body on one state of the store, with what opens its rows."""
        with self.database.reading():
            yield self._current()

    @contextlib.contextmanager
    def changing(self, *, durable: bool = True) -> Iterator[Rows]:
        """Run the body in one transaction, with what seals and opens the rows."""
        with self.database.changing(durable=durable):
            yield self._current()

    @property
    def key(self) -> Key:
        """The key given, or found; of no use to who may not read the store anyway."""
        return self._keys[0]

    def also_try(self, key: Key) -> None:
        """Unlock with `key` too from now on: the store is being sealed with it."""
        self._keys = (key, *self._keys[:1])

    def _current(self) -> Rows:
        """Return what opens the rows; another process may have rekeyed or restored."""
        if self.database.head("salt", bytes) != self._rows.salt:
            self._rows = self._unlock()
        return self._rows

    def _unlock(self) -> Rows:
        row = (self.database.head("salt", bytes), self.database.head("secret", bytes))
        for key in self._keys[:-1]:
            with contextlib.suppress(WrongKey):
                return Rows(key, *row)
        return Rows(self._keys[-1], *row)

    def _model_id(self) -> str | None:
        model_id: str | None = self.database.head("model_id", str | None)
        return model_id

    def _vectors(self) -> list[Vectors]:
        """Open all that can be opened, sorted by user."""
        with self.reading() as rows:
            model_id = self._model_id() or ""
            sealed = self.database.execute("SELECT subject, content FROM vectors").fetchall()
        found = []
        for user, content in sealed:
            with _skipping_damage():
                found.append(rows.open_vectors(user, model_id, content))
        return sorted(found, key=lambda each: each.user_id)

    def _has(self, user: bytes) -> bool:
        row = self.database.execute("SELECT 1 FROM templates WHERE subject = ?", (user,)).fetchone()
        return row is not None

    def _only(self, user: bytes) -> bool:
        """Say whether nobody else is enrolled."""
        row = self.database.execute("SELECT 1 FROM templates WHERE subject <> ? LIMIT 1", (user,)).fetchone()
        return row is None

    def _bind(self, model_id: str, *, alone: bool) -> None:
        bound = self._model_id()
        if bound not in (None, model_id) and not alone:
            raise StoreError(
                "the store holds templates of another model",
                expected=f"model {bound}",
                received=f"model {model_id}",
                hint="Embeddings of two models cannot be compared: enroll into a new store",
            )
        self.database.execute("UPDATE state SET model_id = ?", (model_id,))

    def _revise(self) -> None:
        self.database.execute("UPDATE state SET revision = revision + 1")


def begin(database: Database, key: Key) -> None:
    """Write the head of a new store."""
    database.execute("INSERT INTO state VALUES (0, NULL, ?, ?)", Rows.begin(key))


@contextlib.contextmanager
def _skipping_damage() -> Iterator[None]:
    """Leave a damaged row out, and say so."""
    try:
        yield
    except DamagedStore:
        _log.warning("a row of the store is damaged and left out: sigverify store check")


def write_template(database: Database, rows: Rows, template: Template) -> None:
    """Write a turned template and its vectors in place of any before, within a transaction."""
    user = rows.user(template.user_id)
    database.execute(
        "INSERT INTO templates VALUES (?, ?) ON CONFLICT (subject) DO UPDATE SET content = excluded.content",
        (user, rows.seal_template(template)),
    )
    database.execute(
        "INSERT INTO vectors SELECT ?, ?, revision + 1 FROM state WHERE TRUE ON CONFLICT (subject) "
        "DO UPDATE SET content = excluded.content, revision = excluded.revision",
        (user, rows.seal_vectors(template)),
    )


class SealedRecords:
    """The records and journals of a store, within one transaction; see `Records`."""

    def __init__(self, database: Database, rows: Rows) -> None:
        """Take the database whose transaction it is, and what seals its rows."""
        self._database = database
        self._rows = rows

    def get(self, kind: str, subject: str) -> bytes | None:
        """Return a record, or None."""
        place = (kind, self._rows.subject(kind, subject))
        row = self._database.execute(
            "SELECT content FROM records WHERE kind = ? AND subject = ?", place
        ).fetchone()
        return None if row is None else self._rows.open_record(*place, row[0])[1]

    def put(self, kind: str, subject: str, content: bytes) -> None:
        """Write a record in place of any before."""
        row = (kind, self._rows.subject(kind, subject), self._rows.seal_record(kind, subject, content))
        self._database.execute(
            "INSERT INTO records (kind, subject, content) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, subject) DO UPDATE SET content = excluded.content",
            row,
        )

    def delete(self, kind: str, subject: str) -> None:
        """Remove a record, if it is there."""
        place = (kind, self._rows.subject(kind, subject))
        self._database.execute("DELETE FROM records WHERE kind = ? AND subject = ?", place)

    def last(self, kind: str) -> tuple[int, bytes] | None:
        """Return the newest entry of a journal, or None."""
        row = self._database.execute(
            "SELECT number, content FROM journals WHERE kind = ? ORDER BY number DESC LIMIT 1", (kind,)
        ).fetchone()
        return None if row is None else (row[0], self._rows.open_entry(kind, *row))

    def append(self, kind: str, content: bytes) -> int:
        """Add an entry to a journal and return its number; the first is 1."""
        number = self._database.execute(
            "SELECT COALESCE(MAX(number), 0) + 1 FROM journals WHERE kind = ?", (kind,)
        ).fetchone()[0]
        row = (kind, number, self._rows.seal_entry(kind, number, content))
        self._database.execute("INSERT INTO journals VALUES (?, ?, ?)", row)
        return int(number)
