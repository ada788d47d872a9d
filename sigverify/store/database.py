"""`Database`: what a store asks of a database: statements within transactions, one thread at a time."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Result(Protocol):
    """What a statement gave back."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""

    def __iter__(self) -> Iterator[Any]:
        """Go through the rows that are left."""


class Database(Protocol):
    """A database, its lock and its transactions. Threads may share it.

    Statements have "?" for values, and are of the SQL that SQLite and PostgreSQL both understand.
    """

    def create(self, first: Callable[[], None]) -> None:
        """Make the tables and run `first`, all as one, unless another process just did."""

    def migrate(self) -> None:
        """Make an old store one of today's, wholly or not at all, unless another process just did."""

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> Result:
        """Run one statement, within `guard`, `reading` or `changing`."""

    def guard(self, verb: str) -> AbstractContextManager[None]:
        """Hold the lock, and turn what the driver raises into a `StoreError`."""

    def reading(self) -> AbstractContextManager[None]:
        """Run the body on one state of the store, whatever others write meanwhile."""

    def changing(self, *, durable: bool = True) -> AbstractContextManager[None]:
        """Run the body in one transaction, while nobody else writes; within another one it joins that."""

    def scrub(self) -> None:
        """Overwrite what the current transaction deletes, as far as the database can."""

    def head(self, column: str, kind: Any) -> Any:
        """Return a column of the head, within `guard`. Raises DamagedStore where it is of another type."""

    def structure(self) -> list[str]:
        """Return what the database finds wrong with its own pages; nothing where all is well."""

    def close(self) -> None:
        """Close the database; closing twice is fine."""
