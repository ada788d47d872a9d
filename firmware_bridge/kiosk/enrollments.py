"""`Enrollments`: the conversations that are under way, each under a name that only its client knows."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from firmware_bridge.kiosk.refusal import Refusal, Refused
from sigverify.enrollment.enrollment import Enrollment
from sigverify.enrollment.receipt import EnrollmentReceipt

MAX_ENROLLMENTS: Final = 8
"""At one time: each holds the signatures offered so far."""
IDLE_S: Final = 600.0
"""One that is not continued for so long is dropped, with its signatures."""


@dataclass(kw_only=True, eq=False)
class _Conversation:
    enrollment: Enrollment
    used_at: float
    receipt: EnrollmentReceipt | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Enrollments:
    """Any thread may call any method; each conversation is used by one thread at a time."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Measure idle time by `clock`, in seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: dict[str, _Conversation] = {}
        self._receipts: OrderedDict[str, EnrollmentReceipt] = OrderedDict()

    def begin(self, enrollment: Enrollment) -> str:
        """Keep a conversation, and return its name.

        Raises:
            Refused: too many are under way.
        """
        with self._lock:
            self._drop_idle()
            if len(self._under_way) >= MAX_ENROLLMENTS:
                raise Refused(Refusal.TOO_MANY_ENROLLMENTS)
            name = secrets.token_urlsafe(12)
            self._under_way[name] = _Conversation(enrollment=enrollment, used_at=self._clock())
        return name

    @contextmanager
    def use(self, name: str) -> Iterator[Enrollment]:
        """Use a conversation, which nobody else can meanwhile.

        Raises:
            Refused: there is none of that name, or not any more.
        """
        with self._use(name) as conversation:
            yield conversation.enrollment

    @contextmanager
    def _use(self, name: str) -> Iterator[_Conversation]:
        with self._lock:
            self._drop_idle()
            conversation = self._under_way.get(name)
            if conversation is None:
                raise Refused(Refusal.NO_ENROLLMENT)
            conversation.used_at = self._clock()
        with conversation.lock:
            yield conversation

    def commit(self, name: str) -> EnrollmentReceipt:
        """Store a conversation's references and end it; called again, return the same receipt.

        Raises:
            Refused: there is none of that name, or not any more.
            EnrollmentError, AlreadyEnrolled, StoreError: as for `Enrollment.commit`; it goes on then.
        """
        with self._lock:
            if name in self._receipts:  # the answer was lost, and the page asks again
                return self._receipts[name]
        with self._use(name) as conversation:
            if conversation.receipt is None:  # else another request was first
                conversation.receipt = conversation.enrollment.commit()
                with self._lock:
                    self._receipts[name] = conversation.receipt
                    self._under_way.pop(name, None)
                    if len(self._receipts) > MAX_ENROLLMENTS:
                        self._receipts.popitem(last=False)
            return conversation.receipt

    def end(self, name: str) -> None:
        """Drop a conversation; one that is over is fine."""
        with self._lock:
            self._under_way.pop(name, None)

    def _drop_idle(self) -> None:
        since = self._clock() - IDLE_S
        self._under_way = {name: one for name, one in self._under_way.items() if one.used_at >= since}
