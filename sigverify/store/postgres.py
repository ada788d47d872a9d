"""`PostgresStore`: the templates of a fleet on one PostgreSQL server, sealed as in a file.

The server sees digests, sealed rows, how many there are and when they change; never a name or an embedding.
"""

from typing import Final, NamedTuple

from sigverify.errors import KeyUnavailable, StoreError
from sigverify.protection.keys import Key
from sigverify.store.postgres_database import PostgresDatabase
from sigverify.store.rows import Rows
from sigverify.store.sealed import SealedStore
from sigverify.store.store import START, Mark
from sigverify.store.tally import Share, check_newest, marks_of
from sigverify.store.transaction import Transaction


class Head(NamedTuple):
    """What a copy of the store needs to open its rows, and to see that something changed."""

    revision: int
    models: dict[str, str]
    """Of each modality."""
    salt: bytes
    secret: bytes
    changed: int
    """Of the record that changed last."""
    time_s: float
    """Of the server, since 1970: the clock that kiosks share."""


class SealedUser(NamedTuple):
    """One user's rows of one modality as they lie in the store."""

    mark: Mark
    template: bytes
    vectors: bytes


class SealedRecord(NamedTuple):
    """One record as it lies in the store; content None: it was deleted."""

    changed: int
    kind: str
    subject: bytes
    content: bytes | None


class PostgresStore(SealedStore):
    """Templates on a PostgreSQL server, for tools; kiosks use `FleetStore`, which outlives an outage.

    A connection that broke is made anew by the next call. What was not committed is undone by the server.
    """

    database: PostgresDatabase

    def __init__(
        self,
        url: str,
        *,
        key: Key | None = None,
        create: bool = True,
        timeout_s: float = 5.0,
        compare: bool = True,
    ) -> None:
        """Connect, and make the tables where there are none. A store of the version before is migrated.

        Args:
            url: postgresql://[USER@]HOST[:PORT]/DATABASE[?OPTIONS], as libpq reads it.
            key: the fleet's; there is no default, since each kiosk would make another one.
            create: make the tables where there are none; otherwise that is an error.
            timeout_s: how long to wait for the server, and for another kiosk that is writing.
            compare: the rows with the tally of them; otherwise a store whose rows were removed or put back is
                opened too, to be looked at and repaired.

        Raises:
            KeyUnavailable: no key given.
            WrongKey: the store was sealed with another key.
            DamagedStore: rows were removed or put back by somebody without the key.
            StoreUnreachable: no server answers.
            StoreError: no store there, of another version, or the server refuses.
        """
        if key is None:
            raise KeyUnavailable(
                "a fleet needs a key of its own",
                expected="the one key that all its kiosks have",
                hint="Make one (sigverify store keygen), bring it to every kiosk, and name it (--key)",
            )
        super().__init__(PostgresDatabase(url, timeout_s=timeout_s))
        self.path = self.database.path
        try:
            if not self.database.made:
                self._make(key, create=create)
            self._open(key, migrate=True, compare=compare)
        except BaseException:
            self.close()
            raise

    def fleet_head(self) -> Head:
        """Return the head, in one question."""
        with self.database.guard("read"):
            row = self.database.execute(_HEAD).fetchone()
        if row is None:
            raise StoreError(f"the store {self.path} has no head", hint="Restore a backup")
        return Head(*row)

    def gallery(self) -> tuple[Share, Share] | None:
        """Return what names all people and models: a whole copy has the same."""
        with self.reading():
            tally = self.ledger.tally()
            return None if tally is None else tally.gallery

    def compare(self, *, if_due: bool = False) -> None:
        """Compare all rows with the tally of them; `if_due`: not more often than that is cheap.

        Raises:
            DamagedStore: rows were removed or put back by somebody without the key.
        """
        with self.reading():
            if if_due:
                self.ledger.compare_if_due()
            else:
                self.ledger.compare()

    def sealed_users(self, after: Mark = START, *, limit: int) -> list[SealedUser]:
        """Return the rows of users changed after a mark, oldest change first.

        Raises:
            DamagedStore: one of them is not the newest that was written there.
        """
        with self.database.guard("read"):
            found = self.database.execute(_USERS, (*after, limit)).fetchall()
        users = []
        for *place, template, vectors, mark in found:
            newest = (
                check_newest(template, marks_of(mark)[0], "template"),
                check_newest(vectors, marks_of(mark)[1], "row of vectors"),
            )
            users.append(SealedUser(Mark(*place), *newest))
        return users

    def sealed_records(self, kinds: tuple[str, ...], *, after: int, limit: int) -> list[SealedRecord]:
        """Return records of these kinds changed or deleted after a number, oldest change first.

        Raises:
            DamagedStore: one of them is not the newest that was written there.
        """
        with self.database.guard("read"):
            values = (after, list(kinds), after, list(kinds), limit)
            found = self.database.execute(_RECORDS, values).fetchall()
        records = []
        for changed, kind, subject, content, mark in found:
            if mark is not None:
                check_newest(content, mark, "record")
            # Of one without a mark nothing is there, whatever somebody put back.
            records.append(SealedRecord(changed, kind, subject, None if mark is None else content))
        return records

    def beside(self) -> Transaction[Rows]:
        """Run the body in a transaction that changes no row of ours, and give it what opens them.

        Others write meanwhile, a rekey too: compare the salt of what is read with that of the `Rows`.
        """
        return self.database.beside().giving(self._current)

    def people(self) -> int:
        """Count the templates of all modalities, by the sealed head: nobody without the key can alter it."""
        with self.reading():
            tally = self.ledger.tally()
            return 0 if tally is None else tally.people.count

    def has(self, user_id: str) -> bool:
        """Say whether somebody is enrolled, by whichever modality."""
        with self.reading() as rows:
            found = self.database.execute(
                "SELECT 1 FROM models JOIN seals ON part = 'people' AND kind = modality AND subject = ?",
                (rows.user(user_id),),
            )
            return found.fetchone() is not None

    def _make(self, key: Key, *, create: bool) -> None:
        if not create:
            raise StoreError(
                f"no store at {self.path}", expected="tables made by enrolling", hint="Enroll somebody first"
            )
        self.database.create(lambda: self._begin_head(key))


_HEAD: Final = """
SELECT revision, (SELECT COALESCE(json_object_agg(modality, model_id), '{}') FROM models), salt, secret,
    GREATEST((SELECT COALESCE(MAX(changed), 0) FROM records), (SELECT COALESCE(MAX(changed), 0) FROM gone)),
    EXTRACT(EPOCH FROM clock_timestamp())::float8
FROM state
"""
_USERS: Final = """
SELECT revision, subject, modality, templates.content, vectors.content, mark
FROM vectors LEFT JOIN templates USING (subject, modality)
    JOIN (SELECT subject, kind AS modality, mark FROM seals WHERE part = 'people') AS marks
    USING (subject, modality)
WHERE (revision, subject, modality) > (?, ?, ?) ORDER BY revision, subject, modality LIMIT ?
"""
_RECORDS: Final = """
SELECT changed, kind, subject, content, mark
FROM (
    SELECT changed, kind, subject, content FROM records WHERE changed > ? AND kind = ANY(?)
    UNION ALL
    SELECT changed, kind, subject, NULL FROM gone WHERE changed > ? AND kind = ANY(?)
    ORDER BY changed LIMIT ?
) AS news
LEFT JOIN (SELECT subject, kind, mark FROM seals WHERE part = 'records') AS marks USING (kind, subject)
ORDER BY changed
"""
