"""`PostgresCounter`: a store's counter in a row on a server, where who has the kiosk cannot put it back.

Each store has a row of its own, named by host and path. The number is authenticated by the store's secret,
and the server lets it only rise (`count_up`); who administers the server can put an older row back.
"""

import hmac
import socket
from pathlib import Path
from typing import Final

from sigverify.errors import DamagedStore, StoreError
from sigverify.store.counter import is_of, with_secret
from sigverify.store.migration import POSTGRES_COUNTERS
from sigverify.store.postgres_database import PostgresDatabase
from sigverify.store.transaction import Transaction

_TABLE: Final = "CREATE SCHEMA IF NOT EXISTS sigverify;" + POSTGRES_COUNTERS
_IS_THERE: Final = "SELECT 1 FROM pg_tables WHERE schemaname = 'sigverify' AND tablename = 'counters'"
_CREATION_LOCK: Final = int.from_bytes(b"SIGC", "big")


class PostgresCounter:
    """See the top of this file. Implements `Counter`."""

    def __init__(self, url: str, *, name: str | None = None, timeout_s: float = 5.0) -> None:
        """Take the server, reached when it is first asked.

        Args:
            url: of the server.
            name: of the row; None: the host's name and the store's path.
            timeout_s: how long to wait for the server.
        """
        self._url = url
        self._name = name
        self._timeout_s = timeout_s
        self._secrets: tuple[bytes, ...] = ()
        self._database: PostgresDatabase | None = None

    def bind(self, secret: bytes, store: str) -> None:
        """Take what authenticates the number, and which row it is."""
        self._secrets = with_secret(self._secrets, secret)
        self._row = self._name or f"{socket.gethostname()}:{Path(store).absolute()}"

    def read(self) -> int:
        """Return the number; 0: there is no row.

        Raises:
            StoreUnreachable: the server is away.
            DamagedStore: the row was altered, or is another store's.
        """
        database = self._reached()
        with database.guard("read"):
            if database.execute(_IS_THERE).fetchone() is None:
                return 0
            asked = "SELECT number, mac FROM counters WHERE store = ?"
            row = database.execute(asked, (self._row,)).fetchone()
        if row is None:
            return 0
        number, mac = int(row[0]), bytes(row[1])
        if not is_of(self._named(number), mac, self._secrets):
            raise DamagedStore(
                f"the counter on {database.path} does not open",
                expected="the number that this store wrote there",
                hint="It was altered, or is another store's",
            )
        return number

    def begin(self) -> int:
        """Write 1.

        Raises:
            StoreError: the server is away, or this role may not make the table.
        """
        database = self._reached()
        with database.guard("write"):
            if database.execute(_IS_THERE).fetchone() is None:
                with Transaction(database, "write", lambda: self._begin(database)):
                    database.execute(_TABLE)
        self.advance(1)
        return 1

    def advance(self, to: int) -> None:
        """Write a higher number.

        Raises:
            StoreUnreachable: the server is away.
            StoreError: this role may not write.
        """
        if self.read() >= to:
            return
        database = self._reached()
        with database.guard("write"):
            written = database.execute(
                "INSERT INTO counters (store, number, mac) VALUES (?, ?, ?) "
                "ON CONFLICT (store) DO UPDATE SET number = excluded.number, mac = excluded.mac",
                (self._row, to, hmac.digest(self._secrets[0], self._named(to), "sha256")),
            )
            if written.rowcount != 1:
                raise StoreError("the counter on the server was not written")

    def close(self) -> None:
        """Close the connection; closing twice is fine."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _named(self, number: int) -> bytes:
        return f"{self._row}\0{number}".encode()

    def _begin(self, database: PostgresDatabase) -> None:
        database.execute("BEGIN")
        database.execute(f"SELECT pg_advisory_xact_lock({_CREATION_LOCK})")

    def _reached(self) -> PostgresDatabase:
        if self._database is None:
            self._database = PostgresDatabase(self._url, timeout_s=self._timeout_s)
        return self._database
