"""`Enrollments`: the conversations that are under way, each under a name that only its client knows."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from firmware_bridge.kiosk.refusal import Refused
from sigverify.enrollment.enrollment import Enrollment
from sigverify.enrollment.receipt import EnrollmentReceipt

MOST: Final = 8
"""At one time: each holds the signatures given so far."""
IDLE_S: Final = 600.0
"""One that nobody went on with for so long is dropped, with its signatures."""


@dataclass(kw_only=True, eq=False)
class _Conversation:
    enrollment: Enrollment
    used: float
    made: EnrollmentReceipt | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Enrollments:
    """Any thread may call any method; one conversation is had by one thread at a time."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with none."""
        self._clock = clock
        self._lock = threading.Lock()
        self._all: dict[str, _Conversation] = {}
        self._made: OrderedDict[str, EnrollmentReceipt] = OrderedDict()

    def begin(self, enrollment: Enrollment) -> str:
        """Keep a conversation, and return its name.

        Raises:
            Refused: too many are under way.
        """
        with self._lock:
            self._drop_idle()
            if len(self._all) >= MOST:
                raise Refused(503, "too many enrollments under way", hint="Finish or cancel one of them")
            name = secrets.token_urlsafe(12)
            self._all[name] = _Conversation(enrollment=enrollment, used=self._clock())
        return name

    @contextmanager
    def use(self, name: str) -> Iterator[Enrollment]:
        """Have a conversation for oneself.

        Raises:
            Refused: there is none of that name, or not any more.
        """
        with self._have(name) as conversation:
            yield conversation.enrollment

    @contextmanager
    def _have(self, name: str) -> Iterator[_Conversation]:
        with self._lock:
            self._drop_idle()
            conversation = self._all.get(name)
            if conversation is None:
                raise Refused(404, "no such enrollment is under way", hint="Begin again")
            conversation.used = self._clock()
        with conversation.lock:
            yield conversation

    def commit(self, name: str) -> EnrollmentReceipt:
        """Store a conversation's references and end it; asked again, say again what was made.

        Raises:
            Refused: there is none of that name, or not any more.
            EnrollmentError, AlreadyEnrolled, StoreError: as for `Enrollment.commit`; it goes on then.
        """
        with self._lock:
            if name in self._made:  # the answer was lost on its way
                return self._made[name]
        with self._have(name) as conversation:
            if conversation.made is None:  # else another request was first
                conversation.made = conversation.enrollment.commit()
                with self._lock:
                    self._made[name] = conversation.made
                    self._all.pop(name, None)
                    if len(self._made) > MOST:
                        self._made.popitem(last=False)
            return conversation.made

    def end(self, name: str) -> None:
        """Forget a conversation; one that is over is fine."""
        with self._lock:
            self._all.pop(name, None)

    def _drop_idle(self) -> None:
        since = self._clock() - IDLE_S
        self._all = {name: one for name, one in self._all.items() if one.used >= since}
