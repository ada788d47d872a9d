"""`Metrics`: what the daemon counts, as Prometheus' text. No user, no client, no signature is in it."""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from typing import Final

BUCKETS_S: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Upper bounds of the histogram: a verification takes milliseconds, forgetting on flash a second."""

STUCK_S: Final = 10.0
"""A request that takes longer hangs, on a disk or a server that is gone."""


class Metrics:
    """Counters of one daemon; used from its event loop alone."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.clients = 0
        self.waiting = 0
        self.busy_since: float | None = None
        """When the worker began its present request; None: it is idle."""
        self.lines = Counter[str]()
        self.requests = Counter[tuple[str, int]]()
        self.outcomes = Counter[str]()
        self.captures = Counter[str]()
        self.reloads = Counter[str]()
        self._latency: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}

    @property
    def uptime_s(self) -> float:
        """Seconds since the daemon started."""
        return time.monotonic() - self.started

    @property
    def ready(self) -> bool:
        """Whether requests are answered: the worker is not stuck."""
        since = self.busy_since
        return since is None or time.monotonic() - since < STUCK_S

    def count(self, operation: str, status: int, seconds: float) -> None:
        """Count one request: what it asked, how it ended (0: well), how long it took, waiting included."""
        self.requests[operation, status] += 1
        counts = self._latency.setdefault(operation, [0] * (len(BUCKETS_S) + 1))
        counts[bisect_left(BUCKETS_S, seconds)] += 1
        self._seconds[operation] = self._seconds.get(operation, 0.0) + seconds

    def text(self) -> str:
        r"""Return all of it.

        >>> metrics = Metrics()
        >>> metrics.count("verify", 0, 0.004)
        >>> 'sigverify_requests_total{operation="verify",status="0"} 1' in metrics.text().split("\n")
        True
        """
        requests = {
            f'operation="{operation}",status="{status}"': count
            for (operation, status), count in sorted(self.requests.items())
        }
        lines = [
            *_family("uptime_seconds", "gauge", "Seconds since the daemon started", {"": self.uptime_s}),
            *_family("ready", "gauge", "Whether the worker is not stuck", {"": int(self.ready)}),
            *_family("clients", "gauge", "Clients connected", {"": self.clients}),
            *_family("waiting_requests", "gauge", "Requests waiting for the worker", {"": self.waiting}),
            *_family("lines_total", "counter", "Lines, by how they ended", _labeled("end", self.lines)),
            *_family("requests_total", "counter", "Requests answered, by status", requests),
            *_family("decisions_total", "counter", "Verifications", _labeled("outcome", self.outcomes)),
            *_family("captures_total", "counter", "Captures asked about", _labeled("kind", self.captures)),
            *_family("reloads_total", "counter", "Reloads", _labeled("result", self.reloads)),
            *self._histogram(),
        ]
        return "\n".join(lines) + "\n"

    def _histogram(self) -> list[str]:
        name = "sigverify_request_seconds"
        lines = [f"# HELP {name} From a request's arrival to its answer", f"# TYPE {name} histogram"]
        for operation, counts in sorted(self._latency.items()):
            total = 0
            for bound, count in zip([*map(str, BUCKETS_S), "+Inf"], counts, strict=True):
                total += count
                lines.append(f'{name}_bucket{{operation="{operation}",le="{bound}"}} {total}')
            lines.append(f'{name}_sum{{operation="{operation}"}} {self._seconds[operation]:.6f}')
            lines.append(f'{name}_count{{operation="{operation}"}} {total}')
        return lines


def _labeled(label: str, counts: "Counter[str]") -> dict[str, float]:
    return {f'{label}="{name}"': count for name, count in sorted(counts.items())}


def _family(name: str, kind: str, meaning: str, values: Mapping[str, float]) -> list[str]:
    full = f"sigverify_{name}"
    samples = [
        f"{full}{{{labels}}} {round(value, 6)}" if labels else f"{full} {round(value, 6)}"
        for labels, value in values.items()
    ]
    return [f"# HELP {full} {meaning}", f"# TYPE {full} {kind}", *samples]
