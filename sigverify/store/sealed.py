"""`SealedStore`: sealed templates and records in a database, whichever it is."""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace as changed
from typing import Final, Self

from sigverify.errors import (
    AlreadyEnrolled,
    DamagedStore,
    MalformedTemplate,
    StoreError,
    UnknownUser,
    WrongKey,
)
from sigverify.protection.keys import Key
from sigverify.protection.renewal import Renewal
from sigverify.store.database import Database
from sigverify.store.rows import Rows
from sigverify.store.store import START, Change, Mark
from sigverify.template import Template, normal_user_id, spellings

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

    def models(self) -> dict[str, str]:
        """Return the model of each modality; see `Store.models`."""
        with self.database.reading():
            return self._models()

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
            # Whoever an older version enrolled under another spelling of this id keeps that one.
            template = changed(template, user_id=self._spelled(rows, normal_user_id(template.user_id)))
            user = rows.user(template.user_id)
            there = self.database.execute(
                "SELECT 1 FROM templates WHERE subject = ? AND modality = ?", (user, template.modality)
            )
            if not replace and there.fetchone() is not None:
                raise AlreadyEnrolled(
                    f"{template.user_id!r} is enrolled already",
                    hint="Pass replace=True (--replace) to enroll anew, or forget the user first",
                )
            self._bind(template, user)
            write_template(self.database, rows, template)
            self._revise()

    def get(self, user_id: str, modality: str) -> Template:
        """Return the template of `user_id` of that modality; see `Store.get`."""
        user_id = normal_user_id(user_id)
        with self.reading() as rows:
            user = rows.user(self._spelled(rows, user_id))
            # A template of a modality without a model is read too, and then does not open.
            row = self.database.execute(
                "SELECT content, model_id FROM templates LEFT JOIN models USING (modality) "
                "WHERE subject = ? AND modality = ?",
                (user, modality),
            ).fetchone()
        if row is None:
            raise UnknownUser(f"{user_id!r} is not enrolled", hint="Enroll the user first")
        template = rows.open_template(user, modality, row[1] or "", row[0])
        return template if template.user_id == user_id else changed(template, user_id=user_id)

    def delete(self, user_id: str) -> None:
        """Remove `user_id` for good; see `Store.delete`."""
        user_id = normal_user_id(user_id)
        with self.changing() as rows:
            subjects = [(rows.user(spelling),) for spelling in spellings(user_id)]
            found = [self.database.execute("DELETE FROM templates WHERE subject = ?", s) for s in subjects]
            if not any(each.rowcount for each in found):
                raise UnknownUser(f"{user_id!r} is not enrolled")
            for subject in subjects:
                self.database.execute("DELETE FROM vectors WHERE subject = ?", subject)
            unbind(self.database)
            self._revise()
            self.database.scrub()

    def modalities(self, user_id: str) -> tuple[str, ...]:
        """Return by which modalities `user_id` is enrolled; see `Store.modalities`."""
        user_id = normal_user_id(user_id)
        with self.reading() as rows:
            user = rows.user(self._spelled(rows, user_id))
            found = self.database.execute(
                "SELECT modality FROM templates WHERE subject = ?", (user,)
            ).fetchall()
        if not found:
            raise UnknownUser(f"{user_id!r} is not enrolled", hint="Enroll the user first")
        return tuple(sorted(modality for (modality,) in found))

    def users(self, modality: str | None = None) -> tuple[str, ...]:
        """Return user ids, sorted; a damaged row is left out and logged."""
        with self.reading() as rows:
            models = self._models()
            sealed = self.database.execute("SELECT subject, modality, content FROM vectors").fetchall()
        found = set()
        for user, enrolled_by, content in sealed:
            if modality in (None, enrolled_by):
                with _skipping_damage():
                    model_id = models.get(enrolled_by, "")
                    listed = rows.open_vectors(user, enrolled_by, model_id, content).user_id
                    found.add(spellings(listed)[0])
        return tuple(sorted(found))

    def __len__(self) -> int:
        """Count the users."""
        with self.database.reading():
            row = self.database.execute("SELECT COUNT(DISTINCT subject) FROM vectors").fetchone()
            return int(row[0])

    def count(self, modality: str | None = None) -> int:
        """Count the users enrolled by that modality; without one, the templates of all."""
        where, values = ("", ()) if modality is None else ("WHERE modality = ?", (modality,))
        with self.database.reading():
            row = self.database.execute(f"SELECT COUNT(*) FROM vectors {where}", values).fetchone()  # noqa: S608
            return int(row[0])

    def changes(self, modality: str, after: Mark = START, *, limit: int = 1000) -> list[Change]:
        """Return who was enrolled, replaced or touched; see `Store.changes`."""
        while True:
            with self.reading() as rows:
                model_id = self._models().get(modality, "")
                sealed = self.database.execute(
                    "SELECT revision, subject, modality, content FROM vectors "
                    "WHERE modality = ? AND (revision, subject, modality) > (?, ?, ?) "
                    "ORDER BY revision, subject LIMIT ?",
                    (modality, *after, limit),
                ).fetchall()
            found = []
            for *place, content in sealed:
                after = Mark(*place)
                with _skipping_damage():
                    user_id, vectors = rows.open_vectors(after.subject, modality, model_id, content)
                    found.append(Change(after, spellings(user_id)[0], vectors))
            # Where all of a page are damaged, an empty answer would read as the end.
            if found or not sealed:
                return found

    def subjects(self, modality: str) -> frozenset[bytes]:
        """Return what users are found by; see `Store.subjects`."""
        return frozenset(subject for subject, each in self.places() if each == modality)

    def places(self) -> frozenset[tuple[bytes, str]]:
        """Return what all templates are found by: subject and modality."""
        with self.database.reading():
            return frozenset(self.database.execute("SELECT subject, modality FROM vectors").fetchall())

    def touch(self, user_id: str) -> None:
        """Count a user as changed; see `Store.touch`."""
        user_id = normal_user_id(user_id)
        with self.changing() as rows:
            touched = self.database.execute(
                "UPDATE vectors SET revision = (SELECT revision + 1 FROM state) WHERE subject = ?",
                (rows.user(self._spelled(rows, user_id)),),
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
            opened = sorted(rows.open_record(kind, *row) for row in found)
            return {spellings(subject)[0]: content for subject, content in opened}

    def journal(self, kind: str, *, after: int = 0, limit: int | None = None) -> list[tuple[int, bytes]]:
        """Return the entries of a journal; see `Store.journal`."""
        with self.reading() as rows:
            found = self.database.execute(
                "SELECT number, content FROM journals WHERE kind = ? AND number > ? ORDER BY number LIMIT ?",
                (kind, after, _ALL if limit is None else limit),
            )
            return [(number, rows.open_entry(kind, number, content)) for number, content in found]

    def close(self) -> None:
        """Close the database; closing twice is fine."""
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
        """The key given, or found; who may read the store has it anyway."""
        return self._keys[0]

    def also_try(self, key: Key) -> None:
        """Unlock with `key` too from now on: the store is being sealed with it."""
        self._keys = (key, *self._keys[:1])

    def _current(self) -> Rows:
        """Return what opens the rows; another process may have rekeyed or restored."""
        # Every rekey draws a new salt, and a restore brings the backup's: another salt, another `Rows`.
        if self.database.head("salt", bytes) != self._rows.salt:
            self._rows = self._unlock()
        return self._rows

    def _unlock(self) -> Rows:
        """Open the store's secret by the first key that fits: after a rekey the new one, else the old."""
        head = (self.database.head("salt", bytes), self.database.head("secret", bytes))
        for key in self._keys[:-1]:
            with contextlib.suppress(WrongKey):
                return Rows(key, *head)
        # The last one may raise: no key fits.
        return Rows(self._keys[-1], *head)

    def _spelled(self, rows: Rows, user_id: str) -> str:
        """Return the spelling that a user is enrolled by; composed where nobody is."""
        forms = spellings(user_id)
        for form in forms if len(forms) > 1 else ():
            place = (rows.user(form),)
            if self.database.execute("SELECT 1 FROM templates WHERE subject = ?", place).fetchone():
                return form
        return forms[0]

    def _models(self) -> dict[str, str]:
        return dict(self.database.execute("SELECT modality, model_id FROM models").fetchall())

    def _bind(self, template: Template, user: bytes) -> None:
        """Bind a modality to the template's model, unless somebody else's template binds it to another."""
        bound = self._models().get(template.modality)
        if bound == template.model_id:
            return
        others = self.database.execute(
            "SELECT 1 FROM templates WHERE modality = ? AND subject <> ? LIMIT 1", (template.modality, user)
        )
        if bound is not None and others.fetchone() is not None:
            raise StoreError(
                "the store holds templates of another model",
                expected=f"model {bound}",
                received=f"model {template.model_id}",
                hint="Embeddings of two models cannot be compared: enroll into a new store",
            )
        self.database.execute(
            "INSERT INTO models (modality, model_id) VALUES (?, ?) "
            "ON CONFLICT (modality) DO UPDATE SET model_id = excluded.model_id",
            (template.modality, template.model_id),
        )

    def _revise(self) -> None:
        self.database.execute("UPDATE state SET revision = revision + 1")


def begin(database: Database, key: Key) -> None:
    """Write the head of a new store."""
    database.execute("INSERT INTO state (revision, salt, secret) VALUES (0, ?, ?)", Rows.begin(key))


def unbind(database: Database) -> None:
    """Free each modality of which no template is left: the next one may be of another model."""
    database.execute(
        "DELETE FROM models WHERE NOT EXISTS "
        "(SELECT 1 FROM templates WHERE templates.modality = models.modality)"
    )


@contextlib.contextmanager
def _skipping_damage() -> Iterator[None]:
    """Leave a row out that is damaged, or of another version, and say so."""
    try:
        yield
    except DamagedStore:
        _log.warning("a row of the store is damaged and left out: sigverify store check")
    except MalformedTemplate as error:
        _log.warning("a row of the store is left out: %s", error)


def write_template(database: Database, rows: Rows, template: Template) -> None:
    """Write a template, turned by the store's renewal, and its vectors in place of any before.

    Within a transaction. The vectors count as changed in the revision that the transaction ends with.
    """
    user = rows.user(template.user_id)
    database.execute(
        "INSERT INTO templates (subject, modality, content) VALUES (?, ?, ?) "
        "ON CONFLICT (subject, modality) DO UPDATE SET content = excluded.content",
        (user, template.modality, rows.seal_template(template)),
    )
    database.execute(
        "INSERT INTO vectors (subject, modality, content, revision) "
        "SELECT ?, ?, ?, revision + 1 FROM state WHERE TRUE ON CONFLICT (subject, modality) "
        "DO UPDATE SET content = excluded.content, revision = excluded.revision",
        (user, template.modality, rows.seal_vectors(template)),
    )


class SealedRecords:
    """The records and journals of a store, within one transaction; see `Records`."""

    def __init__(self, database: Database, rows: Rows) -> None:
        """Take the database whose transaction it is, and what seals its rows."""
        self._database = database
        self._rows = rows

    def get(self, kind: str, subject: str) -> bytes | None:
        """Return a record, or None."""
        for spelling in spellings(subject):
            place = (kind, self._rows.subject(kind, spelling))
            row = self._database.execute(
                "SELECT content FROM records WHERE kind = ? AND subject = ?", place
            ).fetchone()
            if row is not None:
                return self._rows.open_record(*place, row[0])[1]
        return None

    def put(self, kind: str, subject: str, content: bytes) -> None:
        """Write a record in place of any before, of whichever spelling of the subject."""
        subject, *others = spellings(subject)
        for other in others:
            self._delete(kind, other)
        row = (kind, self._rows.subject(kind, subject), self._rows.seal_record(kind, subject, content))
        self._database.execute(
            "INSERT INTO records (kind, subject, content) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, subject) DO UPDATE SET content = excluded.content",
            row,
        )

    def delete(self, kind: str, subject: str) -> None:
        """Remove a record, if it is there."""
        for spelling in spellings(subject):
            self._delete(kind, spelling)

    def _delete(self, kind: str, subject: str) -> None:
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
