"""`PostgresDatabase`: one connection to a PostgreSQL server, made anew when it breaks; see `Database`.

Writers come one after the other: each begins by locking the head. So revisions and the numbers of changed
records become visible in their order, and whoever follows them misses nothing.
"""

import contextlib
import select
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from sigverify.errors import DamagedStore, MissingExtra, StoreError, StoreUnreachable
from sigverify.forking import OwnLock
from sigverify.store.address import SCHEMES
from sigverify.store.erasure import Erasure
from sigverify.store.migration import POSTGRES as MIGRATIONS
from sigverify.store.migration import POSTGRES_COUNTERS as COUNTERS
from sigverify.store.transaction import Connected, Transaction

if TYPE_CHECKING:
    import psycopg

VERSION: Final = 3

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
_SEES_ALL: Final = """
SELECT NOT row_security_active('sigverify.records')
    OR has_table_privilege('sigverify.templates', 'DELETE')
"""
_SCHEMA: Final = """
CREATE SCHEMA IF NOT EXISTS sigverify;
CREATE TABLE version (version INTEGER NOT NULL);
CREATE TABLE state (
    revision BIGINT NOT NULL, salt BYTEA NOT NULL, secret BYTEA NOT NULL, tally BYTEA NOT NULL
);
CREATE TABLE seals (
    part TEXT, kind TEXT, subject BYTEA, mark BYTEA NOT NULL, PRIMARY KEY (part, kind, subject)
);
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


class PostgresDatabase(Connected):
    """One connection to one database. Threads may share it; processes open their own."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        """Connect, and see whether the tables are there.

        Raises:
            StoreUnreachable: no server answers.
            StoreError: it does not let us in, or holds a store of another version.
            MissingExtra: psycopg is not installed.
        """
        super().__init__(OwnLock("the connection to the fleet's server"))
        self._driver = _import_psycopg()
        self._url = url
        self._timeout_s = timeout_s
        self._connection: psycopg.Connection[Any] | None = None
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
        return self._connection is not None and self._status() != self._driver.pq.TransactionStatus.IDLE

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> "psycopg.Cursor[Any]":
        """Run one statement, within `guard`, `reading` or `changing`."""
        if self._connection is None:
            raise self._driver.OperationalError("the connection was lost")
        return self._connection.execute(statement.replace("?", "%s").encode(), values)

    def create(self, first: Callable[[], None]) -> None:
        """Make the tables and run `first`, all as one, unless another kiosk just did."""
        with Transaction(self, "create", lambda: self._begin("BEGIN")):
            self._run(f"SELECT pg_advisory_xact_lock({_CREATION_LOCK})")
            if not self._is_made():
                self._run(_SCHEMA + COUNTERS)
                self.execute("INSERT INTO version VALUES (?)", (VERSION,))
                first()
        self.made = True

    def migrate(self, then: Callable[[], None]) -> None:
        """Make an old store one of today's and run `then`, all as one, unless another kiosk just did."""
        with self.guard("migrate"):
            if not self.is_old():
                return
            with Transaction(self, "migrate", lambda: self._begin("BEGIN")):
                self._run(f"SELECT pg_advisory_xact_lock({_CREATION_LOCK})")
                version = self._version()
                if version in MIGRATIONS:
                    # Everybody begins with this table: whoever has a transaction open ends it first.
                    self._run("LOCK TABLE state IN ACCESS EXCLUSIVE MODE")
                    self._run(MIGRATIONS[version])
                    self.execute("UPDATE version SET version = ?", (VERSION,))
                    then()

    def is_old(self) -> bool:
        """Say whether it is a store of a version before."""
        with self.guard("read"):
            return self._version() in MIGRATIONS

    def sees_all(self) -> bool:
        """Say whether this role sees every row: a kiosk's and a station's do not."""
        row = self.execute(_SEES_ALL).fetchone()
        return row is not None and bool(row[0])

    def version(self) -> int | None:
        """Return None: a server does not tell cheaply that somebody changed something."""
        return None

    def begin_reading(self) -> None:
        """Begin a transaction that sees one state."""
        self._begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def begin_changing(self, *, durable: bool, local: bool = False) -> None:  # noqa: ARG002, nothing is erased here
        """Begin a transaction while no other writer is in between.

        When the connection breaks while it is committed, nothing shows whether it was.
        """
        self._begin(_LOCK if durable else _LOCK_LAZILY)

    def beside(self) -> Transaction[None]:
        """Run the body in a transaction that changes no row of the store's own, while others do.

        Each statement sees what was committed before it.
        """
        return Transaction(self, "write", lambda: self._begin("BEGIN"))

    def commit(self) -> None:
        """Commit."""
        # A transaction in which a statement failed is rolled back by COMMIT without an error.
        if self._run("COMMIT") != "COMMIT":
            raise StoreError(f"a change of the store {self.path} was rolled back")

    def undo(self) -> None:
        """Undo; a connection that cannot is dropped, and the server undoes by itself."""
        try:
            idle = self._connection is None or self._is_idle()
        except self._driver.Error:
            idle = False
        if not idle:
            self._drop()

    def make_ready(self) -> None:
        """Connect where need be. Never within a transaction: what is left of it would run outside."""
        self.undo()
        self._connect()

    def translated(self, error: BaseException, verb: str) -> StoreError | None:
        """Return what psycopg means by an error."""
        return self._said(error, verb) if isinstance(error, self._driver.Error) else None

    def erasure(self) -> Erasure:
        """Say that the server keeps what was deleted until its VACUUM."""
        return Erasure.SERVER

    def scrub(self) -> None:
        """Do nothing: the server's VACUUM frees what is deleted; it stays sealed until then."""

    def head(self, column: str, kind: Any) -> Any:
        """Return a column of the head, within `guard`. Raises DamagedStore where it is of another type."""
        row = self.execute(f"SELECT {column} FROM state").fetchone()  # noqa: S608, a name of ours
        if row is None or not isinstance(row[0], kind):
            raise DamagedStore(f"the head of the store {self.path} is damaged", hint="Restore a backup")
        return row[0]

    def is_passing(self, error: BaseException | None) -> bool:
        """Whether the server is away, full or busy; see `Database.is_passing`."""
        return isinstance(error, self._driver.OperationalError)

    def structure(self) -> list[str]:
        """Return nothing: the server checks its own pages (data checksums, pg_amcheck)."""
        return []

    def close(self) -> None:
        """Close the connection; closing twice is fine."""
        if self.lock.is_own():  # a forked child would end the parent's session
            with self.lock.hold():
                self._closed = True
                self._drop()

    def _begin(self, statements: str) -> None:
        self._run(statements)

    def _run(self, statements: str) -> str | None:
        """Run statements without values, and return what the last one says it did."""
        return self.execute(statements).statusmessage

    def _is_idle(self) -> bool:
        """Say whether the connection is in no transaction; of one that it can end by itself, end it."""
        states = self._driver.pq.TransactionStatus
        if self._status() in (states.INTRANS, states.INERROR):
            self._run("ROLLBACK")
        return bool(self._status() == states.IDLE)

    def _status(self) -> object:
        return None if self._connection is None else self._connection.info.transaction_status

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
        made: psycopg.Connection[Any] = self._driver.connect(
            **{**defaults, **options}, autocommit=True, prepare_threshold=None
        )
        try:
            for setting in _SETTINGS:
                made.execute(setting.format(timeout_ms=round(1000 * self._timeout_s)).encode())
            self._connection = made  # not before it has all settings
        except BaseException:
            made.close()
            raise

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
        if version not in (*MIGRATIONS, VERSION):
            raise StoreError(
                f"{self.path} is a store of another version",
                expected=" or ".join(map(str, (*MIGRATIONS, VERSION))),
                received=str(version),
                hint="Use the sigverify that wrote it, or enroll anew",
            )
        return True

    def _version(self) -> int | None:
        row = self.execute("SELECT version FROM version").fetchone()
        return row and int(row[0])

    def _said(self, error: BaseException, verb: str) -> StoreError:
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
    "permission denied": "This role may not: see its rights (docs/fleet.md, roles)",
    "row-level security": "This role may not: see its rights (docs/fleet.md, roles)",
    "authentication": "Check the role and the password (PGPASSFILE keeps it out of the address)",
    "dimensions, not": "The graph there is of another model's vectors: sigverify fleet init --vectors",
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
