"""`SqliteStore`: sealed templates and records in one file that survives a power cut."""

from pathlib import Path

from sigverify.protection.keys import Key
from sigverify.store.sealed import SealedStore, begin
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

        Raises:
            StoreError: no such file, not a store, of another version, or not readable.
            KeyUnavailable: no key given and none in the user's state directory.
            WrongKey: the store was sealed with another key.
        """
        self.path = str(path)
        if key is None and self.path == MEMORY:
            key = Key.generate()
        elif key is None and create and not read_only and not Path(self.path).exists():
            key = Key.default()  # first: where it cannot be made, no half store is left behind
        self.database = SqliteDatabase(
            path, create=create, read_only=read_only, still=still, timeout_s=timeout_s
        )
        try:
            self._keys: tuple[Key, ...] = (self._begin(key),)
            with self.database.guard("read"):
                self._rows = self._unlock()
            # Not before the key fits: whoever names the wrong file or key changes nothing.
            if not read_only:
                self.database.migrate()
        except BaseException:
            self.database.close()
            raise

    def _begin(self, key: Key | None) -> Key:
        """Make the tables where there are none, and return the key."""
        if self.database.made:
            return key or Key.default(create=False)
        made = key or Key.default()
        self.database.create(lambda: begin(self.database, made))
        return made
