"""`SealedStore`: sealed templates and records in a database, whichever it is."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace as changed
from typing import Any, Final, Self

from sigverify.errors import (
    AlreadyEnrolled,
    StoreError,
    UnknownUser,
    WrongKey,
)
from sigverify.protection.keys import Key
from sigverify.protection.renewal import Renewal
from sigverify.store.counter import Counter
from sigverify.store.database import Database
from sigverify.store.erasure import Erasure
from sigverify.store.ledger import NOT_ALLOWED, Ledger
from sigverify.store.opened import OpenedTemplates
from sigverify.store.prepared import PreparedPeople
from sigverify.store.rows import Rows, skipping_damage
from sigverify.store.store import START, Change, Mark, State
from sigverify.store.tally import RECORDS, Tally, check_newest, mark_of, marks_of
from sigverify.store.transaction import Place, Seen, Transaction
from sigverify.template import Template, normal_user_id, spellings

_ALL: Final = 2**63 - 1
"""As a limit: no limit, in every database."""


class SealedStore:
    """What the stores in SQLite and PostgreSQL share: all but how they are opened.

    The statements are of the SQL that both understand. Every row is sealed with a key that is not in the
    database (`sealing`, `rows`), user ids too.
    """

    database: Database
    _keys: tuple[Key, ...]
    _opener: Key
    _rows: Rows
    _compares = True
    _known: tuple[int, Rows] | None = None
    """What opens the rows, and the version of the database at which that was looked up."""

    def __init__(self, database: Database) -> None:
        """Take the database; `_open` unlocks it."""
        self.database = database
        self.ledger = Ledger(database, self._unlocked)
        self._opened = OpenedTemplates()

    def __enter__(self) -> Self:
        """Return this store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def models(self) -> dict[str, str]:
        """Return the model of each modality; see `Store.models`."""
        with self.reading():
            return self._models()

    @property
    def renewal(self) -> Renewal:
        """The transform that stored templates are turned by; see `Store.renewal`."""
        with self.database.guard("read"):
            if self.database.opened is None and self._known == (self.database.version(), self._rows):
                return self._rows.renewal  # nobody has changed anything since
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
            place = (user, template.modality)
            there = self.database.execute(
                "SELECT 1 FROM seals WHERE part = 'people' AND subject = ? AND kind = ?", place
            )
            if there.fetchone() is not None:
                if not replace:
                    raise AlreadyEnrolled(
                        f"{template.user_id!r} is enrolled already",
                        hint="Pass replace=True (--replace) to enroll anew, or forget the user first",
                    )
                self.database.scrub()  # what it replaces
            self._bind(template, user)
            write_template(self.ledger, rows, template)
            self.ledger.revise()

    def get(self, user_id: str, modality: str) -> Template:
        """Return the template of `user_id` of that modality; see `Store.get`."""
        user_id = normal_user_id(user_id)
        with self.reading() as rows:
            user = rows.user(self._spelled(rows, user_id))
            # A template of a modality without a model is read too, and then does not open.
            row = self.database.execute(
                "SELECT mark, content, model_id, (SELECT revision FROM state) FROM seals "
                "LEFT JOIN templates ON templates.subject = seals.subject AND templates.modality = kind "
                "LEFT JOIN models ON models.modality = kind "
                "WHERE part = 'people' AND seals.subject = ? AND kind = ?",
                (user, modality),
            ).fetchone()
        if row is None:
            raise UnknownUser(f"{user_id!r} is not enrolled", hint="Enroll the user first")
        content = check_newest(row[1], marks_of(row[0])[0], "template")
        template = self._opened.open(rows, row[3], (user, modality), row[2] or "", content)
        return template if template.user_id == user_id else changed(template, user_id=user_id)

    def delete(self, user_id: str) -> None:
        """Remove `user_id` for good; see `Store.delete`."""
        user_id = normal_user_id(user_id)
        with self.changing() as rows:
            subjects = [rows.user(spelling) for spelling in spellings(user_id)]
            found = [(subject, each) for subject in subjects for each in self._modalities(subject)]
            if not found:
                raise UnknownUser(f"{user_id!r} is not enrolled")
            for place in found:
                self.ledger.delete_person(*place)
            unbind(self.database, self.ledger)
            self.ledger.revise()
            self.database.scrub()
            self._opened.forget()

    def modalities(self, user_id: str) -> tuple[str, ...]:
        """Return by which modalities `user_id` is enrolled; see `Store.modalities`."""
        user_id = normal_user_id(user_id)
        with self.reading() as rows:
            found = self._modalities(rows.user(self._spelled(rows, user_id)))
        if not found:
            raise UnknownUser(f"{user_id!r} is not enrolled", hint="Enroll the user first")
        return tuple(sorted(found))

    def users(self, modality: str | None = None) -> tuple[str, ...]:
        """Return user ids, sorted; a damaged row is left out and logged."""
        with self.reading() as rows:
            models = self._models()
            sealed = self.database.execute(_LISTED + "WHERE part = 'people'").fetchall()
        wanted = [row for row in sealed if modality in (None, row[1])]
        return tuple(sorted(set(_listed(rows, models, wanted))))

    def page(self, after: str = "", *, limit: int = 1000) -> tuple[str, ...]:
        """Return the next user ids after that one, in an order of the store's own; see `Store.page`."""
        found: dict[str, None] = {}
        with self.reading() as rows:
            models = self._models()
            place = rows.user(self._spelled(rows, after)) if after else b""
            while len(found) < limit:
                sealed = [
                    row
                    for modality in models
                    for row in self.database.execute(
                        _LISTED + "WHERE part = 'people' AND kind = ? AND seals.subject > ? "
                        "ORDER BY seals.subject LIMIT ?",
                        (modality, place, limit - len(found)),
                    ).fetchall()
                ]
                subjects = sorted({row[0] for row in sealed})[: limit - len(found)]
                if not subjects:
                    break
                place = subjects[-1]
                listed = sorted((row for row in sealed if row[0] <= place), key=lambda row: row[:2])
                found |= dict.fromkeys(_listed(rows, models, listed))
        return tuple(found)

    def __len__(self) -> int:
        """Count the users."""
        with self.reading():
            row = self.database.execute(
                "SELECT COUNT(DISTINCT subject) FROM seals WHERE part = 'people'"
            ).fetchone()
            return int(row[0])

    def count(self, modality: str | None = None) -> int:
        """Count the users enrolled by that modality; without one, the templates of all."""
        where, values = ("", ()) if modality is None else (" AND kind = ?", (modality,))
        query = f"SELECT COUNT(*) FROM seals WHERE part = 'people'{where}"  # noqa: S608, of two of ours
        with self.reading():
            return int(self.database.execute(query, values).fetchone()[0])

    def changes(self, modality: str, after: Mark = START, *, limit: int = 1000) -> list[Change]:
        """Return who was enrolled, replaced or touched; see `Store.changes`."""
        while True:
            with self.reading() as rows:
                model_id = self._models().get(modality, "")
                sealed = self.database.execute(_CHANGED, (modality, *after, limit)).fetchall()
            found = []
            for *place, content, mark in sealed:
                after = Mark(*place)
                if mark is None:  # put there without the key, which `check` finds
                    continue
                with skipping_damage():
                    check_newest(content, marks_of(mark)[1], "row of vectors")
                    user_id, vectors = rows.open_vectors(after.subject, modality, model_id, content)
                    found.append(Change(after, spellings(user_id)[0], vectors))
            # Where all of a page are damaged, an empty answer would read as the end.
            if found or not sealed:
                return found

    def prepared(self, modality: str) -> PreparedPeople | None:
        """Return everybody of a modality as the gallery has them; see `Store.prepared`."""
        gallery = self.ledger.gallery
        if gallery is None or self.database.is_old():
            return None
        people = self.count(modality)
        return PreparedPeople(self, gallery, modality, people) if gallery.is_kept(modality, people) else None

    def subjects(self, modality: str) -> frozenset[bytes]:
        """Return what users are found by; see `Store.subjects`."""
        return frozenset(subject for subject, each in self.places() if each == modality)

    def places(self) -> frozenset[tuple[bytes, str]]:
        """Return what all templates are found by: subject and modality."""
        with self.reading():
            found = self.database.execute("SELECT subject, kind FROM seals WHERE part = 'people'")
            return frozenset(found.fetchall())

    def subject(self, user_id: str) -> bytes:
        """Return what a user is found by, enrolled or not; see `Mark.subject`."""
        with self.reading() as rows:
            return rows.user(self._spelled(rows, normal_user_id(user_id)))

    def touch(self, user_id: str) -> None:
        """Count a user as changed; see `Store.touch`."""
        user_id = normal_user_id(user_id)
        with self.changing() as rows:
            if not self.ledger.touch(rows.user(self._spelled(rows, user_id))):
                raise UnknownUser(f"{user_id!r} is not enrolled")
            self.ledger.revise()

    def revision(self) -> int:
        """Return a number that rises with every change, whichever process made it."""
        with self.database.guard("read"):
            return int(self.database.head("revision", int))

    def transaction(self, *, durable: bool = True, local: bool = False) -> Transaction["SealedRecords"]:
        """Change several things as one; see `Store.transaction`."""
        joined = self.database.changing(durable=durable, local=local)
        return joined.giving(lambda: SealedRecords(self.ledger, self._current(), self.database))

    def read_record(self, kind: str, subject: str) -> bytes | None:
        """Return one record; see `Store.read_record`."""
        with self.reading() as rows:
            return SealedRecords(self.ledger, rows, self.database).get(kind, subject)

    def records(self, kind: str) -> dict[str, bytes]:
        """Return all records of a kind; see `Store.records`."""
        with self.reading() as rows:
            found = self.database.execute(
                "SELECT subject, content, mark FROM seals LEFT JOIN records USING (kind, subject) "
                "WHERE part = 'records' AND kind = ?",
                (kind,),
            )
            opened = sorted(
                rows.open_record(kind, subject, check_newest(content, mark, "record"))
                for subject, content, mark in found.fetchall()
            )
            return {spellings(subject)[0]: content for subject, content in opened}

    def state(self, kind: str, subject: str) -> State | None:
        """Return what names the rows that are there, but that record; see `Store.state`."""
        with self.reading() as rows:
            self.ledger.compare()
            return SealedRecords(self.ledger, rows, self.database).state(kind, subject)

    def last(self, kind: str) -> tuple[int, bytes] | None:
        """Return the newest entry of a journal with its number, or None."""
        with self.reading() as rows:
            return SealedRecords(self.ledger, rows, self.database).last(kind)

    def journal(self, kind: str, *, after: int = 0, limit: int | None = None) -> list[tuple[int, bytes]]:
        """Return the entries of a journal; see `Store.journal`."""
        with self.reading() as rows:
            found = self.database.execute(
                "SELECT number, content FROM journals WHERE kind = ? AND number > ? ORDER BY number LIMIT ?",
                (kind, after, _ALL if limit is None else limit),
            )
            return [(number, rows.open_entry(kind, number, content)) for number, content in found.fetchall()]

    def close(self) -> None:
        """Close the database, and the counter; closing twice is fine."""
        self.database.close()
        if self.ledger.counter is not None:
            self.ledger.counter.close()

    def reading(self) -> Transaction[Rows]:
        """Run the body on one state of the store, and give it what opens the rows."""
        return self.database.reading().giving(self._current)

    def changing(self, *, durable: bool = True) -> Transaction[Rows]:
        """Run the body in one transaction, and give it what opens the rows."""
        return self.database.changing(durable=durable).giving(self._current)

    def erasure(self) -> Erasure:
        """Say what became of the bytes of what was deleted; see `Store.erasure`."""
        gallery = self.ledger.gallery
        return self.database.erasure() if gallery is None or gallery.is_clean else Erasure.PENDING

    @property
    def key(self) -> Key:
        """The key that opens the store; who may read the store has it anyway."""
        return self._opener

    def also_try(self, key: Key) -> None:
        """Unlock with `key` too from now on: the store is being sealed with it."""
        # Nothing is committed yet: the one that opens what is there stays.
        self._keys = (key, self._opener)

    def _open(self, key: Key, *, migrate: bool, compare: bool, counter: Counter | None = None) -> None:
        """Unlock, migrate where that is due, and compare the rows with the tally."""
        self._keys = (key,)
        self._compares = compare
        with self.database.reading():
            self._rows = self._unlock()
        # Not before the key fits: whoever names the wrong file or key changes nothing.
        if migrate:
            self.database.migrate(self._migrated)
        self.ledger.counter = counter
        if not compare:
            return
        with self.database.reading():
            self.ledger.compare()
            if migrate or counter is not None:
                self.ledger.check_counter()
            tally = self.ledger.tally()
        if counter is not None and migrate and tally is not None:
            if not tally.counted:
                with self.changing():
                    self.ledger.begin_counting()
            self.ledger.count_on()

    def _begin_head(self, key: Key) -> None:
        salt, secret = Rows.begin(key)
        self.ledger.begin_head(Rows(key, salt, secret), salt, secret)

    def _migrated(self) -> None:
        """Give a store of a version before its tally, within the transaction that migrates it."""
        self.ledger.adopt(Tally())
        self.ledger.rewrite_secret(self._rows.sealed_secret())

    def _current(self) -> Rows:
        """Return what opens the rows, once it is clear that they are ours."""
        opened = self.database.opened
        if opened is not None and opened.is_ours:
            return self._rows
        version = self.database.version()
        # What this process itself changes, such as the salt, changes no version.
        is_known = version is not None and self._known == (version, self._rows)
        if not is_known or (opened is not None and opened.pending is not None):
            self._unlocked()
            self._known = None if version is None else (version, self._rows)
        if self._compares:
            self.ledger.look(version)
        if opened is not None:
            opened.is_ours = True
        return self._rows

    def _unlocked(self) -> Rows:
        """Return what opens the rows; another process may have rekeyed or restored."""
        opened = self.database.opened
        # Every rekey draws a new salt, and a restore brings the backup's: another salt, another `Rows`.
        if not (opened is not None and opened.is_ours) and (
            self.database.head("salt", bytes) != self._rows.salt
        ):
            self._rows = self._unlock()
        return self._rows

    def _unlock(self) -> Rows:
        """Open the store's secret by the first key that fits: after a rekey the new one, else the old."""
        head = (self.database.head("salt", bytes), self.database.head("secret", bytes))
        for key in self._keys[:-1]:
            with contextlib.suppress(WrongKey):
                return self._opened_by(key, head)
        # The last one may raise: no key fits.
        return self._opened_by(self._keys[-1], head)

    def _opened_by(self, key: Key, head: tuple[bytes, bytes]) -> Rows:
        rows = Rows(key, *head, old=self.database.is_old())
        self._opener = key
        return rows

    def _spelled(self, rows: Rows, user_id: str) -> str:
        """Return the spelling that a user is enrolled by; composed where nobody is."""
        forms = spellings(user_id)
        for form in forms if len(forms) > 1 else ():
            place = (rows.user(form),)
            if self.database.execute(_ENROLLED, place).fetchone():
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
            "SELECT 1 FROM seals WHERE part = 'people' AND kind = ? AND subject <> ? LIMIT 1",
            (template.modality, user),
        )
        if bound is not None and others.fetchone() is not None:
            raise StoreError(
                "the store holds templates of another model",
                expected=f"model {bound}",
                received=f"model {template.model_id}",
                hint="Embeddings of two models cannot be compared: enroll into a new store",
            )
        self.ledger.put_model(template.modality, template.model_id)

    def _modalities(self, user: bytes) -> list[str]:
        return [kind for (kind,) in self.database.execute(_ENROLLED, (user,)).fetchall()]


# Neither is a join: SQLite would begin it with the marks, and go through everybody's.
_ENROLLED: Final = (
    "SELECT modality FROM models WHERE EXISTS "
    "(SELECT 1 FROM seals WHERE part = 'people' AND kind = modality AND subject = ?)"
)
_RECORD: Final = (
    "SELECT mark, content FROM seals LEFT JOIN records USING (kind, subject) "
    "WHERE part = 'records' AND kind = ? AND subject = ?"
)
_CHANGED: Final = (
    "SELECT revision, subject, modality, content, "
    "(SELECT mark FROM seals WHERE part = 'people' AND kind = modality AND seals.subject = vectors.subject) "
    "FROM vectors WHERE modality = ? AND (revision, subject, modality) > (?, ?, ?) "
    "ORDER BY revision, subject LIMIT ?"
)
_LISTED: Final = (
    "SELECT seals.subject, kind, content, mark FROM seals "
    "LEFT JOIN vectors ON vectors.subject = seals.subject AND modality = kind "
)


def unbind(database: Database, ledger: Ledger) -> None:
    """Free each modality of which no template is left: the next one may be of another model."""
    unused = database.execute(
        "SELECT modality FROM models WHERE NOT EXISTS "
        "(SELECT 1 FROM seals WHERE part = 'people' AND kind = modality)"
    )
    for (modality,) in unused.fetchall():
        ledger.delete_model(modality)


def _listed(rows: Rows, models: dict[str, str], sealed: list[Any]) -> Iterator[str]:
    """Open what is listed of people, row by row of `(subject, modality, content, mark)`, and yield whose."""
    for user, modality, content, mark in sealed:
        with skipping_damage():
            check_newest(content, marks_of(mark)[1], "row of vectors")
            listed = rows.open_vectors(user, modality, models.get(modality, ""), content).user_id
            yield spellings(listed)[0]


def write_template(ledger: Ledger, rows: Rows, template: Template) -> None:
    """Write a template, turned by the store's renewal, and its vectors in place of any before."""
    ledger.put_person(
        rows.user(template.user_id),
        template.modality,
        rows.seal_template(template),
        rows.seal_vectors(template),
    )


class SealedRecords:
    """The records and journals of a store, within one transaction; see `Records`."""

    def __init__(self, ledger: Ledger, rows: Rows, database: Database) -> None:
        """Take what writes the rows, what seals them, and the database whose transaction it is."""
        self._ledger = ledger
        self._rows = rows
        self._database = database

    def get(self, kind: str, subject: str) -> bytes | None:
        """Return a record, or None."""
        for spelling in spellings(subject):
            place = (kind, self._rows.subject(kind, spelling))
            seen = self._ledger.record(place)
            if seen is None or (seen[0] is not None and seen[1] is None):
                row = self._database.execute(_RECORD, place).fetchone()
                seen = self._note(place, *(row or (None, None)))
            if seen[1] is not None:
                return seen[1]
        return None

    def _note(self, place: Place, mark: bytes | None, sealed: bytes | None) -> Seen:
        """Open a record that was just read, and keep it in mind; without a mark there is none."""
        content = None
        if mark is not None:
            if sealed is None and not self._database.sees_all():
                raise StoreError(NOT_ALLOWED, hint="See its rights (docs/fleet.md, roles)")
            content = self._rows.open_record(*place, check_newest(sealed, mark, "record"))[1]
        return self._ledger.note_record(place, mark, content)

    def put(self, kind: str, subject: str, content: bytes) -> None:
        """Write a record in place of any before, of whichever spelling of the subject."""
        subject, *others = spellings(subject)
        for other in others:
            self._delete(kind, other)
        place = (kind, self._rows.subject(kind, subject))
        sealed = self._rows.seal_record(kind, subject, content)
        self._ledger.put_record(*place, sealed)
        self._ledger.note_record(place, mark_of(sealed), content)

    def delete(self, kind: str, subject: str) -> None:
        """Remove a record, if it is there."""
        for spelling in spellings(subject):
            self._delete(kind, spelling)

    def _delete(self, kind: str, subject: str) -> None:
        self._ledger.delete_record(kind, self._rows.subject(kind, subject))

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
        self._ledger.put_entry(kind, number, self._rows.seal_entry(kind, number, content))
        return int(number)

    def state(self, kind: str, subject: str) -> State | None:
        """Return what names the rows that are there, but that record; see `Records.state`."""
        tally = self._ledger.tally()
        if tally is None:
            return None
        digest = self._rows.subject(kind, subject)
        mark, records = self._ledger.mark(RECORDS, kind, digest), tally.records
        if mark is not None:
            records = records.minus(self._rows.terms.of(RECORDS, kind, digest, mark))
        rest = Tally(models=tally.models, people=tally.people, records=records)
        return State(tally.changes, self._rows.digest_of(rest))
