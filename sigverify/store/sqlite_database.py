"""`SqliteDatabase`: one SQLite file, its lock and its transactions. It does not know what the rows mean."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from sigverify.errors import DamagedStore, StoreError
from sigverify.forking import OwnLock
from sigverify.store.migration import MOVE_HEAD, MOVES, SET_ASIDE, SHOW_AS_IT_IS, SHOW_AS_TODAY

SCHEMA_VERSION: Final = 4
OLD_VERSION: Final = 3
"""Is read as it is, and migrated when it is opened for writing."""
APPLICATION_ID: Final = int.from_bytes(b"SIGV", "big")
"""Written into the SQLite header, so that another program's database is never taken for a store."""
_CACHE_KB: Final = 256
"""Of pages that SQLite keeps in memory. Its default is 2 MB for each connection: much for a small board.
Reading one person takes about ten pages of 4 kB."""
MEMORY: Final = ":memory:"
"""In place of a path: a store that ends with the process."""

SCHEMA: Final = """
CREATE TABLE state (revision INTEGER NOT NULL, salt BLOB NOT NULL, secret BLOB NOT NULL);
CREATE TABLE models (modality TEXT PRIMARY KEY, model_id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE templates (
    subject BLOB, modality TEXT, content BLOB NOT NULL, PRIMARY KEY (subject, modality)
);
CREATE TABLE vectors (
    subject BLOB, modality TEXT, content BLOB NOT NULL, revision INTEGER NOT NULL,
    PRIMARY KEY (subject, modality)
) WITHOUT ROWID;
CREATE UNIQUE INDEX changes ON vectors (revision, subject, modality);
"""
"""What a migration makes anew."""
SCHEMA_THAT_STAYED: Final = """
CREATE TABLE records (
    kind TEXT, subject BLOB, content BLOB NOT NULL, PRIMARY KEY (kind, subject)
) WITHOUT ROWID;
CREATE TABLE journals (
    kind TEXT, number INTEGER, content BLOB NOT NULL, PRIMARY KEY (kind, number)
) WITHOUT ROWID;
"""


class SqliteDatabase:
    """One connection to one file. Threads may share it; processes open their own."""

    def __init__(
        self, path: str | Path, *, create: bool, read_only: bool, timeout_s: float, still: bool = False
    ) -> None:
        """Connect, and check that the file is a store or empty.

        Raises:
            StoreError: no such file, not a store, of another version, or not readable.
        """
        _check_path(path)
        self.path = str(path)
        self._timeout_s = timeout_s
        self._lock = OwnLock(f"the store {self.path}")
        self._read_only = read_only
        self._unscrubbed = False
        self._writing = False
        self._shown_as_today = False
        if self.path != MEMORY and not (create and not read_only) and not Path(self.path).is_file():
            raise StoreError(
                f"no store at {self.path}",
                expected="a file made by enrolling",
                hint="Check the name, or enroll somebody first; serve and kiosk make one with --create",
            )
        with self.guard("open"):
            self._connection = sqlite3.connect(
                _target(self.path, create=create, read_only=read_only, still=still),
                uri=True,
                timeout=timeout_s,
                check_same_thread=False,
                isolation_level=None,
            )
            self._lock.kept.append(self._connection)
        try:
            with self.guard("open"):
                self.made = self._prepare(read_only=read_only)
        except BaseException:
            self._connection.close()
            raise

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection itself, for what only it can do."""
        return self._connection

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._connection.in_transaction

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        """Run one statement, within `guard`, `reading` or `changing`."""
        return self._connection.execute(statement, values)

    def create(self, first: Callable[[], None]) -> None:
        """Make the tables and run `first`, all as one, unless another process just did."""
        with self.guard("create"):
            self.execute("BEGIN IMMEDIATE")
            try:
                if not self.pragma("schema_version"):
                    self._run(SCHEMA + SCHEMA_THAT_STAYED)
                    first()
                    self.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    self.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                self.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
            self._check_version()

    def migrate(self) -> None:
        """Make an old store one of today's, wholly or not at all, unless another process just did."""
        if self.is_old():
            with self.changing():
                # Whoever migrated while this waited for the lock has left nothing to do.
                if self.is_old():
                    self._migrate()

    def is_old(self, schema: str = "main") -> bool:
        """Say whether a file that is open is a store of the version before."""
        with self.guard("read"):
            return self.pragma(f"{schema}.user_version") == OLD_VERSION

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Run the body on one state of the store, whatever other processes write meanwhile."""
        with self.guard("read"):
            if self.in_transaction:
                yield
                return
            self._begin_reading()
            try:
                yield
            finally:
                self._roll_back()

    @contextlib.contextmanager
    def changing(self, *, durable: bool = True) -> Iterator[None]:
        """Run the body in one transaction: committed whole, or rolled back when anything is raised.

        Within another one of the same thread it joins that.
        """
        with self.guard("write"):
            if self._read_only:  # SQLite would complain of the views that stand for an old store's tables
                raise sqlite3.OperationalError("attempt to write a readonly database")
            if self.in_transaction:
                assert self._writing, "a change within reading() would be rolled back"
                yield
                return
            self.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self.execute("BEGIN IMMEDIATE")
            self._writing = True
            try:
                yield
                self.execute("COMMIT")
            except BaseException:
                self._unscrubbed = False
                self._roll_back()
                raise
            finally:
                self._writing = False
            self._scrub()

    def scrub(self) -> None:
        """Overwrite what the current transaction deletes in the write-ahead log too, once it is committed."""
        self._unscrubbed = True

    @contextlib.contextmanager
    def guard(self, verb: str) -> Iterator[None]:
        """Hold the lock, and turn what sqlite3 raises into a `StoreError`."""
        with self._lock:
            try:
                yield
            # UnicodeDecodeError: sqlite3 shows a damaged schema in its message, which may be no text.
            except (sqlite3.Error, UnicodeDecodeError) as error:
                raise StoreError(
                    f"cannot {verb} the store {self.path}", received=str(error), hint=_hint(error)
                ) from error

    def head(self, column: str, kind: Any) -> Any:
        """Return a column of the head, within `guard`; of another type than `kind`, it is damaged.

        Raises:
            DamagedStore: so it is.
        """
        row = self.execute(f"SELECT {column} FROM state").fetchone()  # noqa: S608, a name of ours
        if row is None or not isinstance(row[0], kind):
            raise DamagedStore(f"the store {self.path} has no head that can be read", hint="Restore a backup")
        return row[0]

    def structure(self) -> list[str]:
        """Return what SQLite finds wrong with its own pages; nothing where all is well."""
        lines = [str(row[0]) for row in self.execute("PRAGMA integrity_check")]
        return [f"SQLite: {line}" for line in lines if line != "ok"]

    def pragma(self, name: str) -> int:
        """Return a number that SQLite keeps under that name."""
        return int(self.execute(f"PRAGMA {name}").fetchone()[0])

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        if self._lock.is_own():  # a forked child has nothing of its own to close
            with self._lock:
                self._connection.close()

    def _prepare(self, *, read_only: bool) -> bool:
        """Set the connection up; say whether the tables are there."""
        # In this order: another process that is creating the store commits both at once.
        made, application = self.pragma("schema_version"), self.pragma("application_id")
        if read_only and not (made or application):
            raise StoreError(
                f"{self.path} is empty: a store that was begun and never finished",
                hint="Enroll somebody into it, which finishes it, or delete the file",
            )
        if application != APPLICATION_ID and (made or application or read_only):
            raise StoreError(f"{self.path} is a database of another program", expected="a sigverify store")
        if not read_only:
            self._log_ahead()
            self.execute("PRAGMA secure_delete = ON")
            self.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        if made:
            self._check_version()
            self._show_as_today()
        return bool(made)

    def _show_as_today(self) -> None:
        """Let statements for today's tables read an old store that may not be written."""
        if self._read_only and self.pragma("user_version") == OLD_VERSION:
            self.execute("PRAGMA temp_store = MEMORY")
            for statement in SHOW_AS_TODAY:
                self.execute(statement)
            self._shown_as_today = True

    def _begin_reading(self) -> None:
        """Begin a transaction that sees one state, and see that its tables are of the version expected."""
        self.execute("BEGIN")
        if self._shown_as_today and self.pragma("user_version") != OLD_VERSION:
            # Another process has migrated since. Not within the transaction: it will be rolled back.
            self.execute("ROLLBACK")
            for statement in SHOW_AS_IT_IS:
                self.execute(statement)
            self._shown_as_today = False
            self.execute("BEGIN")

    def _migrate(self) -> None:
        """Move everything from the old tables to today's, within a transaction."""
        self._run(SET_ASIDE + SCHEMA + MOVE_HEAD)
        for table, (copy, delete) in MOVES.items():
            while self.execute(copy).rowcount:
                self.execute(delete)
            # The statements above find rows by an index. Where that is damaged some are left, and would go.
            if self.execute(f"SELECT 1 FROM old_{table} NOT INDEXED LIMIT 1").fetchone():  # noqa: S608
                raise DamagedStore(
                    f"the store {self.path} is damaged, and cannot be migrated", hint="Restore a backup"
                )
            self.execute(f"DROP TABLE old_{table}")
        self.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self.scrub()

    def _run(self, statements: str) -> None:
        """Run several statements; `executescript` would commit first."""
        for statement in filter(str.strip, statements.split(";")):
            self.execute(statement)

    def _check_version(self) -> None:
        version = self.pragma("user_version")
        if version not in (OLD_VERSION, SCHEMA_VERSION):
            raise StoreError(
                f"{self.path} is a store of another version",
                expected=f"{OLD_VERSION} or {SCHEMA_VERSION}",
                received=str(version),
                hint="Use the sigverify that wrote it, or enroll anew",
            )

    def _log_ahead(self) -> None:
        """Switch the write-ahead log on; SQLite itself does not wait for a process that is doing the same."""
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                self.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.005)
            else:
                return

    def _scrub(self) -> None:
        # Otherwise the log beside the file keeps the deleted pages until somebody writes much more.
        if self._unscrubbed:
            self._unscrubbed = False
            self.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _roll_back(self) -> None:
        # A full disk makes SQLite roll back by itself.
        if self.in_transaction:
            self.execute("ROLLBACK")


def _check_path(path: object) -> None:
    """Refuse what names no file; SQLite would stop reading at a NUL and open another one."""
    if not isinstance(path, str | Path) or "\0" in str(path):
        raise StoreError("no path of a store", expected="text without NUL", received=repr(path)[:80])


def _target(path: str, *, create: bool, read_only: bool, still: bool) -> str:
    """Return the URI that opens `path`."""
    if path == MEMORY:
        return MEMORY
    file = Path(path).absolute()
    mode = "ro" if read_only else "rwc" if create else "rw"
    # Where nobody can write, SQLite cannot make the index of the log that it shares with others.
    alone = still or not os.access(file.parent, os.W_OK)
    immutable = read_only and alone and not Path(f"{file}-wal").exists()
    return f"{file.as_uri()}?mode={mode}{'&immutable=1' if immutable else ''}"


_HINTS: Final = {
    "not a database": "The file is something else, or damaged; name another",
    "malformed": "The file is damaged: sigverify store check lists what can still be read; restore a backup",
    "locked": "Another process has held it for too long; try again",
    "readonly": "Check that this user may write to the file and its folder",
    "unable to open": "Check that the folder is there, and that this user may write to it and the file",
    "full": "Make room: nothing of this change is kept, everything before it is safe",
    "disk I/O": "Check the disk: nothing of this change is kept, everything before it is safe",
}


def _hint(error: Exception) -> str:
    text = str(error)
    return next((hint for words, hint in _HINTS.items() if words in text), "")
