"""`Operators`: who has shown the operator's code, and until when they are operators."""

import hashlib
import math
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from firmware_bridge.capability import ALL, Capability, Grant
from firmware_bridge.kiosk.refusal import Refusal, Refused
from firmware_bridge.kiosk.settings import find
from sigverify.actor import Actor, ActorKind, acting, current_actor
from sigverify.audit import AuditLog, Event
from sigverify.policy.clock import Instant
from sigverify.policy.lockout import CODES, DEVICE, Lockout, Schedule
from sigverify.store import Store

IDLE_S: Final = 600.0
"""A session that is not used for so long ends: people walk away from kiosks."""
MAX_SESSIONS: Final = 8
"""Of operators at one time; one more ends the session that has been idle longest."""
GUESSES: Final = Schedule(tries=5, first_s=30.0, longest_s=300.0, trust_wall=False)
"""Five wrong codes, then waits of up to five minutes; after a hundred in a row `sigverify unlock` on the
device is needed. That is a hundred guesses at 100 million codes. Kept in the store, over a restart."""


class Operators:
    """Sessions of operators; any thread may call any method."""

    def __init__(
        self,
        store: Store,
        grants: Sequence[Grant[str]],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], Instant] = Instant.now,
    ) -> None:
        """Make operators of who knows a code of these; none: everybody is an operator, without a session."""
        self._store = store
        self._audit = AuditLog(store)
        self._grants = tuple(grants)
        self._clock = clock
        self._lockout = Lockout(GUESSES, kind=CODES, now=now)
        self._used_at: dict[str, float] = {}
        self._whose: dict[str, Grant[str]] = {}
        self._lock = threading.Lock()

    @property
    def open_to_all(self) -> bool:
        """Whether everybody is an operator."""
        return not self._grants

    def sign_in(self, code: str) -> str:
        """Return a new session's name, which is a secret.

        Raises:
            Refused: not the code, or too many wrong ones lately.
        """
        if self.open_to_all:
            raise Refused(Refusal.NO_CODE)
        grant = find(self._grants, code)
        session = secrets.token_urlsafe(24)
        with self._store.transaction(local=True) as records:
            wait_s = self._lockout.remaining_s(records, DEVICE)
            if wait_s <= 0:
                if grant is not None:
                    self._lockout.clear(records, DEVICE)
                else:
                    self._lockout.failed(records, DEVICE)
                with acting(current_actor() if grant is None else operator(grant.name, session)):
                    self._audit.append(records, Event.WRONG_CODE if grant is None else Event.SIGNED_IN)
        if math.isinf(wait_s):
            raise Refused(Refusal.CODES_BLOCKED)
        if wait_s > 0:
            raise Refused(Refusal.TOO_MANY_CODES, retry_after_s=wait_s)
        if grant is None:
            raise Refused(Refusal.WRONG_CODE)
        self._begin(session, grant)
        return session

    def sign_out(self, session: str | None) -> None:
        """End a session; one that is over is fine."""
        with self._lock:
            self._used_at.pop(session or "", None)
            grant = self._whose.pop(session or "", None)
        if grant is not None and session is not None:
            with acting(operator(grant.name, session)), self._store.transaction(local=True) as records:
                self._audit.append(records, Event.SIGNED_OUT)

    def has(self, session: str | None) -> bool:
        """Whether this session is an operator's, and note that it is in use."""
        if self.open_to_all:
            return True
        with self._lock:
            self._drop_idle()
            if session is None or session not in self._used_at:
                return False
            self._used_at[session] = self._clock()
            return True

    def may(self, session: str | None) -> frozenset[Capability]:
        """Return what the operator of this session is allowed, nothing where it is none."""
        if self.open_to_all:
            return ALL
        grant = self._grant(session)
        return frozenset() if grant is None else grant.may

    def actor(self, session: str | None) -> Actor | None:
        """Return the operator of this session for the log; None: it is none's."""
        grant = self._grant(session)
        return None if grant is None or session is None else operator(grant.name, session)

    def _grant(self, session: str | None) -> Grant[str] | None:
        with self._lock:
            self._drop_idle()
            return self._whose.get(session or "")

    def _begin(self, session: str, grant: Grant[str]) -> None:
        with self._lock:
            self._drop_idle()
            if len(self._used_at) >= MAX_SESSIONS:
                del self._used_at[min(self._used_at, key=self._used_at.__getitem__)]
            self._used_at[session] = self._clock()
            self._whose[session] = grant
            self._drop_idle()

    def _drop_idle(self) -> None:
        since = self._clock() - IDLE_S
        self._used_at = {session: used_at for session, used_at in self._used_at.items() if used_at >= since}
        self._whose = {session: grant for session, grant in self._whose.items() if session in self._used_at}


def operator(name: str, session: str) -> Actor:
    """Return the actor of an operator's session, of which a digest is told: what it is called is a secret."""
    digest = hashlib.sha256(session.encode()).hexdigest()[:8]
    return Actor(ActorKind.OPERATOR, f"{name}, session {digest}")
