"""`SqliteDatabase`: one SQLite file, its lock and its transactions. It does not know what the rows mean."""

import contextlib
import logging
import math
import os
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from weakref import ref

from sigverify.errors import DamagedStore, StoreError
from sigverify.forking import OwnLock
from sigverify.store.erasure import Erasure
from sigverify.store.migration import (
    MOVE_HEAD,
    MOVE_MODELS,
    MOVES,
    OLD_VERSIONS,
    SET_ASIDE,
    SET_HEAD_ASIDE,
    SHOW_AS_TODAY,
    WITHOUT_MODALITIES,
)
from sigverify.store.schema import check_schema
from sigverify.store.transaction import Connected, Transaction

SCHEMA_VERSION: Final = 5
APPLICATION_ID: Final = int.from_bytes(b"SIGV", "big")
"""Written into the SQLite header, so that another program's database is never taken for a store."""
_CACHE_KB: Final = 256
"""Of pages that SQLite keeps in memory. Its default is 2 MB for each connection: much for a small board.
Reading one person takes about ten pages of 4 kB."""
_FIRST_PAUSE_S: Final = 1e-4
_LAST_PAUSE_S: Final = 1e-3
_LONGER: Final = 1.5
"""How long to wait before asking again whether another process still writes: a bit longer each time."""
_NOTABLE_S: Final = 5e-4
"""Beginning to write takes a hundredth of that where nobody else does."""
_CROWDED_S: Final = 60.0
"""How long others are thought to write too, from the last time that one had to be waited for."""
_CURSORS: Final = 64
"""How many to remember before those that are gone are left out."""
MEMORY: Final = ":memory:"
"""In place of a path: a store that ends with the process."""

_log = logging.getLogger(__name__)

HEAD: Final = """
CREATE TABLE state (
    revision INTEGER NOT NULL, salt BLOB NOT NULL, secret BLOB NOT NULL, tally BLOB NOT NULL
);
CREATE TABLE seals (
    part TEXT, kind TEXT, subject BLOB, mark BLOB NOT NULL, PRIMARY KEY (part, kind, subject)
) WITHOUT ROWID;
"""
"""What every migration makes anew."""
ROWS: Final = """
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
"""What a migration makes anew where it brings modalities."""
SCHEMA_THAT_STAYED: Final = """
CREATE TABLE records (
    kind TEXT, subject BLOB, content BLOB NOT NULL, PRIMARY KEY (kind, subject)
) WITHOUT ROWID;
CREATE TABLE journals (
    kind TEXT, number INTEGER, content BLOB NOT NULL, PRIMARY KEY (kind, number)
) WITHOUT ROWID;
"""
SCHEMA: Final = HEAD + ROWS + SCHEMA_THAT_STAYED


class SqliteDatabase(Connected):
    """One connection to one file. Threads may share it; processes open their own."""

    def __init__(
        self,
        path: str | Path,
        *,
        create: bool,
        read_only: bool,
        timeout_s: float,
        still: bool = False,
        advises: bool = True,
    ) -> None:
        """Connect, and check that the file is a store or empty; the arguments are those of `SqliteStore`.

        With `advises` errors advise to check the store; whoever is doing just that needs no such advice.

        Raises:
            StoreError: no such file, not a store, of another version, or not readable.
        """
        _check_path(path)
        self.path = str(path)
        super().__init__(OwnLock(f"the store {self.path}"))
        self._timeout_s = timeout_s
        self._read_only = read_only
        self._advises = advises
        self._unscrubbed = False
        self._remains = False
        self._patient = True
        self._waits = True
        self._crowded_until_s = -math.inf
        self._durable: bool | None = None
        self._shown: int | None = None
        self._checked_schema = -1
        self._checked_version = -1
        self._version: int | None = None
        """Of the transaction that changes something, in which nobody else can; None: there is none."""
        self._cursors: list[ref[sqlite3.Cursor]] = []
        may_begin = self.path == MEMORY or (create and not read_only)
        if not may_begin:
            _require_file(self.path)
        elif self.path != MEMORY:
            _make_private(self.path)
        try:
            self._connection = sqlite3.connect(
                uri_of(self.path, create=create, read_only=read_only, still=still),
                uri=True,
                timeout=timeout_s,
                check_same_thread=False,
                isolation_level=None,
            )
        except sqlite3.Error as error:
            raise self._said(error, "open") from error
        self.lock.kept.append(self._connection)
        self._file = self._named_file()
        try:
            with self.guard("open"):
                self.made = self._prepare(read_only=read_only, may_begin=may_begin)
        except BaseException:
            self._close()
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
        if self.opened is not None and not self._connection.in_transaction:
            # A full disk makes SQLite roll back by itself; what follows would be kept one by one.
            raise sqlite3.OperationalError("the transaction was rolled back")
        return self._run_one(statement, values)

    def create(self, first: Callable[[], None]) -> None:
        """Make the tables and run `first`, all as one, unless another process just did."""
        with Transaction(self, "create", lambda: self.begin_changing(durable=True)):
            if not self.pragma("schema_version"):
                self._run(SCHEMA)
                first()
                self.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        with self.guard("create"):
            self._check_version()
            self._check_schema()

    def migrate(self, then: Callable[[], None]) -> None:
        """Make an old store one of today's and run `then`, all as one, unless another process just did."""
        if self.is_old():
            with self.changing():
                # Whoever migrated while this waited for the lock has left nothing to do.
                if self.is_old():
                    self._migrate()
                    then()

    def is_old(self) -> bool:
        """Say whether it is a store of a version before."""
        return self.form() in OLD_VERSIONS

    def form(self, schema: str = "main") -> int:
        """Return the version of a file that is open."""
        with self.guard("read"):
            return self.pragma(f"{schema}.user_version")

    def sees_all(self) -> bool:
        """Say that who may read a file may read all of it."""
        return True

    def version(self) -> int | None:
        """Return a number that changes when another connection changed the file."""
        return self.pragma("data_version") if self._version is None else self._version

    def scrub(self) -> None:
        """Overwrite what the current transaction deletes in the write-ahead log too, once it is committed."""
        self._unscrubbed = True

    def tidy(self) -> None:
        """Overwrite what a process that was killed left in the log, unless somebody is at work."""
        with self.guard("write"), contextlib.suppress(OSError):
            if Path(f"{self.path}-wal").stat().st_size:
                self._checkpoint(wait=False)

    def erasure(self) -> Erasure:
        """Say whether something deleted or replaced here may still be read from the log."""
        return Erasure.PENDING if self._remains else Erasure.DONE

    def begin_reading(self) -> None:
        """Begin a transaction that sees one state, and see that its tables are of the version expected."""
        self._check_place()
        self._run_one("BEGIN")
        if self._shown is not None and self.pragma("user_version") != self._shown:
            # Another process has migrated since. Not within the transaction: it will be rolled back.
            self._run_one("ROLLBACK")
            for table in reversed(SHOW_AS_TODAY[self._shown]):
                self._run_one(f"DROP VIEW temp.{table}")
            self._shown = None
            self._run_one("BEGIN")

    def begin_changing(self, *, durable: bool, local: bool = False) -> None:
        """Begin a transaction while nobody else writes; see `Database.changing`."""
        if self._read_only:  # SQLite would complain of the views that stand for an old store's tables
            raise sqlite3.OperationalError("attempt to write a readonly database")
        self._check_place()
        self._patient = not local
        self._unscrubbed = False
        if self._durable is not durable:
            self._durable = None  # until it is known to be
            self._run_one(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        self._begin_alone()
        self._version = self.pragma("data_version")
        # The schema is part of the file: who changes it changes that number too.
        if self._checked_schema >= 0 and self._version != self._checked_version:
            self._check_schema()
            self._checked_version = self._version

    def commit(self) -> None:
        """Commit, and overwrite in the log what was deleted."""
        before = self._remains
        # Noted first: whatever comes in between, whoever is next makes it good.
        self._remains = before or self._unscrubbed
        self._version = None
        self.execute("COMMIT")
        if self._remains:
            self._scrub(is_known=before)

    def undo(self) -> None:
        """Roll back, if a transaction is open; if one was committed, overwrite in the log what it deleted."""
        # Once more where that failed; whoever comes next tries again, and says so.
        for _ in range(2):
            with contextlib.suppress(sqlite3.Error):
                self.make_ready()
        if self._remains:
            self._remains = not self._checkpoint(wait=False)

    def make_ready(self) -> None:
        """Roll back what is open, and end statements of which not all was read: a traceback may keep them."""
        self._end_statements()
        self._version = None
        if self._connection.in_transaction:
            self._run_one("ROLLBACK")

    def translated(self, error: BaseException, verb: str) -> StoreError | None:
        """Return what sqlite3 means by an error."""
        # UnicodeDecodeError: sqlite3 shows a damaged schema in its message, which may be no text.
        return self._said(error, verb) if isinstance(error, sqlite3.Error | UnicodeDecodeError) else None

    def head(self, column: str, kind: Any) -> Any:
        """Return a column of the head, within `guard`; of another type than `kind`, it is damaged.

        Raises:
            DamagedStore: so it is.
        """
        row = self.execute(f"SELECT {column} FROM state").fetchone()  # noqa: S608, a name of ours
        if row is None or not isinstance(row[0], kind):
            raise DamagedStore(f"the store {self.path} has no head that can be read", hint="Restore a backup")
        return row[0]

    def is_passing(self, error: BaseException | None) -> bool:
        """Whether it is an error of input and output, of a lock or of room; see `Database.is_passing`."""
        return isinstance(error, sqlite3.OperationalError)

    def structure(self) -> list[str]:
        """Return what SQLite finds wrong with its own pages; nothing where all is well."""
        lines = [str(row[0]) for row in self.execute("PRAGMA integrity_check").fetchall()]
        return [f"SQLite: {line}" for line in lines if line != "ok"]

    def pragma(self, name: str) -> int:
        """Return a number that SQLite keeps under that name."""
        return int(self.execute(f"PRAGMA {name}").fetchone()[0])

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        if self.lock.is_own():  # a forked child has nothing of its own to close
            with self.lock.hold():
                self._close()

    def _named_file(self) -> tuple[int, int] | None:
        """Return what tells the file of that name from others; None: none is there, nor in memory."""
        try:
            status = os.stat(self.path)  # noqa: PTH116 - at every use, and a Path takes as long again
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _check_place(self) -> None:
        """Refuse to go on with a file that lost its name: what is written there, nobody would find again."""
        if self._named_file() != self._file:
            raise StoreError(
                f"the store {self.path} was deleted, moved or replaced while it was open",
                hint="Put it back, or open what is there now; for a copy of a store in use there is "
                "`sigverify store backup`",
            )

    def _prepare(self, *, read_only: bool, may_begin: bool) -> bool:
        """Set the connection up; say whether the tables are there."""
        # In this order: another process that is creating the store commits both at once.
        made, application = self.pragma("schema_version"), self.pragma("application_id")
        if not may_begin and not (made or application):
            raise _nothing_in(self.path)
        if application != APPLICATION_ID and (made or application or read_only):
            raise StoreError(f"{self.path} is a database of another program", expected="a sigverify store")
        if not read_only:
            self._log_ahead()
            self.execute("PRAGMA secure_delete = ON")
            self.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        self.execute("PRAGMA trusted_schema = OFF")
        if sys.version_info >= (3, 12):
            # No statement may write what SQLite keeps for itself, whatever a damaged schema says.
            self._connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
        if made:
            self._check_version()
            self._check_schema()
            self._show_as_today()
        return bool(made)

    def _check_schema(self) -> None:
        """Refuse a file that somebody planted something in, since it was last looked at."""
        number = self.pragma("schema_version")
        if number != self._checked_schema:
            is_of_today = self.pragma("user_version") == SCHEMA_VERSION
            check_schema(self._connection, SCHEMA, f"the store {self.path}", exact=is_of_today)
            self._checked_schema = number

    def _show_as_today(self) -> None:
        """Let statements for today's tables read an old store that may not be written."""
        version = self.pragma("user_version")
        if self._read_only and version in OLD_VERSIONS:
            self.execute("PRAGMA temp_store = MEMORY")
            for table, query in SHOW_AS_TODAY[version].items():
                self.execute(f"CREATE TEMP VIEW {table} AS {query}")
            self._shown = version

    def _migrate(self) -> None:
        """Move everything from the old tables to today's, within a transaction."""
        self._run(SET_HEAD_ASIDE + HEAD)
        if self.pragma("user_version") == WITHOUT_MODALITIES:
            self._move()
        self._run(MOVE_HEAD)
        self.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self.scrub()

    def _move(self) -> None:
        self._run(SET_ASIDE + ROWS + MOVE_MODELS)
        for table, (copy, delete) in MOVES.items():
            while self.execute(copy).rowcount:
                self.execute(delete)
            # The statements above find rows by an index. Where that is damaged some are left, and would go.
            if self.execute(f"SELECT 1 FROM old_{table} NOT INDEXED LIMIT 1").fetchone():  # noqa: S608
                raise DamagedStore(
                    f"the store {self.path} is damaged, and cannot be migrated", hint="Restore a backup"
                )
            self.execute(f"DROP TABLE old_{table}")

    def _run(self, statements: str) -> None:
        """Run several statements; `executescript` would commit first."""
        for statement in filter(str.strip, statements.split(";")):
            self.execute(statement)

    def _check_version(self) -> None:
        version = self.pragma("user_version")
        if version not in (*OLD_VERSIONS, SCHEMA_VERSION):
            raise StoreError(
                f"{self.path} is a store of another version",
                expected=" or ".join(map(str, (*OLD_VERSIONS, SCHEMA_VERSION))),
                received=str(version),
                hint="Use the sigverify that wrote it, or enroll anew",
            )

    def _begin_alone(self) -> None:
        """Begin to write, once nobody else does.

        SQLite itself looks again after 1, 2, 5, 10 ms …; a verification writes for one millisecond, so that
        two processes that verify would sleep through half of their time. Where nobody had to be waited for
        lately, SQLite may do it all the same: two statements less.
        """
        begun = time.monotonic()
        if begun > self._crowded_until_s:
            try:
                self._run_one("BEGIN IMMEDIATE")
            finally:
                ended = time.monotonic()
                if ended - begun > _NOTABLE_S:
                    self._crowded_until_s = ended + _CROWDED_S
            return
        self._wait_for_others(wait=False)
        deadline, pause_s = begun + self._timeout_s, _FIRST_PAUSE_S
        while True:
            try:
                self._run_one("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                # The lowest byte: which error; the others: what kind of it.
                is_busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
                if not is_busy or time.monotonic() > deadline:
                    raise
            else:
                break
            time.sleep(pause_s)
            pause_s = min(_LONGER * pause_s, _LAST_PAUSE_S)
            self._crowded_until_s = time.monotonic() + _CROWDED_S
        self._wait_for_others(wait=True)

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

    def _scrub(self, *, is_known: bool) -> None:
        """Empty the log: it would keep the deleted pages until somebody writes much more.

        Not possible while somebody reads on from before; then every later change tries again. Nothing is
        raised: what was changed is committed.
        """
        self._remains = not self._checkpoint(wait=self._unscrubbed and self._patient)
        self._unscrubbed = False
        if self._remains and not is_known:
            _log.warning(
                "what was deleted is still in the log of %s: somebody has been reading for long; "
                "every further change tries again to overwrite it",
                self.path,
            )

    def _checkpoint(self, *, wait: bool) -> bool:
        """Write the log into the file and empty it; say whether that was possible."""
        try:
            self._wait_for_others(wait=wait)
            busy = self._run_one("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            self._wait_for_others(wait=True)
        except sqlite3.Error:
            return False
        return not busy

    def _wait_for_others(self, *, wait: bool) -> None:
        """Say whether SQLite waits for other processes from now on."""
        if self._waits != wait:
            self._waits = False  # until it is known to
            self._run_one(f"PRAGMA busy_timeout = {round(1000 * self._timeout_s) if wait else 0}")
            self._waits = wait

    def _end_statements(self) -> None:
        if self._cursors:
            for cursor in [each() for each in self._cursors]:
                if cursor is not None:
                    cursor.close()
            self._cursors = []

    def _close(self) -> None:
        # SQLite keeps a file open, and locked, while a statement is.
        self._end_statements()
        self._connection.close()

    def _run_one(self, statement: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        cursor = self._connection.cursor()
        # Known before it holds anything. No WeakSet: a Ctrl+C within its callbacks would be lost.
        if len(self._cursors) >= _CURSORS:
            self._cursors = [each for each in self._cursors if each() is not None]
        self._cursors.append(ref(cursor))
        return cursor.execute(statement, values)

    def _said(self, error: BaseException, verb: str) -> StoreError:
        return StoreError(f"cannot {verb} the store {self.path}", received=str(error), hint=self._hint(error))

    def _hint(self, error: BaseException) -> str:
        text = str(error)
        if self._read_only and "unable to open" in text and Path(f"{self.path}-wal").exists():
            return _UNREAD_LOG
        hint = next((hint for words, hint in _HINTS.items() if words in text), "")
        return hint if self._advises else _HINTS_OF_CHECK.get(hint, hint)


def _check_path(path: object) -> None:
    """Refuse what names no file; SQLite would stop reading at a NUL and open another one."""
    if not isinstance(path, str | Path) or "\0" in str(path):
        raise StoreError("no path of a store", expected="text without NUL", received=repr(path)[:80])


def _require_file(path: str) -> None:
    """Refuse a file that is not there, or empty: whoever wants a new store there says so."""
    file = Path(path)
    if not file.is_file():
        raise StoreError(
            f"no store at {path}",
            expected="a file made by enrolling",
            hint="Check the name, or enroll somebody first; serve and kiosk make one with --create",
        )
    if not file.stat().st_size:
        raise _nothing_in(path)


def _nothing_in(path: str) -> StoreError:
    return StoreError(
        f"{path} is empty: a store that was begun and never finished, or was emptied",
        hint="Restore a backup; or delete the file, or enroll somebody into it, which begins a store",
    )


def _make_private(path: str) -> None:
    """Make a new file that only its owner may read; SQLite gives the log and its index the same mode."""
    # Where it is there already it stays as it is; where it cannot be made, SQLite says why.
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def may_write(path: str) -> bool:
    """Whether this user may change the store there: its file, and its log in the folder around."""
    return os.access(path, os.W_OK) and os.access(Path(path).absolute().parent, os.W_OK)


def uri_of(path: str, *, create: bool, read_only: bool, still: bool = False) -> str:
    """Return the URI that opens `path` with SQLite; see `SqliteStore`."""
    if path == MEMORY:
        return MEMORY
    file = Path(path).absolute()
    mode = "ro" if read_only else "rwc" if create else "rw"
    # Where nobody can write, SQLite cannot make the index of the log that it shares with others.
    alone = still or not os.access(file.parent, os.W_OK)
    immutable = read_only and alone and not Path(f"{file}-wal").exists()
    return f"{file.as_uri()}?mode={mode}{'&immutable=1' if immutable else ''}"


_DAMAGED: Final = "The file is damaged: sigverify store check lists what can still be read; restore a backup"
_HINTS: Final = {
    "not a database": "The file is something else, or damaged; name another",
    "malformed": _DAMAGED,
    "locked": "Another process has held it for too long; try again",
    "readonly": "Check that this user may write to the file and its folder",
    "unable to open": "Check that the folder is there, and that this user may write to it and the file",
    "full": "Make room: nothing of this change is kept, everything before it is safe",
    "disk I/O": "Check the disk: nothing of this change is kept, everything before it is safe",
}
_UNREAD_LOG: Final = (
    "Its log (-wal) holds changes, and reading it takes the right to write to the folder: copy both files to "
    "where you have that"
)
_HINTS_OF_CHECK: Final = {_DAMAGED: "The file is damaged: restore a backup"}
"""What `sigverify store check` says instead: it would advise itself."""
