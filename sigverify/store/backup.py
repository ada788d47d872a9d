"""`backup` and `restore`: a copy of a store in one file, made and put back while the store is in use."""

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sigverify.errors import DamagedStore, StoreError
from sigverify.protection.keys import Key
from sigverify.store.check import Health, check
from sigverify.store.migration import COLUMNS, selection
from sigverify.store.sealed import begin
from sigverify.store.sqlite import SqliteStore
from sigverify.store.sqlite_database import MEMORY, SqliteDatabase


def backup(store: SqliteStore, target: str | Path) -> Health:
    """Copy a store to a new file, whole or not at all, and check the copy.

    The copy is of one moment; others go on reading and writing meanwhile. It is sealed with the same key,
    and opens like any store. Of a store of the version before that is opened read-only it is one, too.

    Returns:
        what `check` says of the copy: a copy of a damaged store is made, and has the same damage.

    Raises:
        StoreError: there is a file already, or it cannot be written.
    """
    file = Path(target)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    if file.exists():
        raise StoreError(f"{file} is there already", expected="a new file")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with _source(store) as source:
            _copy(source, draft)
        with SqliteStore(draft, key=store.key, create=False, read_only=True) as copy:
            health = check(copy)
        _publish(draft, file)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"cannot write the backup {file}", received=str(error)) from error
    finally:
        draft.unlink(missing_ok=True)
    return health


def restore(source: str | Path, target: str | Path, *, key: Key | None = None) -> int:
    """Put a backup in place of the store at `target`, and return how many templates it has.

    One transaction: a crash leaves the store as it was, and processes that have it open go on with what is
    there now. The store is sealed with the backup's key afterwards; what happened since the backup is gone:
    enrollments, lock-outs and the entries of the audit log.

    Args:
        source: the backup; one of the version before is written as today's.
        target: the store; made when there is none.
        key: of the backup; None takes the user's own.

    Raises:
        WrongKey: the backup is sealed with another key.
        DamagedStore: the backup is damaged. Nothing is changed.
        StoreError: either cannot be read or written.
    """
    with SqliteStore(source, key=key, create=False, read_only=True) as opened:
        health, key = check(opened), opened.key
    if not health.sound:
        raise DamagedStore(
            f"the backup {source} is damaged",
            received=f"{len(health.findings)} findings",
            hint="sigverify store check lists them",
        )
    database = SqliteDatabase(target, create=True, read_only=False, timeout_s=5.0)
    try:
        if not database.made:
            database.create(lambda: begin(database, key))
        database.migrate()
        _replace(database, Path(source))
    finally:
        database.close()
    return health.templates


@contextlib.contextmanager
def _source(store: SqliteStore) -> Iterator[sqlite3.Connection]:
    """Connect anew, so that threads that share the store do not wait."""
    if store.path == MEMORY:
        with store.database.guard("read"):
            yield store.database.connection
    else:
        with contextlib.closing(
            sqlite3.connect(f"{Path(store.path).absolute().as_uri()}?mode=ro", uri=True)
        ) as one:
            yield one


def _copy(source: sqlite3.Connection, draft: Path) -> None:
    with contextlib.closing(sqlite3.connect(draft)) as copy:
        source.backup(copy)
        # Without a log: a backup is one file.
        copy.execute("PRAGMA journal_mode = DELETE")


def _publish(draft: Path, file: Path) -> None:
    """Sync, and give the draft its name unless somebody else took that."""
    for path in (draft, file.parent):
        if path is not draft:
            os.link(draft, file)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _replace(database: SqliteDatabase, source: Path) -> None:
    with database.guard("restore"):
        database.execute("ATTACH ? AS source", (f"{source.absolute().as_uri()}?mode=ro",))
    old = database.is_old("source")
    with database.changing():
        for table, columns in COLUMNS.items():
            database.execute(f"DELETE FROM main.{table}")  # noqa: S608, names of ours
            rows = selection(table, schema="source", old=old)
            database.execute(f"INSERT INTO main.{table} ({columns}) {rows}")
        database.execute(
            "UPDATE main.state SET revision = 1 + MAX(revision, (SELECT revision FROM source.state)), "
            "(salt, secret) = (SELECT salt, secret FROM source.state)"
        )
        # Whoever follows the changes reads them all again.
        database.execute("UPDATE main.vectors SET revision = (SELECT revision FROM main.state)")
        database.scrub()
