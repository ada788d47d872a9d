"""`PostgresDatabase`: one connection to a PostgreSQL server, made anew when it breaks; see `Database`.

Writers come one after the other: each begins by locking the head. So revisions and the numbers of changed
records become visible in their order, and whoever follows them misses nothing.
"""

import contextlib
import select
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from sigverify.errors import DamagedStore, MissingExtra, StoreError, StoreUnreachable
from sigverify.forking import OwnLock
from sigverify.store.migration import POSTGRES as MIGRATION

if TYPE_CHECKING:
    import psycopg

SCHEMES: Final = ("postgresql://", "postgres://")
VERSION: Final = 2
OLD_VERSION: Final = 1
"""Is migrated when it is opened."""

_SETTINGS: Final = (
    "SET search_path TO sigverify, pg_catalog",
    "SET lock_timeout TO {timeout_ms}",
    "SET statement_timeout TO 60000",
    # A kiosk that froze within a transaction must not keep all others from writing.
    "SET idle_in_transaction_session_timeout TO 60000",
    "SET client_min_messages TO warning",
)
_LOCK: Final = "BEGIN; SELECT 1 FROM state FOR UPDATE"
_LOCK_LAZILY: Final = "BEGIN; SET LOCAL synchronous_commit TO off; SELECT 1 FROM state FOR UPDATE"
_CREATION_LOCK: Final = int.from_bytes(b"SIGV", "big")
_FIND_VERSION: Final = "SELECT 1 FROM pg_tables WHERE schemaname = 'sigverify' AND tablename = 'version'"
_SCHEMA: Final = """
CREATE SCHEMA IF NOT EXISTS sigverify;
CREATE TABLE version (version INTEGER NOT NULL);
CREATE TABLE state (revision BIGINT NOT NULL, salt BYTEA NOT NULL, secret BYTEA NOT NULL);
CREATE TABLE models (modality TEXT PRIMARY KEY, model_id TEXT NOT NULL);
CREATE TABLE templates (
    subject BYTEA, modality TEXT, content BYTEA NOT NULL, PRIMARY KEY (subject, modality)
);
CREATE TABLE vectors (
    subject BYTEA, modality TEXT, content BYTEA NOT NULL, revision BIGINT NOT NULL,
    PRIMARY KEY (subject, modality)
);
CREATE UNIQUE INDEX changes ON vectors (revision, subject, modality);
CREATE TABLE records (
    kind TEXT, subject BYTEA, content BYTEA NOT NULL, changed BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, subject)
);
CREATE INDEX changed_records ON records (changed);
CREATE TABLE gone (kind TEXT, subject BYTEA, changed BIGINT NOT NULL, PRIMARY KEY (kind, subject));
CREATE INDEX changed_gone ON gone (changed);
CREATE TABLE journals (
    kind TEXT, number BIGINT, content BYTEA NOT NULL, PRIMARY KEY (kind, number)
);
CREATE SEQUENCE record_changes;
CREATE FUNCTION note_record() RETURNS trigger LANGUAGE plpgsql SET search_path = sigverify, pg_catalog AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO gone VALUES (OLD.kind, OLD.subject, nextval('record_changes'))
        ON CONFLICT (kind, subject) DO UPDATE SET changed = excluded.changed;
        RETURN OLD;
    END IF;
    NEW.changed := nextval('record_changes');
    DELETE FROM gone WHERE kind = NEW.kind AND subject = NEW.subject;
    RETURN NEW;
END $$;
CREATE TRIGGER note_record BEFORE INSERT OR UPDATE OR DELETE ON records
    FOR EACH ROW EXECUTE FUNCTION note_record();
"""


def is_server(path: object) -> bool:
    """Say whether a path names a server.

    >>> is_server("postgresql://db.example/fleet"), is_server("kiosk.db")
    (True, False)
    """
    return isinstance(path, str) and path.startswith(SCHEMES)


class PostgresDatabase:
    """One connection to one database. Threads may share it; processes open their own."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        """Connect, and see whether the tables are there.

        Raises:
            StoreUnreachable: no server answers.
            StoreError: it does not let us in, or holds a store of another version.
            MissingExtra: psycopg is not installed.
        """
        self._driver = _import_psycopg()
        self._url = url
        self._timeout_s = timeout_s
        self._lock = OwnLock("the connection to the fleet's server")
        self._connection: psycopg.Connection[Any] | None = None
        self._within = False
        self._closed = False
        self.path = self._shown()
        try:
            with self.guard("open"):
                self.made = self._is_made()
        except BaseException:
            self.close()
            raise

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._within

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> "psycopg.Cursor[Any]":
        """Run one statement, within `guard`, `reading` or `changing`."""
        if self._connection is None:
            raise self._driver.OperationalError("the connection was lost")
        return self._connection.execute(statement.replace("?", "%s").encode(), values)

    def create(self, first: Callable[[], None]) -> None:
        """Make the tables and run `first`, all as one, unless another kiosk just did."""
        with self.guard("create"), self._transaction("BEGIN"):
            self._run(f"SELECT pg_advisory_xact_lock({_CREATION_LOCK})")
            if not self._is_made():
                self._run(_SCHEMA)
                self.execute("INSERT INTO version VALUES (?)", (VERSION,))
                first()
        self.made = True

    def migrate(self) -> None:
        """Make an old store one of today's, wholly or not at all, unless another kiosk just did."""
        with self.guard("migrate"):
            if self._version() != OLD_VERSION:
                return
            with self._transaction("BEGIN"):
                self._run(f"SELECT pg_advisory_xact_lock({_CREATION_LOCK})")
                if self._version() == OLD_VERSION:
                    # Everybody begins with this table: whoever has a transaction open ends it first.
                    self._run("LOCK TABLE state IN ACCESS EXCLUSIVE MODE")
                    self._run(MIGRATION)
                    self.execute("UPDATE version SET version = ?", (VERSION,))

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Run the body on one state of the store, whatever others write meanwhile."""
        with self.guard("read"):
            if self._within:
                yield
                return
            with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"):
                yield

    @contextlib.contextmanager
    def changing(self, *, durable: bool = True) -> Iterator[None]:
        """Run the body in one transaction: committed whole, or rolled back when anything is raised.

        Within another one of the same thread it joins that. No other writer is in between. When the
        connection breaks while it is committed, nothing shows whether it was.
        """
        with self.guard("write"):
            if self._within:
                yield
                return
            with self._transaction(_LOCK if durable else _LOCK_LAZILY):
                yield

    @contextlib.contextmanager
    def guard(self, verb: str) -> Iterator[None]:
        """Hold the lock, connect where need be, and turn what psycopg raises into a `StoreError`."""
        with self._lock:
            try:
                # Never within a transaction: what is left of it would run outside.
                if not self._within:
                    self._connect()
                yield
            except self._driver.Error as error:
                raise self._translated(error, verb) from error

    def scrub(self) -> None:
        """Do nothing: the server's VACUUM frees what is deleted; it stays sealed until then."""

    def head(self, column: str, kind: Any) -> Any:
        """Return a column of the head, within `guard`. Raises DamagedStore where it is of another type."""
        row = self.execute(f"SELECT {column} FROM state").fetchone()  # noqa: S608, a name of ours
        if row is None or not isinstance(row[0], kind):
            raise DamagedStore(f"the head of the store {self.path} is damaged", hint="Restore a backup")
        return row[0]

    def structure(self) -> list[str]:
        """Return nothing: the server checks its own pages (data checksums, pg_amcheck)."""
        return []

    def close(self) -> None:
        """Close the connection; closing twice is fine."""
        if self._lock.is_own():  # a forked child would end the parent's session
            with self._lock:
                self._closed = True
                self._drop()

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[None]:
        self._within = True
        try:
            self._run(begin)
            yield
            # A transaction in which a statement failed is rolled back by COMMIT without an error.
            if self._run("COMMIT") != "COMMIT":
                raise StoreError(f"a change of the store {self.path} was rolled back")
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._within = False

    def _run(self, statements: str) -> str | None:
        """Run statements without values, and return what the last one says it did."""
        return self.execute(statements).statusmessage

    def _roll_back(self) -> None:
        """Undo; a connection that cannot is dropped, and the server undoes by itself."""
        try:
            self._run("ROLLBACK")
        except self._driver.Error:
            self._drop()

    def _connect(self) -> None:
        if self._closed:
            raise StoreError(f"the store {self.path} is closed")
        if self._is_alive():
            return
        self._drop()
        seconds = max(2, round(self._timeout_s))
        options = self._driver.conninfo.conninfo_to_dict(self._url)
        defaults = {
            "connect_timeout": seconds, "tcp_user_timeout": 1000 * seconds,
            "keepalives_idle": seconds, "keepalives_interval": 2, "keepalives_count": 3,
            "application_name": "sigverify",
        }  # fmt: skip
        # Statements are not prepared, so that a pooler may stand in between.
        self._connection = self._driver.connect(
            **{**defaults, **options}, autocommit=True, prepare_threshold=None
        )
        for setting in _SETTINGS:
            self._run(setting.format(timeout_ms=round(1000 * self._timeout_s)))

    def _is_alive(self) -> bool:
        """Say whether the connection is there still; an idle one has something to read when it was cut."""
        if self._connection is None or self._connection.closed:
            return False
        waiting = select.poll()
        waiting.register(self._connection.fileno(), select.POLLIN)
        if waiting.poll(0):
            with contextlib.suppress(self._driver.Error):
                self._run("SELECT 1")
        return not self._connection.closed

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(self._driver.Error):
                self._connection.close()
            self._connection = None

    def _is_made(self) -> bool:
        # From the catalog: to_regclass answers from a memory that may be older than the lock in `create`.
        if self.execute(_FIND_VERSION).fetchone() is None:
            return False
        version = self._version()
        if version not in (OLD_VERSION, VERSION):
            raise StoreError(
                f"{self.path} is a store of another version",
                expected=f"{OLD_VERSION} or {VERSION}",
                received=str(version),
                hint="Use the sigverify that wrote it, or enroll anew",
            )
        return True

    def _version(self) -> int | None:
        row = self.execute("SELECT version FROM version").fetchone()
        return row and int(row[0])

    def _translated(self, error: Exception, verb: str) -> StoreError:
        """Distinguish a server that is away from one that refuses. Messages of libpq name no password."""
        message = " ".join(str(error).split())
        lost = self._connection is None or self._connection.closed
        refused = isinstance(error, self._driver.errors.InvalidAuthorizationSpecification) or any(
            words in message for words in _REFUSALS
        )
        if lost and not refused:
            self._drop()
            return StoreUnreachable(
                f"the server {self.path} cannot be reached",
                received=message,
                hint="Verifying goes on from the cache; enrolling and forgetting need the server",
            )
        if verb == "migrate" and isinstance(error, self._driver.errors.InsufficientPrivilege):
            hint = "It is of the version before: open it once with the role that owns its tables"
        else:
            hint = _hint(message)
        return StoreError(f"cannot {verb} the store {self.path}", received=message, hint=hint)

    def _shown(self) -> str:
        """Return the address without user and password."""
        try:
            options = self._driver.conninfo.conninfo_to_dict(self._url)
        except self._driver.Error as error:
            raise StoreError(
                "no address of a server", expected="postgresql://HOST/DATABASE", hint="See docs/fleet.md"
            ) from error
        return f"{SCHEMES[0]}{options.get('host', '')}/{options.get('dbname', '')}"


_REFUSALS: Final = ("password authentication failed", "no pg_hba.conf entry", "does not exist", "no password")
_HINTS: Final = {
    "lock timeout": "Another kiosk has been writing for too long; try again",
    "permission denied": "Check what this role may do in the database",
    "authentication": "Check the role and the password (PGPASSFILE keeps it out of the address)",
    "does not exist": "Check the names of the database and the role",
}


def _hint(message: str) -> str:
    return next((hint for words, hint in _HINTS.items() if words in message), "")


def _import_psycopg() -> ModuleType:
    try:
        import psycopg
    except ImportError as error:
        raise MissingExtra(
            "a fleet needs psycopg", hint="Install it with: pip install 'sigverify[fleet]'"
        ) from error
    return psycopg
