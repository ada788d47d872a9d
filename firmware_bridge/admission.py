"""`Admission`: what strangers may take of one front door: connections, time, bytes, questions, log lines.

The daemon, its metrics and the kiosk's page have one each. A connection that is let in is a `Visit`. Where
there is no room, the visit that has kept the door waiting longest without a whole question gives way: who
only holds connections open keeps nobody out.
"""

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from firmware_bridge.log_thinning import is_notable
from sigverify.errors import ConfigError

_log = logging.getLogger(__name__)

NOBODY: Final = "?"
"""The peer where nothing says who it is."""
_MAX_PEERS: Final = 1024
"""Peers whose questions are remembered; the one that asked longest ago is forgotten for another."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What strangers may take. Each peer may take three quarters of it, so that one leaves room for others.

    Attributes:
        connections: at once.
        head_s: seconds until a first question has begun to make sense (a request's head, a handshake).
        sending_s: seconds that the sending of anything may take, however little it is.
        least_rate: bytes a second that what takes longer must come with.
        held_bytes: of what is coming, and what is being worked on, of all at once.
        questions_a_second: of each peer, in the long run, and of all four times as many; None: no limit.
        questions_at_once: of each peer, after a pause.

    Raises:
        ConfigError: a number is not positive.
    """

    connections: int = 64
    head_s: float = 5.0
    sending_s: float = 10.0
    least_rate: float = 65_536.0
    held_bytes: int = 16 * 2**20
    questions_a_second: float | None = 20.0
    questions_at_once: int = 200

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not all(value is None or value > 0 for value in vars(self).values()):
            raise ConfigError("bounds out of range", expected="positive numbers", received=repr(self))

    def share(self, of: int) -> int:
        """Return what one peer may take of so many.

        >>> [Bounds().share(each) for each in (1, 2, 8, 64)]
        [1, 2, 6, 48]
        """
        return of - of // 4

    def due_s(self, received: int) -> float:
        """Return how long sending may have taken by the time that so many bytes came.

        >>> Bounds(sending_s=10, least_rate=1000).due_s(5000)
        15.0
        """
        return self.sending_s + received / self.least_rate


class Visit:
    """One connection that was let in.

    Attributes:
        peer: who; connections of one peer share what it may take.
        waiting: nothing whole was asked yet: it may have to give way.
    """

    def __init__(self, peer: str, close: Callable[[], None], since: float) -> None:
        self.peer = peer
        self.waiting = True
        self.close = close
        self.since = since
        self.held = 0


class Admission:
    """Counts the visits at one door. All is called from one thread, that of the event loop.

    >>> admission = Admission(Bounds(connections=1))
    >>> first = admission.enter("a", lambda: print("gives way"))
    >>> second = admission.enter("b", lambda: None)
    gives way
    >>> second.waiting = False
    >>> admission.enter("c", lambda: None) is None
    True
    """

    def __init__(self, bounds: Bounds | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Apply `bounds`; `clock` tells the time in seconds."""
        self.bounds = bounds or Bounds()
        self._clock = clock
        self._visits: dict[int, Visit] = {}
        self._asked: OrderedDict[str, _Bucket] = OrderedDict()
        self._asked_by_all = _Bucket()
        self._noted = Counter[str]()

    @property
    def visits(self) -> int:
        """How many there are now."""
        return len(self._visits)

    def enter(self, peer: str, close: Callable[[], None]) -> Visit | None:
        """Let a connection in, until `leave`; None: there is no room, and nobody gives way.

        `close` is called, once, where this visit has to give way to another; it has left then.
        """
        bounds = self.bounds
        of_peer = [visit for visit in self._visits.values() if visit.peer == peer]
        if len(of_peer) >= bounds.share(bounds.connections) and not self._give_way(of_peer):
            return None
        if len(self._visits) >= bounds.connections and not self._give_way(list(self._visits.values())):
            return None
        visit = Visit(peer, close, self._clock())
        self._visits[id(visit)] = visit
        return visit

    def leave(self, visit: Visit) -> None:
        """Forget a visit; one that gave way is gone already."""
        self._visits.pop(id(visit), None)

    @contextmanager
    def holding(self, visit: Visit, size: int) -> Iterator[bool]:
        """Hold so many bytes for a visit; False: there is no room for them.

        What others have announced and not sent yet gives way, the longest waiting first.
        """
        bounds = self.bounds
        room = self._make_room(visit, size, bounds.share(bounds.held_bytes), visit.peer)
        room = room and self._make_room(visit, size, bounds.held_bytes)
        held = size if room else 0
        visit.held += held
        try:
            yield room
        finally:
            visit.held -= held

    def wait_s(self, peer: str, cost: float = 1.0) -> float:
        """Count a question of that peer; where it asked too much, return the seconds to wait instead.

        `cost` is less than 1 of what is only a part of a question, such as a file of a page.
        """
        rate, now = self.bounds.questions_a_second, self._clock()
        if rate is None:
            return 0.0
        bucket = self._asked.setdefault(peer, _Bucket())
        self._asked.move_to_end(peer)
        if len(self._asked) > _MAX_PEERS:
            self._asked.popitem(last=False)
        most = float(self.bounds.questions_at_once)
        wait_s = max(
            bucket.wait_s(now, rate, most, cost), self._asked_by_all.wait_s(now, 4 * rate, 4 * most, cost)
        )
        if wait_s <= 0:
            bucket.take(cost)
            self._asked_by_all.take(cost)
        return wait_s

    def note(self, what: str) -> None:
        """Log what strangers can repeat: the 1st, 2nd, 4th … time."""
        self._noted[what] += 1
        if is_notable(self._noted[what]):
            _log.warning("%s (%d so far)", what, self._noted[what])

    def _make_room(self, visit: Visit, size: int, most: int, peer: str | None = None) -> bool:
        """Whether so many bytes have room among those of one peer, or of all."""
        while True:
            holding = [each for each in self._visits.values() if each.held and peer in (None, each.peer)]
            if sum(each.held for each in holding) + size <= most:
                return True
            if size > most or not self._give_way([each for each in holding if each is not visit]):
                return False

    def _give_way(self, visits: list[Visit]) -> bool:
        """Close the visit that has been waiting longest; False: there is none."""
        oldest = min((each for each in visits if each.waiting), key=lambda visit: visit.since, default=None)
        if oldest is None:
            return False
        self.leave(oldest)
        self.note("a connection that asked nothing gave way to another")
        oldest.close()
        return True


class _Bucket:
    """Questions asked lately, of which some are forgotten every second (a leaky bucket)."""

    def __init__(self) -> None:
        self._level = 0.0
        self._at = 0.0

    def wait_s(self, now: float, rate: float, most: float, cost: float) -> float:
        self._level = max(0.0, self._level - rate * (now - self._at))
        self._at = now
        return max(0.0, (self._level + cost - most) / rate)

    def take(self, cost: float) -> None:
        self._level += cost
