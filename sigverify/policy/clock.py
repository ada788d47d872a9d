"""`Instant`: a moment told by two clocks, so that waiting times survive restarts and changes of the clock."""

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, kw_only=True)
class Instant:
    """A moment by the clock that counts since the machine started, and by the one on the wall.

    Attributes:
        boot: which start of the machine; "" where the system does not say.
        boot_s: seconds since that start, sleep included. Nobody can set it.
        wall_s: seconds since 1970, as the system's clock has it. Anybody who sets the clock sets it.
    """

    boot: str
    boot_s: float
    wall_s: float

    @classmethod
    def now(cls) -> Self:
        """Read both clocks."""
        return cls(boot=_boot_id(), boot_s=_since_boot_s(), wall_s=time.time())

    def since(self, then: "Instant", *, trust_wall: bool = True) -> float:
        """Seconds that surely passed from `then` to this moment; never negative.

        Since one start of the machine, the clock that nobody can set tells it. Across a restart at least
        the time since that start has passed; what the wall clock says beyond that counts only if trusted.

        Where the system does not tell its starts apart, a restart shows only by a running clock that stands
        lower than before. Otherwise the difference of the running clock has passed at least, whether or not
        there was a restart in between: setting the wall clock forward wins nothing.
        """
        running = self.boot_s - then.boot_s
        restarted = self.boot != then.boot if self.boot and then.boot else running < 0
        if not restarted:
            return max(0.0, running)
        by_wall = self.wall_s - then.wall_s if trust_wall else 0.0
        return max(self.boot_s, by_wall, 0.0)


@lru_cache(maxsize=1)
def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def _since_boot_s() -> float:
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)
