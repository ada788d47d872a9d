"""`PostgresStore`: the templates of a fleet on one PostgreSQL server, sealed as in a file.

The server sees digests, sealed rows, how many there are and when they change; never a name or an embedding.
"""

from typing import Final, NamedTuple

from sigverify.errors import KeyUnavailable, StoreError
from sigverify.protection.keys import Key
from sigverify.store.postgres_database import PostgresDatabase
from sigverify.store.sealed import SealedStore, begin
from sigverify.store.store import START, Mark


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
        self, url: str, *, key: Key | None = None, create: bool = True, timeout_s: float = 5.0
    ) -> None:
        """Connect, and make the tables where there are none. A store of the version before is migrated.

        Args:
            url: postgresql://[USER@]HOST[:PORT]/DATABASE[?OPTIONS], as libpq reads it.
            key: the fleet's; there is no default, since each kiosk would make another one.
            create: make the tables where there are none; otherwise that is an error.
            timeout_s: how long to wait for the server, and for another kiosk that is writing.

        Raises:
            KeyUnavailable: no key given.
            WrongKey: the store was sealed with another key.
            StoreUnreachable: no server answers.
            StoreError: no store there, of another version, or the server refuses.
        """
        if key is None:
            raise KeyUnavailable(
                "a fleet needs a key of its own",
                expected="the one key that all its kiosks have",
                hint="Make one (sigverify store keygen), bring it to every kiosk, and name it (--key)",
            )
        self.database = PostgresDatabase(url, timeout_s=timeout_s)
        self.path = self.database.path
        try:
            if not self.database.made:
                self._make(key, create=create)
            self._keys = (key,)
            with self.database.guard("read"):
                self._rows = self._unlock()
            self.database.migrate()
        except BaseException:
            self.database.close()
            raise

    def fleet_head(self) -> Head:
        """Return the head, in one question."""
        with self.database.guard("read"):
            row = self.database.execute(_HEAD).fetchone()
        if row is None:
            raise StoreError(f"the store {self.path} has no head", hint="Restore a backup")
        return Head(*row)

    def sealed_users(self, after: Mark = START, *, limit: int) -> list[SealedUser]:
        """Return the rows of users changed after a mark, oldest change first."""
        with self.database.guard("read"):
            found = self.database.execute(_USERS, (*after, limit)).fetchall()
        return [SealedUser(Mark(*row[:3]), *row[3:]) for row in found]

    def sealed_records(self, kinds: tuple[str, ...], *, after: int, limit: int) -> list[SealedRecord]:
        """Return records of these kinds changed or deleted after a number, oldest change first."""
        with self.database.guard("read"):
            values = (after, list(kinds), after, list(kinds), limit)
            return [SealedRecord(*row) for row in self.database.execute(_RECORDS, values)]

    def has(self, user_id: str) -> bool:
        """Say whether somebody is enrolled, by whichever modality."""
        with self.reading() as rows:
            found = self.database.execute(
                "SELECT 1 FROM templates WHERE subject = ? LIMIT 1", (rows.user(user_id),)
            )
            return found.fetchone() is not None

    def _make(self, key: Key, *, create: bool) -> None:
        if not create:
            raise StoreError(
                f"no store at {self.path}", expected="tables made by enrolling", hint="Enroll somebody first"
            )
        self.database.create(lambda: begin(self.database, key))


_HEAD: Final = """
SELECT revision, (SELECT COALESCE(json_object_agg(modality, model_id), '{}') FROM models), salt, secret,
    GREATEST((SELECT COALESCE(MAX(changed), 0) FROM records), (SELECT COALESCE(MAX(changed), 0) FROM gone)),
    EXTRACT(EPOCH FROM clock_timestamp())::float8
FROM state
"""
_USERS: Final = """
SELECT revision, subject, modality, templates.content, vectors.content
FROM vectors JOIN templates USING (subject, modality)
WHERE (revision, subject, modality) > (?, ?, ?) ORDER BY revision, subject, modality LIMIT ?
"""
_RECORDS: Final = """
SELECT changed, kind, subject, content FROM records WHERE changed > ? AND kind = ANY(?)
UNION ALL
SELECT changed, kind, subject, NULL FROM gone WHERE changed > ? AND kind = ANY(?)
ORDER BY changed LIMIT ?
"""
