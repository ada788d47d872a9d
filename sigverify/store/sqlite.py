"""`SqliteStore`: sealed templates and records in one file that survives a power cut."""

from pathlib import Path

from sigverify.protection.keys import Key
from sigverify.store.counter import Counter
from sigverify.store.gallery import Gallery
from sigverify.store.sealed import SealedStore
from sigverify.store.sqlite_database import MEMORY, SqliteDatabase


class SqliteStore(SealedStore):
    """Templates in one SQLite file (or `MEMORY`), shared safely by threads and processes.

    Every row is sealed with a key that is not in the file (`sealing`, `rows`), user ids too. Every change is
    one transaction with a full sync: after a power cut it is there wholly or not at all. What is deleted is
    overwritten, in the write-ahead log too.
    """

    database: SqliteDatabase

    def __init__(
        self,
        path: str | Path,
        *,
        key: Key | None = None,
        create: bool = True,
        read_only: bool = False,
        still: bool = False,
        timeout_s: float = 5.0,
        compare: bool = True,
        counter: Counter | None = None,
    ) -> None:
        """Open, or create where there is nothing yet. A store of the version before is migrated.

        Args:
            path: the file, or `MEMORY`.
            key: what it is sealed with; None takes the user's own (`Key.default`), which a new store may
                make, and for `MEMORY` one that ends with the process.
            create: make the file when it is missing; otherwise that is an error.
            read_only: refuse changes, and work where the file system does. A store of the version before
                is read as it is.
            still: with `read_only`, leave no file beside it either, where no process has it open: for a short
                look, during which nobody should begin to write.
            timeout_s: how long to wait for another process that is writing.
            compare: the rows with the tally of them, and the tally with the counter; otherwise a store whose
                rows were removed or put back is opened too, to be looked at and repaired.
            counter: counts the states of the store outside of it, against older copies of the whole file; it
                begins with a store that none counted so far, and from then on must be given to write.

        Raises:
            StoreError: no such file, not a store, of another version, or not readable.
            KeyUnavailable: no key given and none in the user's state directory.
            WrongKey: the store was sealed with another key.
            DamagedStore: rows were removed or put back by somebody without the key, or it is an older copy.
            ConfigError: it is counted, and no counter is given.
        """
        self.path = str(path)
        if key is None and self.path == MEMORY:
            key = Key.generate()
        elif key is None and create and not read_only and not Path(self.path).exists():
            key = Key.default()  # first: where it cannot be made, no half store is left behind
        super().__init__(
            SqliteDatabase(
                path, create=create, read_only=read_only, still=still, timeout_s=timeout_s, advises=compare
            )
        )
        if self.path != MEMORY:
            self.ledger.gallery = Gallery(self.path)
        try:
            self._open(self._begin(key), migrate=not read_only, compare=compare, counter=counter)
            if not read_only:
                self.database.tidy()
        except BaseException:
            self.close()
            raise

    def _begin(self, key: Key | None) -> Key:
        """Make the tables where there are none, and return the key."""
        if self.database.made:
            return key or Key.default(create=False)
        made = key or Key.default()
        if self.ledger.gallery is not None:
            self.ledger.gallery.wipe()  # of a store that was here and is gone
        self.database.create(lambda: self._begin_head(made))
        return made
