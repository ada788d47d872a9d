"""`Lockout`: after too many failed tries, everybody waits, each time longer, and in the end for a person.

What is kept of a user or of the device is a record of kind "lockout"::

    2 version · 4 failures since the last accept (float32) · 8 seconds to wait (float64)
    8 seconds since boot, 8 seconds since 1970 of the last failure (float64) · boot id, UTF-8
"""

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sigverify.errors import ConfigError, StoreError
from sigverify.policy.clock import Instant

if TYPE_CHECKING:
    from sigverify.store import Records

KIND: Final = "lockout"
CODES: Final = "lockout-kiosk"
"""Of the record of wrong operator's codes at the kiosk's page."""
DEVICE: Final = ""
"""The subject of the device's own record: no user has an empty id."""

_VERSION: Final = 1
_FORM: Final = struct.Struct("<Hfddd")
_MAX_PATIENCE: Final = 2**20
"""Far below 2^24, up to which a float32 counts by ones."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How many tries may fail, and how long to wait then.

    Attributes:
        tries: failures in a row of which the last is the first to cost time.
        first_s: the wait after that one.
        factor: each further failure makes the wait this many times longer.
        longest_s: but never longer than this.
        forget_s: seconds after which one failure is forgotten; infinite: only an acceptance clears them.
        patience: failures in a row after which no wait helps, and an operator has to unlock; None: never.
        trust_wall: across a restart believe the wall clock; otherwise only the time since the start counts.

    Raises:
        ConfigError: a number is out of range.
    """

    tries: int = 5
    first_s: float = 30.0
    factor: float = 2.0
    longest_s: float = 86_400.0
    forget_s: float = math.inf
    patience: int | None = 100
    trust_wall: bool = True

    def __post_init__(self) -> None:
        """Check the numbers."""
        usable = (
            self.tries >= 1 and 0 < self.first_s <= self.longest_s < math.inf
            and 1 <= self.factor <= 10 and self.forget_s > 0
            and (self.patience is None or self.tries <= self.patience <= _MAX_PATIENCE)
        )  # fmt: skip
        if not usable:
            raise ConfigError(
                "lock-out schedule out of range",
                expected="tries of at least 1, a factor of 1 to 10, 0 < first_s <= longest_s, forget_s > 0, "
                f"a patience of tries to {_MAX_PATIENCE}",
                received=repr(self),
            )

    def wait_s(self, failures: float) -> float:
        """Seconds to wait after that many failures in a row.

        >>> [Schedule().wait_s(count) for count in (4, 5, 6, 7, 40)]
        [0.0, 30.0, 60.0, 120.0, 86400.0]
        """
        if failures < self.tries:
            return 0.0
        longer = self.factor ** min(64, math.floor(failures - self.tries))
        return min(self.longest_s, self.first_s * longer)

    def blocks(self, failures: float) -> bool:
        """Whether that many failures in a row are for an operator to look at.

        >>> [Schedule().blocks(count) for count in (99, 100)]
        [False, True]
        """
        return self.patience is not None and failures >= self.patience


PER_USER: Final = Schedule()
"""Five failures in a row, then 30 s, 60 s …; after a hundred an operator has to unlock. Source: NIST SP
800-63B, 2017, section 5.2.3, on biometrics, and section 5.2.2: at most 100 consecutive failed attempts."""

PER_DEVICE: Final = Schedule(tries=30, longest_s=900.0, forget_s=60.0, patience=None)
"""For who tries many names: a failure a minute is forgotten, whatever was accepted in between."""


@dataclass(frozen=True, kw_only=True)
class Tries:
    """Failed tries of one subject: how many, how long to wait since the last, and when that was."""

    failures: float
    wait_s: float
    last: Instant

    def to_bytes(self) -> bytes:
        """Pack as described at the top of this file."""
        moment = self.last
        packed = _FORM.pack(_VERSION, self.failures, self.wait_s, moment.boot_s, moment.wall_s)
        return packed + moment.boot.encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Tries":
        """Unpack.

        Raises:
            StoreError: not what `to_bytes` wrote. A damaged record never reads as "no failures".
        """
        try:
            version, failures, wait_s, boot_s, wall_s = _FORM.unpack_from(content)
            boot = content[_FORM.size :].decode()
            if version != _VERSION or not all(map(math.isfinite, (failures, wait_s, boot_s, wall_s))):
                raise ValueError("another version")
        except (struct.error, ValueError) as error:
            raise StoreError(
                "a record of failed tries is damaged", hint="Unlock the user, or the device"
            ) from error
        return cls(failures=failures, wait_s=wait_s, last=Instant(boot=boot, boot_s=boot_s, wall_s=wall_s))


class Lockout:
    """Counts failed tries and says how long to wait. All methods work within a transaction of the store."""

    def __init__(
        self, schedule: Schedule, *, kind: str = KIND, now: Callable[[], Instant] = Instant.now
    ) -> None:
        """Follow `schedule`; `now` tells the time."""
        self.schedule = schedule
        self._kind = kind
        self._now = now

    def remaining_s(self, records: "Records", subject: str) -> float:
        """Seconds until `subject` may try again; 0: now, infinite: once an operator has unlocked."""
        tries = self._read(records, subject)
        if tries is None:
            return 0.0
        if self.schedule.blocks(tries.failures):
            return math.inf
        return max(0.0, tries.wait_s - self._since(tries))

    def failed(self, records: "Records", subject: str) -> float:
        """Count a failure, and return the seconds to wait from now on, as `remaining_s` does."""
        tries = self._read(records, subject)
        failures = 1.0
        if tries is not None:
            failures += max(0.0, tries.failures - self._since(tries) / self.schedule.forget_s)
        wait_s = self.schedule.wait_s(failures)
        records.put(self._kind, subject, Tries(failures=failures, wait_s=wait_s, last=self._now()).to_bytes())
        return math.inf if self.schedule.blocks(failures) else wait_s

    def clear(self, records: "Records", subject: str) -> None:
        """Forget the failures of `subject`."""
        if records.get(self._kind, subject) is not None:
            records.delete(self._kind, subject)

    def _read(self, records: "Records", subject: str) -> Tries | None:
        content = records.get(self._kind, subject)
        return None if content is None else Tries.from_bytes(content)

    def _since(self, tries: Tries) -> float:
        return self._now().since(tries.last, trust_wall=self.schedule.trust_wall)
