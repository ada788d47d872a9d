"""`SqliteStore`: templates and records in one file that survives a power cut."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

import numpy as np

from sigverify.errors import AlreadyEnrolled, StoreError, UnknownUser
from sigverify.store.store import Gallery
from sigverify.template import Template, check_user_id

SCHEMA_VERSION: Final = 2
APPLICATION_ID: Final = int.from_bytes(b"SIGV", "big")
"""Written into the SQLite header, so that another program's database is never taken for a store."""
MEMORY: Final = ":memory:"
"""In place of a path: a store that ends with the process."""

_SCHEMA: Final = """
CREATE TABLE state (revision INTEGER NOT NULL, model_id TEXT);
INSERT INTO state VALUES (0, NULL);
CREATE TABLE templates (user_id TEXT PRIMARY KEY, template BLOB NOT NULL);
CREATE TABLE vectors (user_id TEXT PRIMARY KEY, size INTEGER NOT NULL, vectors BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE records (
    kind TEXT, subject TEXT, content BLOB NOT NULL, PRIMARY KEY (kind, subject)
) WITHOUT ROWID;
CREATE TABLE journals (
    kind TEXT, number INTEGER, content BLOB NOT NULL, PRIMARY KEY (kind, number)
) WITHOUT ROWID;
"""


class SqliteStore:
    """Templates in one SQLite file (or `MEMORY`), shared safely by threads and processes.

    Every change is one transaction with a full sync: after a power cut it is there wholly or not at all.
    Deleted templates are overwritten, in the write-ahead log too.
    """

    def __init__(
        self, path: str | Path, *, create: bool = True, read_only: bool = False, timeout_s: float = 5.0
    ) -> None:
        """Open, or create where there is nothing yet.

        Args:
            path: the file, or `MEMORY`.
            create: make the file when it is missing; otherwise that is an error.
            read_only: refuse changes, and work where the file system does.
            timeout_s: how long to wait for another process that is writing.

        Raises:
            StoreError: no such file, not a store, of another version, or not readable.
        """
        self.path = str(path)
        self._timeout_s = timeout_s
        self._lock = threading.RLock()
        if self.path != MEMORY and not (create and not read_only) and not Path(self.path).is_file():
            raise StoreError(
                f"no store at {self.path}", expected="a file made by enrolling", hint="Enrol somebody first"
            )
        mode = "ro" if read_only else "rwc" if create else "rw"
        target = MEMORY if self.path == MEMORY else f"{Path(self.path).absolute().as_uri()}?mode={mode}"
        with self._guard("open"):
            self._database = sqlite3.connect(
                target, uri=True, timeout=timeout_s, check_same_thread=False, isolation_level=None
            )
        try:
            with self._guard("open"):
                self._prepare(read_only=read_only)
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> Self:
        """Return this store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @property
    def model_id(self) -> str | None:
        """The model that every template here is of; None while the store is empty."""
        with self._guard("read"):
            model_id: str | None = self._database.execute("SELECT model_id FROM state").fetchone()[0]
            return model_id

    def put(self, template: Template, *, replace: bool = False) -> None:
        """Keep `template`, wholly or not at all; see `Store.put`."""
        with self._change():
            if not replace and self._has(template.user_id):
                raise AlreadyEnrolled(
                    f"{template.user_id!r} is enrolled already",
                    hint="Pass replace=True (--replace) to enrol anew, or forget the user first",
                )
            self._bind(template.model_id, alone=self._only(template.user_id))
            self._database.execute(
                "INSERT OR REPLACE INTO templates VALUES (?, ?)", (template.user_id, template.to_bytes())
            )
            vectors = template.references.vector
            self._database.execute(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)",
                (template.user_id, vectors.shape[1], vectors.astype("<f2").tobytes()),
            )

    def get(self, user_id: str) -> Template:
        """Return the template of `user_id`; see `Store.get`."""
        check_user_id(user_id)
        with self._guard("read"):
            row = self._database.execute(
                "SELECT template FROM templates WHERE user_id = ?", (user_id,)
            ).fetchone()
        if row is None:
            raise UnknownUser(f"{user_id!r} is not enrolled", hint="Enrol the user first")
        return Template.from_bytes(bytes(row[0]))

    def delete(self, user_id: str) -> None:
        """Remove `user_id` for good; see `Store.delete`."""
        check_user_id(user_id)
        with self._change():
            if not self._database.execute("DELETE FROM templates WHERE user_id = ?", (user_id,)).rowcount:
                raise UnknownUser(f"{user_id!r} is not enrolled")
            self._database.execute("DELETE FROM vectors WHERE user_id = ?", (user_id,))
            if self._only(user_id):
                self._database.execute("UPDATE state SET model_id = NULL")
        with self._guard("write"):
            # Otherwise the log beside the file keeps the deleted pages until somebody writes much more.
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def users(self) -> tuple[str, ...]:
        """Return all user ids, sorted."""
        with self._guard("read"):
            return tuple(
                row[0] for row in self._database.execute("SELECT user_id FROM templates ORDER BY user_id")
            )

    def gallery(self) -> Gallery:
        """Return all references' vectors."""
        with self._guard("read"):
            rows = self._database.execute(
                "SELECT user_id, size, vectors FROM vectors ORDER BY user_id"
            ).fetchall()
        if not rows:
            return Gallery((), np.zeros(0, np.int64), np.zeros((0, 0), np.float32))
        size = rows[0][1]
        vectors = np.frombuffer(b"".join(row[2] for row in rows), "<f2").reshape(-1, size).astype(np.float32)
        counts = [len(row[2]) // (2 * size) for row in rows]
        return Gallery(tuple(row[0] for row in rows), np.cumsum([0, *counts[:-1]], dtype=np.int64), vectors)

    def revision(self) -> int:
        """Return a number that rises with every change, whichever process made it."""
        with self._guard("read"):
            return int(self._database.execute("SELECT revision FROM state").fetchone()[0])

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator["SqliteRecords"]:
        """Change several things as one; see `Store.transaction`."""
        with self._change(durable=durable, revise=False):
            yield SqliteRecords(self._database)

    def read_record(self, kind: str, subject: str) -> bytes | None:
        """Return one record; see `Store.read_record`."""
        with self._guard("read"):
            return SqliteRecords(self._database).get(kind, subject)

    def records(self, kind: str) -> dict[str, bytes]:
        """Return all records of a kind; see `Store.records`."""
        with self._guard("read"):
            rows = self._database.execute(
                "SELECT subject, content FROM records WHERE kind = ? ORDER BY subject", (kind,)
            )
            return {subject: bytes(content) for subject, content in rows}

    def journal(self, kind: str, *, after: int = 0, limit: int | None = None) -> list[tuple[int, bytes]]:
        """Return the entries of a journal; see `Store.journal`."""
        with self._guard("read"):
            rows = self._database.execute(
                "SELECT number, content FROM journals WHERE kind = ? AND number > ? ORDER BY number LIMIT ?",
                (kind, after, -1 if limit is None else limit),
            )
            return [(number, bytes(content)) for number, content in rows]

    def close(self) -> None:
        """Let go of the file; closing twice is fine."""
        with self._lock:
            self._database.close()

    def _prepare(self, *, read_only: bool) -> None:
        """Set the connection up, and create the tables in an empty file."""
        # In this order: another process that is creating the store commits both at once.
        made, application = self._pragma("schema_version"), self._pragma("application_id")
        if application != APPLICATION_ID and (made or application or read_only):
            raise StoreError(f"{self.path} is a database of another program", expected="a sigverify store")
        if not read_only:
            self._log_ahead()
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute("PRAGMA secure_delete = ON")
            if not made:
                self._create()
        version = self._pragma("user_version")
        if version != SCHEMA_VERSION:
            raise StoreError(
                f"{self.path} is a store of another version",
                expected=str(SCHEMA_VERSION),
                received=str(version),
                hint="Use the sigverify that wrote it, or enrol anew",
            )

    def _log_ahead(self) -> None:
        """Switch the write-ahead log on; SQLite itself does not wait for another process that does so too."""
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                self._database.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.005)
            else:
                return

    def _create(self) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        # Another process may have been first.
        if not self._pragma("schema_version"):
            for statement in filter(str.strip, _SCHEMA.split(";")):
                self._database.execute(statement)
            self._database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self._database.execute("COMMIT")

    def _pragma(self, name: str) -> int:
        return int(self._database.execute(f"PRAGMA {name}").fetchone()[0])

    def _has(self, user_id: str) -> bool:
        row = self._database.execute("SELECT 1 FROM templates WHERE user_id = ?", (user_id,)).fetchone()
        return row is not None

    def _only(self, user_id: str) -> bool:
        """Say whether nobody else is enrolled."""
        row = self._database.execute(
            "SELECT 1 FROM templates WHERE user_id <> ? LIMIT 1", (user_id,)
        ).fetchone()
        return row is None

    def _bind(self, model_id: str, *, alone: bool) -> None:
        bound = self._database.execute("SELECT model_id FROM state").fetchone()[0]
        if bound not in (None, model_id) and not alone:
            raise StoreError(
                "the store holds templates of another model",
                expected=f"model {bound}",
                received=f"model {model_id}",
                hint="Embeddings of two models cannot be compared: enrol into a new store",
            )
        self._database.execute("UPDATE state SET model_id = ?", (model_id,))

    @contextlib.contextmanager
    def _change(self, *, durable: bool = True, revise: bool = True) -> Iterator[None]:
        """Run the body in one transaction: committed whole, or rolled back when anything is raised.

        Within another one of the same thread it joins that.
        """
        with self._guard("write"):
            within = self._database.in_transaction
            if within:
                yield
                if revise:
                    self._revise()
                return
            self._database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                if revise:
                    self._revise()
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    def _revise(self) -> None:
        self._database.execute("UPDATE state SET revision = revision + 1")

    @contextlib.contextmanager
    def _guard(self, verb: str) -> Iterator[None]:
        """Hold the lock, and turn what sqlite3 raises into a `StoreError`."""
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise StoreError(
                    f"cannot {verb} the store {self.path}", received=str(error), hint=_hint(error)
                ) from error


class SqliteRecords:
    """The records and journals of a store, within one transaction; see `Records`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Take the connection whose transaction it is."""
        self._database = database

    def get(self, kind: str, subject: str) -> bytes | None:
        """Return a record, or None."""
        row = self._database.execute(
            "SELECT content FROM records WHERE kind = ? AND subject = ?", (kind, subject)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, kind: str, subject: str, content: bytes) -> None:
        """Write a record in place of any before."""
        self._database.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", (kind, subject, content))

    def delete(self, kind: str, subject: str) -> None:
        """Remove a record, if it is there."""
        self._database.execute("DELETE FROM records WHERE kind = ? AND subject = ?", (kind, subject))

    def last(self, kind: str) -> tuple[int, bytes] | None:
        """Return the newest entry of a journal, or None."""
        row = self._database.execute(
            "SELECT number, content FROM journals WHERE kind = ? ORDER BY number DESC LIMIT 1", (kind,)
        ).fetchone()
        return None if row is None else (row[0], bytes(row[1]))

    def append(self, kind: str, content: bytes) -> int:
        """Add an entry to a journal and return its number; the first is 1."""
        last = self.last(kind)
        number = 1 if last is None else last[0] + 1
        self._database.execute("INSERT INTO journals VALUES (?, ?, ?)", (kind, number, content))
        return number


def _hint(error: sqlite3.Error) -> str:
    text = str(error)
    if "not a database" in text:
        return "The file is something else, or damaged; name another"
    if "locked" in text:
        return "Another process has held it for too long; try again"
    if "readonly" in text or "unable to open" in text:
        return "Check that the folder is there, and that this user may write to the file and its folder"
    return ""
