"""`SqliteDatabase`: one SQLite file, its lock and its transactions. It does not know what the rows mean."""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from sigverify.errors import DamagedStore, StoreError

SCHEMA_VERSION: Final = 3
APPLICATION_ID: Final = int.from_bytes(b"SIGV", "big")
"""Written into the SQLite header, so that another program's database is never taken for a store."""
_CACHE_KB: Final = 256
"""Of pages that SQLite keeps in memory; its own default, 2 MB, is what a small board would notice."""
MEMORY: Final = ":memory:"
"""In place of a path: a store that ends with the process."""

SCHEMA: Final = """
CREATE TABLE state (revision INTEGER NOT NULL, model_id TEXT, salt BLOB NOT NULL, secret BLOB NOT NULL);
CREATE TABLE templates (subject BLOB PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE vectors (
    subject BLOB PRIMARY KEY, content BLOB NOT NULL, revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX changes ON vectors (revision, subject);
CREATE TABLE records (
    kind TEXT, subject BLOB, content BLOB NOT NULL, PRIMARY KEY (kind, subject)
) WITHOUT ROWID;
CREATE TABLE journals (
    kind TEXT, number INTEGER, content BLOB NOT NULL, PRIMARY KEY (kind, number)
) WITHOUT ROWID;
"""


class SqliteDatabase:
    """One connection to one file. Threads may share it; processes open their own."""

    def __init__(self, path: str | Path, *, create: bool, read_only: bool, timeout_s: float) -> None:
        """Connect, and check that the file is a store or empty.

        Raises:
            StoreError: no such file, not a store, of another version, or not readable.
        """
        _check_path(path)
        self.path = str(path)
        self._timeout_s = timeout_s
        self._lock = threading.RLock()
        self._unscrubbed = False
        self._writing = False
        if self.path != MEMORY and not (create and not read_only) and not Path(self.path).is_file():
            raise StoreError(
                f"no store at {self.path}", expected="a file made by enrolling", hint="Enroll somebody first"
            )
        with self.guard("open"):
            self._connection = sqlite3.connect(
                _target(self.path, create=create, read_only=read_only),
                uri=True,
                timeout=timeout_s,
                check_same_thread=False,
                isolation_level=None,
            )
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
                    for statement in filter(str.strip, SCHEMA.split(";")):
                        self.execute(statement)
                    first()
                    self.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    self.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                self.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
            self._check_version()

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Run the body on one state of the store, whatever other processes write meanwhile."""
        with self.guard("read"):
            if self.in_transaction:
                yield
                return
            self.execute("BEGIN")
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
            # UnicodeDecodeError: sqlite3 shows a damaged schema in its message, and stumbles over that.
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
        """Let go of the file; closing twice is fine."""
        with self._lock:
            self._connection.close()

    def _prepare(self, *, read_only: bool) -> bool:
        """Set the connection up; say whether the tables are there."""
        # In this order: another process that is creating the store commits both at once.
        made, application = self.pragma("schema_version"), self.pragma("application_id")
        if application != APPLICATION_ID and (made or application or read_only):
            raise StoreError(f"{self.path} is a database of another program", expected="a sigverify store")
        if not read_only:
            self._log_ahead()
            self.execute("PRAGMA secure_delete = ON")
            self.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        if made:
            self._check_version()
        return bool(made)

    def _check_version(self) -> None:
        version = self.pragma("user_version")
        if version != SCHEMA_VERSION:
            raise StoreError(
                f"{self.path} is a store of another version",
                expected=str(SCHEMA_VERSION),
                received=str(version),
                hint="Use the sigverify that wrote it, or enroll anew",
            )

    def _log_ahead(self) -> None:
        """Switch the write-ahead log on; SQLite itself does not wait for another process that does so too."""
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


def _target(path: str, *, create: bool, read_only: bool) -> str:
    """Return the URI that opens `path`."""
    if path == MEMORY:
        return MEMORY
    file = Path(path).absolute()
    mode = "ro" if read_only else "rwc" if create else "rw"
    # Where nobody can write, SQLite cannot make the index of the log that it shares with others.
    still = read_only and not os.access(file.parent, os.W_OK) and not Path(f"{file}-wal").exists()
    return f"{file.as_uri()}?mode={mode}{'&immutable=1' if still else ''}"


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
