"""`Challenges`: random numbers that a signed capture has to answer, each good once and not for long."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

NONCE_BYTES: Final = 16
"""128 random bits, so that none ever comes twice."""
MOST: Final = 8
"""That wait for an answer at once: the oldest goes. A pen asks for one a capture."""
LIFE_S: Final = 120.0
"""A signature takes seconds; where somebody hesitates, the pen asks for another."""


class Challenges:
    """The challenges of one line. Any thread may call any method."""

    def __init__(
        self,
        *,
        life_s: float = LIFE_S,
        now: Callable[[], float] = time.monotonic,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """Give challenges that are good for `life_s` seconds."""
        self.life_s = life_s
        self._now = now
        self._random = random
        self._lock = threading.Lock()
        self._given: OrderedDict[bytes, float] = OrderedDict()

    def give(self) -> bytes:
        """Return another one; where too many wait, the oldest is good no more."""
        nonce = self._random(NONCE_BYTES)
        with self._lock:
            self._given[nonce] = self._now() + self.life_s
            while len(self._given) > MOST:
                self._given.popitem(last=False)
        return nonce

    def take(self, nonce: bytes) -> bool:
        """Whether this one was given here, not long ago; it is good no more."""
        with self._lock:
            until = self._given.pop(nonce, None)
        return until is not None and self._now() < until
