"""`Use` and `Transaction`: one `with` statement's use of a database, undone wherever it is interrupted.

A transaction belongs to the statement that began it. `Connected.opened` names that one, and no flag says so
beside it: a transaction whose statement is gone is nobody's (`Hold.is_over`), and whoever uses the connection
next undoes it first. So it is committed by its own statement or not at all, and nobody joins what is left of
another.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from sigverify.errors import SigverifyError, StoreError
from sigverify.forking import OwnLock
from sigverify.hold import Hold

if TYPE_CHECKING:
    from sigverify.store.ledger import Pending

Place = tuple[str, bytes]
"""Of a record: its kind, and what it is found by within that."""
Seen = tuple[bytes | None, bytes | None]
"""Of a record: what names its sealing (None: there is no such record), and what it holds (None: it was not
opened)."""
Given = TypeVar("Given")
Other = TypeVar("Other")


class Step(Protocol):
    """Something done at the end of a transaction."""

    def __call__(self, *, durable: bool) -> None:
        """Do it; `durable` as the transaction is."""


class Connected(ABC):
    """What both databases share: one connection, used by one thread at a time.

    Subclasses say how a transaction begins and ends. All methods here but `guard`, `reading` and `changing`
    are called by who holds the lock.
    """

    path: str

    def __init__(self, lock: OwnLock) -> None:
        """Take the lock of the connection."""
        self.lock = lock
        self.opened: Transaction[Any] | None = None
        """The transaction of the connection; None where none is open."""

    def guard(self, verb: str) -> "Use[None]":
        """Hold the lock, and turn what the driver raises into a `StoreError`."""
        return Use(self, verb)

    def reading(self) -> "Transaction[None]":
        """Run the body on one state of the store, whatever others write meanwhile."""
        return Transaction(self, "read", self.begin_reading, changes=False)

    def changing(self, *, durable: bool = True, local: bool = False) -> "Transaction[None]":
        """Run the body in one transaction: committed whole, or rolled back when anything is raised.

        Within another one of the same thread it joins that; see `Database.changing`.
        """
        return Transaction(
            self, "write", lambda: self.begin_changing(durable=durable, local=local), durable=durable
        )

    def settle(self) -> None:
        """Undo a transaction whose statement is gone."""
        if self.opened is not None and self.opened.is_over:
            self.opened = None
        if self.opened is None:
            self.make_ready()

    @abstractmethod
    def begin_reading(self) -> None:
        """Begin a transaction that sees one state."""

    @abstractmethod
    def begin_changing(self, *, durable: bool, local: bool) -> None:
        """Begin a transaction while nobody else writes."""

    @abstractmethod
    def commit(self) -> None:
        """Commit. Raises what the driver raises where it is not committed, and nothing where it is."""

    @abstractmethod
    def undo(self) -> None:
        """End the transaction that the connection is in, if any, and let nothing of it be kept."""

    @abstractmethod
    def make_ready(self) -> None:
        """Make the connection one that is in no transaction, and in no statement."""

    @abstractmethod
    def translated(self, error: BaseException, verb: str) -> StoreError | None:
        """Return what an error of the driver says to a caller; None: it is none of the driver's."""


class Use(Hold[Given]):
    """Holds the lock of a connection, and turns what its driver raises into a `StoreError`."""

    def __init__(self, database: Connected, verb: str) -> None:
        """Take the database, and what is done with it, for messages."""
        super().__init__()
        self._database = database
        self._verb = verb
        self._turn = database.lock.hold()
        self.give: Callable[[], Given] | None = None
        """Returns what the statement gives once it has begun; None: nothing."""

    def take(self) -> Given:
        """Wait for the lock; nothing that somebody left behind is in the connection then."""
        self._begin()
        return cast("Given", None if self.give is None else self.give())

    def finish(self, error: BaseException | None) -> None:
        """Raise what the driver raised as a `StoreError`."""
        if error is not None and (said := self._database.translated(error, self._verb)) is not None:
            raise said from error

    def drop(self) -> None:
        """Let the lock go."""
        self._turn.drop()

    def _begin(self) -> None:
        self._turn.within(self)
        if not self._turn.is_inner:
            self._database.settle()


class Transaction(Use[Given]):
    """Holds a transaction, its own or the one that the same thread is in."""

    def __init__(
        self,
        database: Connected,
        verb: str,
        begin: Callable[[], None],
        *,
        changes: bool = True,
        durable: bool = True,
    ) -> None:
        """Take the database, what is done with it, and what begins the transaction."""
        super().__init__(database, verb)
        self._begin_it = begin
        self._durable = durable
        self.changes = changes
        self.pending: Pending | None = None
        """What it makes of the tally of rows; gone with the transaction."""
        self.is_ours = False
        """Whether it is known what opens the rows, which nobody else can change while it goes on."""
        self.records: dict[Place, Seen] = {}
        """Those read or written in it."""
        self.at_end: Step | None = None
        """Done within it, before it is committed."""
        self.afterwards: Step | None = None
        """Done once it is committed."""
        self._joined: Transaction[Any] | None = None
        self._torn = False
        """A part of it was interrupted."""

    def giving(self, give: Callable[[], Other]) -> "Transaction[Other]":
        """Have the statement give what that returns, once it has begun."""
        given = cast("Transaction[Other]", self)
        given.give = give
        return given

    def finish(self, error: BaseException | None) -> None:
        """Commit where nothing was raised."""
        try:
            if self._joined is not None:
                if self.changes and error is not None:
                    self._joined.tear(error)
            elif error is None and self.changes:
                self._commit()
        except BaseException as failed:
            super().finish(failed)
            raise
        super().finish(error)

    def drop(self) -> None:
        """Undo what is open, and let the lock go."""
        if self._database.opened is self:
            self._database.undo()
            self._database.opened = None
        super().drop()

    def tear(self, error: BaseException) -> None:
        """Refuse to be committed where an error may have left a part half done.

        A refusal of ours comes before anything is written; all else may come in between.
        """
        cause = error.__cause__
        failed = cause is not None and self._database.translated(cause, self._verb) is not None
        if failed or not isinstance(error, SigverifyError):
            self._torn = True

    def _begin(self) -> None:
        super()._begin()
        if self._turn.is_inner:
            self._database.settle()
        outer = self._database.opened
        if outer is None:
            self._database.opened = self
            self._begin_it()
        elif self.changes and not outer.changes:
            raise StoreError(
                "a change within reading() would be rolled back", hint="End reading first, then change"
            )
        else:
            self._joined = outer

    def _commit(self) -> None:
        if self._torn:
            raise StoreError(
                f"a change of the store {self._database.path} was interrupted",
                hint="Nothing of it is kept: begin it anew",
            )
        if self._database.opened is not self:
            raise StoreError(f"a change of the store {self._database.path} was rolled back")
        if self.at_end is not None:
            self.at_end(durable=self._durable)
        self._database.commit()
        self._database.opened = None
        if self.afterwards is not None:
            self.afterwards(durable=self._durable)
