"""`FleetChange`: one transaction of a fleet's store, on the server or in the copy here."""

import threading
from collections.abc import Callable

from sigverify.errors import StoreError
from sigverify.fleet.outbox import OutboxRecords
from sigverify.hold import Hold
from sigverify.store import Records
from sigverify.store.sealed import SealedRecords
from sigverify.store.transaction import Transaction


class Going(threading.local):
    """Which change each thread is making."""

    change: "FleetChange | None" = None

    def on(self) -> "FleetChange | None":
        """Return this thread's; None: it makes none, or the statement that began it is gone."""
        return None if self.change is None or self.change.is_over else self.change


class FleetChange(Hold[Records]):
    """Holds a transaction of the server, or where `local` of the copy; a part of one joins it."""

    records: Records

    def __init__(
        self,
        going: Going,
        begin: Callable[[], Transaction[SealedRecords]],
        *,
        local: bool,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """Take what the threads are doing, what makes the transaction, and what follows its commit."""
        super().__init__()
        self._going = going
        self._begin = begin
        self._after = after
        self._transaction: Transaction[SealedRecords] | None = None
        self._joined: FleetChange | None = None
        self.is_local = local

    def take(self) -> Records:
        """Begin, or join what this thread is in."""
        on = self._going.on()
        if on is None:
            self._transaction = self._begin()
            records = self._transaction.within(self)
            self.records = OutboxRecords(records) if self.is_local else records
            self._going.change = self
            return self.records
        if on.is_local and not self.is_local:
            raise StoreError(
                "templates of a fleet cannot be changed by a try", hint="Leave Policy.adaptive off in a fleet"
            )
        self._joined = on
        return on.records

    def finish(self, error: BaseException | None) -> None:
        """Commit where nothing was raised, and do what follows."""
        if self._joined is not None:
            self._joined.tear(error)
        if self._transaction is None:
            return
        self._transaction.finish(error)
        if error is None:
            self.drop()
            self._after()

    def drop(self) -> None:
        """Undo what is open."""
        if self._transaction is not None:
            self._transaction.drop()
        if self._going.change is self:
            self._going.change = None

    def tear(self, error: BaseException | None) -> None:
        """Refuse to be committed where a part was interrupted; see `Transaction.tear`."""
        if self._transaction is not None and error is not None:
            self._transaction.tear(error)
