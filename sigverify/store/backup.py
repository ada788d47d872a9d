"""`backup` and `restore`: a copy of a store in one file, made and put back while the store is in use."""

import contextlib
import os
import secrets
import sqlite3
from pathlib import Path

from sigverify.errors import DamagedStore, StoreError
from sigverify.hold import Hold
from sigverify.protection.keys import Key
from sigverify.store.check import Health, check
from sigverify.store.counter import Counter
from sigverify.store.gallery import Gallery
from sigverify.store.ledger import Ledger
from sigverify.store.migration import COLUMNS, OLD_VERSIONS, selection
from sigverify.store.rows import Rows
from sigverify.store.sqlite import SqliteStore
from sigverify.store.sqlite_database import MEMORY, SqliteDatabase, uri_of
from sigverify.store.tally import Tally
from sigverify.whole_file import sync


def backup(store: SqliteStore, target: str | Path) -> Health:
    """Copy a store to a new file, whole or not at all, and check the copy.

    The store may be opened read-only, and lie where nobody can write.

    The copy is of one moment; others go on reading and writing meanwhile. It is sealed with the same key,
    and opens like any store. Of a store of the version before that is opened read-only it is one, too.

    Returns:
        what `check` says of the copy: a copy of a damaged store is made, and has the same damage.

    Raises:
        StoreError: there is a file already, or it cannot be written; or another user wrote to a store that
            this one cannot lock.
    """
    file = Path(target)
    if file.exists():
        raise StoreError(f"{file} is there already", expected="a new file")
    try:
        with _Draft(file) as draft:
            _copy_store(store, draft)
            with SqliteStore(draft, key=store.key, create=False, read_only=True, compare=False) as copy:
                health = check(copy)
            _publish(draft, file)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"cannot write the backup {file}", received=str(error)) from error
    return health


def restore(
    source: str | Path, target: str | Path, *, key: Key | None = None, counter: Counter | None = None
) -> int:
    """Put a backup in place of the store at `target`, and return how many templates it has.

    One transaction: a crash leaves the store as it was, and processes that have it open go on with what is
    there now. The store is sealed with the backup's key afterwards; what happened since the backup is gone:
    enrollments, lock-outs and the entries of the audit log.

    Args:
        source: the backup; one of the version before is written as today's.
        target: the store; made when there is none.
        key: of the backup; None takes the user's own.
        counter: of the store, which goes on from where it is: the backup is its newest state from now on.
            None: nothing counts it any more.

    Raises:
        WrongKey: the backup is sealed with another key.
        DamagedStore: the backup is damaged. Nothing is changed.
        StoreError: either cannot be read or written.
    """
    with SqliteStore(source, key=key, create=False, read_only=True, compare=False) as opened:
        health, key = check(opened), opened.key
        with opened.reading():
            tally = opened.ledger.tally() or Tally()
    if not health.sound:
        raise DamagedStore(
            f"the backup {source} is damaged",
            received=f"{len(health.findings)} findings",
            hint="sigverify store check lists them",
        )
    database = SqliteDatabase(target, create=True, read_only=False, timeout_s=5.0)
    try:
        if not database.made:
            database.create(lambda: _begin(database, key))
        ledger = Ledger(database, lambda: _rows(database, key))
        ledger.counter = counter
        ledger.gallery = Gallery(target)
        _replace(database, ledger, Path(source), key, tally)
        ledger.count_on()
    finally:
        database.close()
        if counter is not None:
            counter.close()
    return health.templates


class _Draft(Hold[Path]):
    """Holds a file that only the user may read, beside the one that is to be written."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._path = file.with_name(f".{file.name}.{secrets.token_hex(8)}")

    def take(self) -> Path:
        os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return self._path

    def drop(self) -> None:
        self._path.unlink(missing_ok=True)


def _copy_store(store: SqliteStore, draft: Path) -> None:
    if store.path == MEMORY:
        with store.database.guard("read"):
            _copy(store.database.connection, draft)
    else:  # connect anew, so that threads that share the store do not wait
        address = uri_of(store.path, create=False, read_only=True)
        before = _state(store.path)
        with contextlib.closing(sqlite3.connect(address, uri=True)) as source:
            _copy(source, draft)
        # Who cannot write beside a file cannot lock it: another user who can may have written meanwhile.
        if "immutable" in address and _state(store.path) != before:
            raise StoreError(f"the store {store.path} was written to while it was copied", hint="Try again")


def _state(path: str) -> tuple[int, int, bool]:
    """Return what changes when somebody writes: the file's size and stamp, whether there is a log."""
    status = Path(path).stat()
    return status.st_size, status.st_mtime_ns, Path(f"{path}-wal").exists()


def _copy(source: sqlite3.Connection, draft: Path) -> None:
    with contextlib.closing(sqlite3.connect(draft)) as copy:
        source.backup(copy)
        # Without a log: a backup is one file.
        copy.execute("PRAGMA journal_mode = DELETE")


def _publish(draft: Path, file: Path) -> None:
    """Sync, and give the draft its name unless somebody else took that."""
    sync(draft)
    os.link(draft, file)
    sync(file.parent)


def _begin(database: SqliteDatabase, key: Key) -> None:
    salt, secret = Rows.begin(key)
    rows = Rows(key, salt, secret)
    Ledger(database, lambda: rows).begin_head(rows, salt, secret)


def _rows(database: SqliteDatabase, key: Key) -> Rows:
    return Rows(key, database.head("salt", bytes), database.head("secret", bytes))


def _replace(database: SqliteDatabase, ledger: Ledger, source: Path, key: Key, tally: Tally) -> None:
    """Put the rows of `source` in place of all that are there; `tally` is what it says of them."""
    with database.guard("restore"):
        database.execute("ATTACH ? AS source", (f"{source.absolute().as_uri()}?mode=ro",))
    version = database.form("source")
    with database.changing():
        database.migrate(lambda: None)  # what is there goes: it needs no tally
        for table, columns in COLUMNS.items():
            database.execute(f"DELETE FROM main.{table}")  # noqa: S608, names of ours
            rows = selection(table, schema="source", version=version)
            database.execute(f"INSERT INTO main.{table} ({columns}) {rows}")
        database.execute(
            "UPDATE main.state SET revision = 1 + MAX(revision, (SELECT revision FROM source.state)), "
            "(salt, secret) = (SELECT salt, secret FROM source.state)"
        )
        if version in OLD_VERSIONS:
            head = (database.head("salt", bytes), database.head("secret", bytes))
            sealed = Rows(key, *head, old=True).sealed_secret()
            database.execute("UPDATE main.state SET secret = ?", (sealed,))
        # Whoever follows the changes reads them all again.
        database.execute("UPDATE main.vectors SET revision = (SELECT revision FROM main.state)")
        ledger.adopt(tally)
        ledger.begin_counting()
        ledger.drop_gallery()
        database.scrub()
