"""The `Store` protocol: what `Verifier` asks of a place for templates."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from sigverify.protection.renewal import Renewal
from sigverify.store.batch import Batch
from sigverify.store.erasure import Erasure
from sigverify.template import Template


class Mark(NamedTuple):
    """A place in the order of a store's changes.

    Attributes:
        revision: of the store with that change.
        subject: what the store finds the user by; it names the user until a rekey.
        modality: of the references; a user may be enrolled by several.
    """

    revision: int
    subject: bytes
    modality: str = ""


class State(NamedTuple):
    """What names the rows that a store holds at one moment, to who has its key.

    Attributes:
        changes: how many rows were written or removed since the store was made.
        digest: 16 bytes, keyed, of all rows.
    """

    changes: int
    digest: bytes


START: Final = Mark(0, b"")
"""Before all changes."""


@dataclass(frozen=True, eq=False)
class Change:
    """One user whose references of one modality are new, or may have changed.

    Attributes:
        mark: its place in the order.
        user_id: who.
        vectors: `(r, e)` float16, of the references.
    """

    mark: Mark
    user_id: str
    vectors: npt.NDArray[np.float16]


class Prepared(Protocol):
    """Everybody of one modality as a search wants them, without opening every row.

    Attributes:
        mark: follow `Store.changes` from here, and who was changed meanwhile comes once more.
    """

    mark: Mark

    def batches(self) -> Iterator[Batch]:
        """Yield everybody, some hundreds at once; a damaged row is left out and logged."""

    def read(self, name: str) -> bytes | None:
        """Return what was kept under a name; None: nothing, or nothing that can be relied on."""

    def keep(self, name: str, content: bytes) -> None:
        """Keep a content beside the store, sealed, as far as that is possible.

        It outlives whoever is forgotten, so it may say nothing of anybody.
        """


class Records(Protocol):
    """Small things kept beside the templates (tries, sketches, audit entries), within one transaction.

    A record is found by its kind ("lockout") and subject (a user id, "" for the device); a journal is a kind
    of numbered entries that are only ever added to.
    """

    def get(self, kind: str, subject: str) -> bytes | None:
        """Return a record, or None."""

    def put(self, kind: str, subject: str, content: bytes) -> None:
        """Write a record in place of any before."""

    def delete(self, kind: str, subject: str) -> None:
        """Remove a record, if it is there."""

    def last(self, kind: str) -> tuple[int, bytes] | None:
        """Return the newest entry of a journal with its number, or None."""

    def append(self, kind: str, content: bytes) -> int:
        """Add an entry to a journal and return its number; the first is 1."""

    def state(self, kind: str, subject: str) -> State | None:
        """Return what names the rows as they are now, but that record; None: the store cannot say."""


class Store(Protocol):
    """What `Verifier` asks of a place for templates. All methods may be called from any thread."""

    def models(self) -> dict[str, str]:
        """Return the one model that all templates of a modality are of: modality -> `Model.id`.

        A modality by which nobody is enrolled is not among them.
        """

    @property
    def renewal(self) -> Renewal:
        """The secret transform of this store: what is compared with stored templates is turned by it first.

        Ask for it anew each time: a rekey changes it together with all templates.
        """

    def secret(self, purpose: str) -> bytes:
        """Return 32 secret bytes for that purpose (keyed digests, chains); a rekey does not change them."""

    def put(self, template: Template, *, replace: bool = False) -> None:
        """Keep `template`, wholly or not at all, beside the user's templates of other modalities.

        Raises:
            AlreadyEnrolled: the user has one of that modality and `replace` is False.
            StoreError: it cannot be written, or is of another model than those of its modality here.
        """

    def get(self, user_id: str, modality: str) -> Template:
        """Return the template of `user_id` of that modality. Raises UnknownUser."""

    def delete(self, user_id: str) -> None:
        """Remove all templates of `user_id` for good, or raise UnknownUser."""

    def modalities(self, user_id: str) -> tuple[str, ...]:
        """Return by which modalities `user_id` is enrolled, sorted. Raises UnknownUser."""

    def users(self, modality: str | None = None) -> tuple[str, ...]:
        """Return the ids of all users, or of those enrolled by that modality, sorted."""

    def page(self, after: str = "", *, limit: int = 1000) -> tuple[str, ...]:
        """Return up to `limit` user ids that follow `after`, the last one of the page before; "" begins.

        They come in an order of the store's own, each once, and only the rows of the page are opened. Fewer
        than `limit` are the last. Who is enrolled meanwhile may be missed; a damaged row is left out and
        logged.
        """

    def __len__(self) -> int:
        """Count the users."""

    def count(self, modality: str) -> int:
        """Count the users enrolled by that modality."""

    def changes(self, modality: str, after: Mark = START, *, limit: int = 1000) -> list[Change]:
        """Return users that were enrolled, replaced or touched after a mark, oldest change first.

        To follow a store, ask again with the last one's mark until nothing comes back, and whenever
        `revision` has changed. Who is gone is not among them: `count` tells that somebody is, `subjects` who
        is still there. Somebody who was changed twice comes once. A damaged row is left out and logged.

        Args:
            modality: of the references.
            after: where to go on.
            limit: how many to return at most.
        """

    def prepared(self, modality: str) -> Prepared | None:
        """Return everybody of a modality, from what lies beside the store where that agrees with its rows.

        None: nothing does; follow `changes` from the start.
        """

    def subjects(self, modality: str) -> frozenset[bytes]:
        """Return what all users enrolled by that modality are found by, as in `Mark.subject`."""

    def touch(self, user_id: str) -> None:
        """Count a user as changed, by every modality: something about them that stands in a record is.

        Raises:
            UnknownUser: nobody of that id is enrolled.
        """

    def revision(self) -> int:
        """Return a number that rises with every change of templates, whichever process made it."""

    def transaction(self, *, durable: bool = True, local: bool = False) -> AbstractContextManager[Records]:
        """Change several things as one: all is there afterwards, or, when the body raises, nothing.

        `put`, `delete` and `transaction` called by the same thread within it join it. No other process
        writes in the meantime, so what is read here may be changed and written back.

        It belongs to the `with` statement: wherever that is interrupted (Ctrl+C, an alarm, a full memory), it
        is committed or rolled back, and the next call works. A generator must not wrap it: nobody could tell
        one that is forgotten from one that goes on. Where `put`, `delete` or `transaction` within it is
        interrupted and the body goes on all the same, nothing is committed.

        Args:
            durable: wait until it is on the disk; otherwise a power cut may lose it (and what came after
                it), never damage the store.
            local: what is written concerns tries on this device. A store that several devices share may write
                it here and tell the others later; templates cannot be changed within.
        """

    def erasure(self) -> Erasure:
        """Say what became of the bytes of what was deleted and replaced through this store."""

    def read_record(self, kind: str, subject: str) -> bytes | None:
        """Return one record, or None, without a transaction."""

    def records(self, kind: str) -> dict[str, bytes]:
        """Return all records of a kind: subject -> content."""

    def journal(self, kind: str, *, after: int = 0, limit: int | None = None) -> list[tuple[int, bytes]]:
        """Return a journal's entries with numbers above `after`, oldest first."""

    def state(self, kind: str, subject: str) -> State | None:
        """Compare all rows with what is known of them, and return what names them, but that record.

        None: of a version before, or a view of another store.

        Raises:
            DamagedStore: rows were removed or put back by somebody without the key.
        """

    def close(self) -> None:
        """Close what it has open; closing twice is fine."""


def wait_for_disk(store: Store) -> None:
    """Make what was written without waiting as safe as what waits: by a small write that does.

    Raises:
        StoreError: the store cannot be written.
    """
    with store.transaction(local=True) as records:
        records.put("synced", "", b"")
