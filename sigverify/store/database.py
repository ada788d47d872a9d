"""`Database`: what a store asks of a database: statements within transactions, one thread at a time."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from sigverify.store.erasure import Erasure
from sigverify.store.transaction import Transaction, Use


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

    path: str
    opened: Transaction[Any] | None
    """The transaction that goes on."""

    def create(self, first: Callable[[], None]) -> None:
        """Make the tables and run `first`, all as one, unless another process just did."""

    def migrate(self, then: Callable[[], None]) -> None:
        """Make an old store one of today's and run `then`, all as one, unless another process just did."""

    def is_old(self) -> bool:
        """Whether it is a store of a version before."""

    def sees_all(self) -> bool:
        """Whether whoever opened it may see every row."""

    def version(self) -> int | None:
        """Return a number that changes when somebody else changed the store; None: nothing tells."""

    def execute(self, statement: str, values: tuple[Any, ...] = ()) -> Result:
        """Run one statement, within `guard`, `reading` or `changing`."""

    def guard(self, verb: str) -> Use[None]:
        """Hold the lock, and turn what the driver raises into a `StoreError`."""

    def reading(self) -> Transaction[None]:
        """Run the body on one state of the store, whatever others write meanwhile."""

    def changing(self, *, durable: bool = True, local: bool = False) -> Transaction[None]:
        """Run the body in one transaction, while nobody else writes; within another one it joins that.

        Where a part that joined was interrupted, and the body goes on, nothing is committed.

        Args:
            durable: wait until it is on the disk.
            local: do not wait afterwards for others who read, so that what was deleted can be overwritten.
        """

    def scrub(self) -> None:
        """Overwrite what the current transaction deletes, as far as the database can."""

    def erasure(self) -> Erasure:
        """Say what became of the bytes of what was deleted and replaced through this connection."""

    def head(self, column: str, kind: Any) -> Any:
        """Return a column of the head, within `guard`. Raises DamagedStore where it is of another type."""

    def is_passing(self, error: BaseException | None) -> bool:
        """Whether an error of the driver tells of the medium or the moment, and of no damage."""

    def structure(self) -> list[str]:
        """Return what the database finds wrong with its own pages; nothing where all is well."""

    def close(self) -> None:
        """Close the database; closing twice is fine."""
