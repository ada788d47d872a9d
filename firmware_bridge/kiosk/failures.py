"""`Failures`: what went wrong with the device itself: its log is told, and `/api/health` shows it."""

import logging
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Self

from firmware_bridge.kiosk.refusal import is_about_device
from firmware_bridge.log_thinning import is_notable
from sigverify.errors import DamagedStore, SigverifyError, StoreError

_log = logging.getLogger(__name__)


class StoreFailing(StoreError):
    """The store could not be used when it last was to be written."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What whoever looks after the device is told of a request that failed.

    Attributes:
        name: the error's class.
        reason: what happened, with the names of files.
        of_store: it was the store as a whole, and not one person in it or a server elsewhere.
    """

    name: str
    reason: str
    of_store: bool

    @classmethod
    def of(cls, error: SigverifyError) -> Self | None:
        """Return what is behind an error; None: what was asked, or a failure that is noted already."""
        if not is_about_device(error) or isinstance(error, StoreFailing):
            return None
        name, of_store = type(error).__name__, type(error) in (StoreError, DamagedStore)
        return cls(name=name, reason=str(error), of_store=of_store)


class Failures:
    """Counts failures by the error's class; any thread may use it."""

    def __init__(self) -> None:
        """Begin without any."""
        self._counts = Counter[str]()
        self._of_store = 0
        self._over = 0
        """How many of these came before the store was last known to be written."""
        self._lock = threading.Lock()

    def note(self, failure: Failure | None) -> None:
        """Log a failure, but not each of many: whoever asks can repeat it."""
        if failure is None:
            return
        with self._lock:
            self._counts[failure.name] += 1
            count = self._counts[failure.name]
            self._of_store += failure.of_store
        if is_notable(count):
            _log.error("a request failed: %s: %s (%d so far)", failure.name, failure.reason, count)

    def of_store(self) -> int:
        """Return how many failures of the store there were; 0: it is known to have been written since."""
        with self._lock:
            return self._of_store if self._of_store > self._over else 0

    def note_written(self, after: int) -> None:
        """Note that the store was written after that many failures of it: later ones are not over."""
        with self._lock:
            self._over = max(self._over, after)

    def check(self) -> None:
        """Refuse to call the device healthy between a failure of the store and the next time it is written.

        Raises:
            StoreFailing: so it is.
        """
        if self.of_store():
            raise StoreFailing("the store failed")
