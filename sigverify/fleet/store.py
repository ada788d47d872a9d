"""`FleetStore`: references that many kiosks share, with a copy in each that outlives an outage.

======================  =====================================================================================
what                    where
======================  =====================================================================================
reading                 the cache alone: as fast as a file, and while the server is away
trying (`local=True`)   written in the cache, uploaded afterwards; see `merging`
enrolling, forgetting,  one transaction of the server, then read into the cache; `StoreUnreachable` while the
groups, unlocking       server is away
======================  =====================================================================================

A thread asks the server every `poll_s` seconds whether something changed. No notification: polling one row
takes 0.3 ms, needs no second connection, and works through a pooler.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final, Self, TypeVar

from sigverify.errors import (
    DamagedStore,
    KeyUnavailable,
    StaleCache,
    StoreError,
    StoreUnreachable,
    UnknownUser,
)
from sigverify.fleet.cache import Cache
from sigverify.fleet.change import FleetChange, Going
from sigverify.fleet.sync import Level, synchronize
from sigverify.forking import OwnLock
from sigverify.policy.clock import Instant
from sigverify.protection.keys import Key, default_path
from sigverify.protection.renewal import Renewal
from sigverify.store import MEMORY, START, Change, Erasure, Mark, Prepared, SqliteStore, State
from sigverify.store.counter import Counter
from sigverify.store.postgres import PostgresStore
from sigverify.store.sealed import SealedRecords
from sigverify.store.transaction import Transaction
from sigverify.template import Template

Found = TypeVar("Found")
DAY_S: Final = 86_400.0

_WRITE_DOWN_S: Final = 60.0
"""How often the moment of the last contact is written down: at every poll it would wear out a memory card."""
_LONGEST_PAUSE_S: Final = 30.0
"""Between two tries to reach a server that is away; pauses begin at 1 s and double."""

_log = logging.getLogger(__name__)


class FleetStore:
    """Implements `Store`; see the top of this file. Threads may share it, and processes one cache."""

    def __init__(
        self,
        url: str,
        *,
        key: Key | None,
        cache: str | Path | None = None,
        create: bool = True,
        max_staleness_s: float = DAY_S,
        poll_s: float | None = 2.0,
        timeout_s: float = 5.0,
        counter: Counter | None = None,
    ) -> None:
        """Open the cache and bring it up to date; go on without the server where the cache is complete.

        Args:
            url: of the server; see `PostgresStore`.
            key: of the fleet.
            cache: the file of the local copy; None: one in the user's state directory, `MEMORY`: none that
                outlives the process.
            create: make the tables on the server where there are none; otherwise that is an error.
            max_staleness_s: how long to go on without having heard from the server. Somebody who was
                forgotten there may be accepted here for so long.
            poll_s: seconds between two questions whether something changed; None: only `synchronize` asks.
            timeout_s: how long to wait for the server.
            counter: counts the states of the copy outside of it, see `SqliteStore`.

        Raises:
            KeyUnavailable: no key given.
            WrongKey: server or cache are sealed with another key.
            StoreUnreachable: no server, and no complete cache.
            StoreError: what else is wrong with either.
        """
        if key is None:
            raise KeyUnavailable(
                "a fleet needs a key of its own",
                expected="the one key that all its kiosks have",
                hint="Make one (sigverify store keygen), bring it to every kiosk, and name it (--key)",
            )
        self._url, self._key, self._create, self._timeout_s = url, key, create, timeout_s
        self._max_staleness_s = max_staleness_s
        self._server: PostgresStore | None = None
        self._syncing = OwnLock("the fleet's store")
        self._ended = threading.Event()
        self._going = Going()
        self._level: Level | None = None
        self._pause_s, self._quiet_until_s = 0.0, 0.0
        self._refused: DamagedStore | None = None
        self.path = default_cache(url) if cache is None else str(cache)
        self._cache = Cache(SqliteStore(self.path, key=key, counter=counter))
        try:
            self._contact = self._cache.contact()
            self._written = self._contact
            self._begin()
        except BaseException:
            self._close_both()
            raise
        self._follower = threading.Thread(target=self._follow, args=(poll_s,), name="fleet", daemon=True)
        if poll_s is not None:
            self._follower.start()

    def __enter__(self) -> Self:
        """Return this store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def models(self) -> dict[str, str]:
        """Return the model of each modality; see `Store.models`."""
        return self._here().models()

    @property
    def renewal(self) -> Renewal:
        """The transform that stored templates are turned by; see `Store.renewal`."""
        return self._here().renewal

    @property
    def staleness_s(self) -> float:
        """Seconds since the server was last heard; infinite where it never was."""
        return float("inf") if self._contact is None else Instant.now().since(self._contact)

    @property
    def kiosk(self) -> str:
        """The name under which the server keeps the audit log of this kiosk; see `journal_of`."""
        return self._cache.kiosk()

    def secret(self, purpose: str) -> bytes:
        """Return 32 secret bytes for that purpose, the same on every kiosk; see `Store.secret`."""
        return self._cache.store.secret(purpose)

    def put(self, template: Template, *, replace: bool = False) -> None:
        """Keep `template` on the server; see `Store.put`."""
        with self.transaction():
            self._reached().put(template, replace=replace)

    def get(self, user_id: str, modality: str) -> Template:
        """Return the template of `user_id` of that modality; see `Store.get`.

        Raises:
            StaleCache: the server was not heard for too long.
        """
        return self._find(lambda store: store.get(user_id, modality))

    def modalities(self, user_id: str) -> tuple[str, ...]:
        """Return by which modalities `user_id` is enrolled; see `Store.modalities`."""
        return self._find(lambda store: store.modalities(user_id))

    def delete(self, user_id: str) -> None:
        """Remove `user_id` on the server, and here; see `Store.delete`."""
        with self.transaction():
            self._reached().delete(user_id)

    def users(self, modality: str | None = None) -> tuple[str, ...]:
        """Return the ids of all users, or of those enrolled by that modality, sorted."""
        return self._whole().users(modality)

    def page(self, after: str = "", *, limit: int = 1000) -> tuple[str, ...]:
        """Return the next user ids after that one; see `Store.page`."""
        return self._whole().page(after, limit=limit)

    def __len__(self) -> int:
        """Count the users."""
        return len(self._whole())

    def count(self, modality: str) -> int:
        """Count the users enrolled by that modality."""
        return self._whole().count(modality)

    def changes(self, modality: str, after: Mark = START, *, limit: int = 1000) -> list[Change]:
        """Return who was enrolled, replaced or touched; see `Store.changes`."""
        return self._whole().changes(modality, after, limit=limit)

    def prepared(self, modality: str) -> Prepared | None:
        """Return everybody of a modality as the gallery of the copy has them; see `Store.prepared`."""
        return self._whole().prepared(modality)

    def subjects(self, modality: str) -> frozenset[bytes]:
        """Return what users are found by; see `Store.subjects`."""
        return self._whole().subjects(modality)

    def touch(self, user_id: str) -> None:
        """Count a user as changed; see `Store.touch`."""
        with self.transaction():
            self._reached().touch(user_id)

    def revision(self) -> int:
        """Return a number that rises with every change that has come here."""
        return self._whole().revision()

    def transaction(self, *, durable: bool = True, local: bool = False) -> FleetChange:
        """Change several things as one: on the server, or where `local`, here; see `Store.transaction`.

        Raises:
            StoreUnreachable: the server is away, and this is not `local`. Nothing is changed.
        """
        if local:
            here = self._cache.store
            return FleetChange(self._going, lambda: here.transaction(durable=durable, local=True), local=True)
        return FleetChange(
            self._going,
            lambda: self._begin_on_server(durable=durable),
            local=False,
            after=lambda: self._try_to_synchronize(at_once=True),
        )

    def erasure(self) -> Erasure:
        """Say that a server keeps what was deleted; see `Store.erasure`."""
        return Erasure.SERVER

    def read_record(self, kind: str, subject: str) -> bytes | None:
        """Return one record; see `Store.read_record`."""
        return self._here().read_record(kind, subject)

    def records(self, kind: str) -> dict[str, bytes]:
        """Return all records of a kind; see `Store.records`."""
        return self._here().records(kind)

    def journal(self, kind: str, *, after: int = 0, limit: int | None = None) -> list[tuple[int, bytes]]:
        """Return the entries of a journal of this kiosk; see `Store.journal`."""
        return self._here().journal(kind, after=after, limit=limit)

    def state(self, kind: str, subject: str) -> State | None:
        """Return what names the rows of this kiosk's copy; see `Store.state`."""
        return self._here().state(kind, subject)

    def synchronize(self) -> None:
        """Upload what was noted here, and read what changed on the server.

        Raises:
            StoreUnreachable: the server is away.
            StoreError: what else is wrong.
        """
        # The file's own end of `with` is one step for the interpreter: nothing is raised in the midst of it.
        with self._syncing.hold(), self._alone() as file:
            if file is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            now = Instant.now()
            try:
                self._level = synchronize(
                    self._reached(), self._cache, now, self._level if self._is_complete() else None
                )
            except StoreUnreachable:
                self._pause_s = min(_LONGEST_PAUSE_S, max(1.0, 2 * self._pause_s))
                self._quiet_until_s = time.monotonic() + self._pause_s
                raise
            except DamagedStore as error:
                # What was taken over before goes on; where some of it is not as it was written, nothing does.
                self._refused = None if self._is_complete() else error
                raise
            self._refused = None
            self._pause_s = self._quiet_until_s = 0.0
            self._note_contact(now)

    def close(self) -> None:
        """Upload what is left, if the server is there, and close; closing twice is fine."""
        if self._ended.is_set() or not self._syncing.is_own():
            return
        self._ended.set()
        if self._follower.is_alive():
            self._follower.join()
        self._try_to_synchronize()
        if self._contact is not None and self._contact != self._written:
            with contextlib.suppress(StoreError):
                self._cache.note_contact(self._contact)
        self._close_both()

    def _close_both(self) -> None:
        if self._server is not None:
            self._server.close()
        self._cache.store.close()

    def _begin(self) -> None:
        try:
            self.synchronize()
        except StoreUnreachable:
            if not self._is_complete():
                raise
            _log.warning("the fleet's server is away; going on with the cache")

    def _reached(self) -> PostgresStore:
        """Return the server's store; connect where that has not been done yet."""
        if self._server is None:
            self._server = PostgresStore(
                self._url, key=self._key, create=self._create, timeout_s=self._timeout_s
            )
        return self._server

    def _here(self) -> SqliteStore | PostgresStore:
        """Return where this thread reads: the server within a transaction there, otherwise the cache."""
        return self._reached() if self._is_within() else self._cache.store

    def _whole(self) -> SqliteStore | PostgresStore:
        """Return where this thread reads, if all people are there."""
        if not self._is_within():
            self._check_age()
            if not self._is_complete():
                raise StaleCache(
                    "the copy of the fleet's store is not complete yet", hint="Try again in a moment"
                )
        return self._here()

    def _find(self, question: Callable[[SqliteStore | PostgresStore], Found]) -> Found:
        """Ask about one user: the copy, and where it is not complete and does not know them, the server."""
        if self._is_within():
            return question(self._reached())
        self._check_age()
        try:
            return question(self._cache.store)
        except UnknownUser:
            if self._is_complete():
                raise
        return question(self._reached())

    def _is_complete(self) -> bool:
        """Whether the copy has everybody; another process on this kiosk may just be reading it anew."""
        return self._cache.progress().complete

    def _is_within(self) -> bool:
        """Whether this thread is in a transaction of the server."""
        on = self._going.on()
        return on is not None and not on.is_local

    def _begin_on_server(self, *, durable: bool) -> Transaction[SealedRecords]:
        self.synchronize()
        return self._reached().transaction(durable=durable)

    def _check_age(self) -> None:
        """Refuse to decide by a copy that is too old, unless the server answers now, or is not sound."""
        if self._refused is not None:
            raise DamagedStore(
                "rows of the fleet's server are not those that were written there",
                received=str(self._refused),
                hint="Nothing is decided until they are: sigverify store check --store postgresql://…",
            )
        if self.staleness_s <= self._max_staleness_s:
            return
        self._try_to_synchronize()
        if self.staleness_s > self._max_staleness_s:
            raise StaleCache(
                "the fleet's server was not heard for too long",
                expected=f"at most {self._max_staleness_s:g} s",
                received=f"{self.staleness_s:.0f} s",
                hint="Somebody may have been revoked since: bring the server back, or allow more",
            )

    def _try_to_synchronize(self, *, at_once: bool = False) -> None:
        """Synchronize, unless the server was away a moment ago; what goes wrong is logged."""
        if not at_once and time.monotonic() < self._quiet_until_s:
            return
        try:
            self.synchronize()
        except StoreError as error:
            _log.warning("this kiosk could not synchronize with the fleet's server: %s", error)

    def _follow(self, poll_s: float) -> None:
        while not self._ended.wait(poll_s):
            try:
                self._try_to_synchronize()
            except Exception:  # noqa: BLE001, nothing above this thread would see it
                _log.exception("following the fleet's server failed; it is tried again")

    def _note_contact(self, now: Instant) -> None:
        self._contact = now
        if self._written is None or now.since(self._written) >= _WRITE_DOWN_S:
            self._cache.note_contact(now)
            self._written = now

    def _alone(self) -> contextlib.AbstractContextManager[IO[bytes] | None]:
        """Return the file whose lock says which process synchronizes this cache."""
        if self.path == MEMORY:
            return contextlib.nullcontext()
        # Only its owner may open it: who else locked it would keep this kiosk from synchronizing.
        return os.fdopen(os.open(f"{self.path}-sync", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def default_cache(url: str) -> str:
    """Return the file of the copy of that server's store, in the user's state directory."""
    folder = default_path().parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(folder / f"fleet-{hashlib.sha256(url.encode()).hexdigest()[:16]}.db")
