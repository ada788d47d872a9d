"""`Operators`: who has shown the operator's code, and until when they are operators."""

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from typing import Final

from firmware_bridge.kiosk.refusal import Refusal, Refused
from sigverify.policy.clock import Instant
from sigverify.policy.lockout import DEVICE, Lockout, Schedule
from sigverify.store import Store

IDLE_S: Final = 600.0
"""A session that is not used for so long ends: people walk away from kiosks."""
MAX_SESSIONS: Final = 8
"""Of operators at one time; one more ends the session that has been idle longest."""
KIND: Final = "lockout-kiosk"
"""Of the store's record of wrong codes, which is kept over a restart."""
GUESSES: Final = Schedule(tries=5, first_s=30.0, longest_s=300.0, trust_wall=False)
"""Five wrong codes, then waits of up to five minutes: some 300 guesses a day at 100 million codes."""


class Operators:
    """Sessions of operators; any thread may call any method."""

    def __init__(
        self,
        store: Store,
        code: str | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], Instant] = Instant.now,
    ) -> None:
        """Make operators by `code`; None: everybody is an operator, without a session."""
        self._store = store
        self._code = code
        self._clock = clock
        self._lockout = Lockout(GUESSES, kind=KIND, now=now)
        self._used_at: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def open_to_all(self) -> bool:
        """Whether everybody is an operator."""
        return self._code is None

    def sign_in(self, code: str) -> str:
        """Return a new session's name, which is a secret.

        Raises:
            Refused: not the code, or too many wrong ones lately.
        """
        if self._code is None:
            raise Refused(Refusal.NO_CODE)
        right = hmac.compare_digest(code.encode(), self._code.encode())
        with self._store.transaction(local=True) as records:
            wait_s = self._lockout.remaining_s(records, DEVICE)
            if wait_s <= 0:
                if right:
                    self._lockout.clear(records, DEVICE)
                else:
                    self._lockout.failed(records, DEVICE)
        if wait_s > 0:
            raise Refused(Refusal.TOO_MANY_CODES, retry_after_s=wait_s)
        if not right:
            raise Refused(Refusal.WRONG_CODE)
        return self._begin()

    def sign_out(self, session: str | None) -> None:
        """End a session; one that is over is fine."""
        with self._lock:
            self._used_at.pop(session or "", None)

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

    def _begin(self) -> str:
        session = secrets.token_urlsafe(24)
        with self._lock:
            self._drop_idle()
            if len(self._used_at) >= MAX_SESSIONS:
                del self._used_at[min(self._used_at, key=self._used_at.__getitem__)]
            self._used_at[session] = self._clock()
        return session

    def _drop_idle(self) -> None:
        since = self._clock() - IDLE_S
        self._used_at = {session: used_at for session, used_at in self._used_at.items() if used_at >= since}
