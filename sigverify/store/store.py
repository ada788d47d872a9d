"""The `Store` protocol: what `Verifier` asks of a place for templates."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from sigverify.protection.renewal import Renewal
from sigverify.template import Template


class Mark(NamedTuple):
    """A place in the order of a store's changes.

    Attributes:
        revision: of the store with that change.
        subject: what the store finds the user by; it names the user until a rekey.
    """

    revision: int
    subject: bytes


START: Final = Mark(0, b"")
"""Before all changes."""


@dataclass(frozen=True, eq=False)
class Change:
    """One user whose references are new, or may have changed.

    Attributes:
        mark: its place in the order.
        user_id: who.
        vectors: `(r, e)` float16, of the references.
    """

    mark: Mark
    user_id: str
    vectors: npt.NDArray[np.float16]


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


class Store(Protocol):
    """What `Verifier` asks of a place for templates. All methods may be called from any thread."""

    @property
    def model_id(self) -> str | None:
        """The model that every template here is of; None while the store is empty."""

    @property
    def renewal(self) -> Renewal:
        """The secret transform of this store: what is compared with stored templates is turned by it first.

        Ask for it anew each time: a rekey changes it together with all templates.
        """

    def secret(self, purpose: str) -> bytes:
        """Return 32 secret bytes for that purpose (keyed digests, chains); a rekey does not change them."""

    def put(self, template: Template, *, replace: bool = False) -> None:
        """Keep `template`, wholly or not at all.

        Raises:
            AlreadyEnrolled: the user is there and `replace` is False.
            StoreError: it cannot be written, or is of another model than those here.
        """

    def get(self, user_id: str) -> Template:
        """Return the template of `user_id`. Raises UnknownUser."""

    def delete(self, user_id: str) -> None:
        """Remove `user_id` for good, or raise UnknownUser."""

    def users(self) -> tuple[str, ...]:
        """Return all user ids, sorted."""

    def __len__(self) -> int:
        """Count the users."""

    def changes(self, after: Mark = START, *, limit: int = 1000) -> list[Change]:
        """Return users that were enrolled, replaced or touched after a mark, oldest change first.

        To follow a store, ask again with the last one's mark until nothing comes back, and whenever
        `revision` has changed. Who is gone is not among them: `len` tells that somebody is, `subjects` who is
        still there. Somebody who was changed twice comes once. A damaged row is left out and logged.

        Args:
            after: where to go on.
            limit: how many to return at most.
        """

    def subjects(self) -> frozenset[bytes]:
        """Return what all users are found by, as in `Mark.subject`."""

    def touch(self, user_id: str) -> None:
        """Count a user as changed, since something about him is that stands in a record.

        Raises:
            UnknownUser: nobody of that id is enrolled.
        """

    def revision(self) -> int:
        """Return a number that rises with every change of templates, whichever process made it."""

    def transaction(self, *, durable: bool = True, local: bool = False) -> AbstractContextManager[Records]:
        """Change several things as one: all is there afterwards, or, when the body raises, nothing.

        `put`, `delete` and `transaction` called by the same thread within it join it. No other process
        writes in the meantime, so what is read here may be changed and written back.

        Args:
            durable: wait until it is on the disk; otherwise a power cut may lose it (and what came after
                it), never damage the store.
            local: what is written concerns tries on this device. A store that several devices share may write
                it here and tell the others later; templates cannot be changed within.
        """

    def read_record(self, kind: str, subject: str) -> bytes | None:
        """Return one record, or None, without a transaction."""

    def records(self, kind: str) -> dict[str, bytes]:
        """Return all records of a kind: subject -> content."""

    def journal(self, kind: str, *, after: int = 0, limit: int | None = None) -> list[tuple[int, bytes]]:
        """Return a journal's entries with numbers above `after`, oldest first."""

    def close(self) -> None:
        """Let go of what it holds; closing twice is fine."""
