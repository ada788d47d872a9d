"""`Refusals`: what strangers were refused, for the audit log, without letting them fill it.

A wrong token, or a question that is not for whoever asks it, costs nothing to repeat. So of each kind the
1st, 2nd, 4th … within an hour is an entry, with how many there were so far: some twenty an hour whatever
comes, and who begins an hour later is seen anew.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from firmware_bridge.log_thinning import is_notable
from sigverify.actor import Actor, acting
from sigverify.audit import AuditLog, Event, Value
from sigverify.errors import StoreError
from sigverify.store import Store

_log = logging.getLogger(__name__)

_WINDOW_S: Final = 3600.0


class Refusals:
    """Counts refusals of each kind: there are as many as events and capabilities. Threads may share it.

    >>> refusals = Refusals(clock=lambda: 0.0)
    >>> [refusals.count(Event.TOKEN_REFUSED) for _ in range(5)]
    [1, 2, 0, 4, 0]
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Measure hours by `clock`, in seconds."""
        self._clock = clock
        self._since = clock()
        self._counts = Counter[tuple[str, str]]()
        self._lock = threading.Lock()

    def count(self, event: Event, what: str = "") -> int:
        """Count a refusal; return how many there were in this hour if that belongs into the log, else 0."""
        with self._lock:
            now = self._clock()
            if now - self._since >= _WINDOW_S:
                self._since = now
                self._counts.clear()
            self._counts[event, what] += 1
            count = self._counts[event, what]
        return count if is_notable(count) else 0


def log_refusal(store: Store, event: Event, actor: Actor, **detail: Value) -> None:
    """Tell the audit log what somebody was refused; where it cannot be written the refusal stands still."""
    try:
        with acting(actor), store.transaction(durable=False, local=True) as records:
            AuditLog(store).append(records, event, "", **detail)
    except StoreError as error:
        _log.warning("a refusal is not in the audit log: %s", error)
