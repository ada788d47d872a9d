"""`Metrics`: what the daemon counts, as Prometheus' text. No user, no client, no signature is in it."""

import math
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from sigverify.errors import MissingExtra

try:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
    from prometheus_client.exposition import generate_latest
    from prometheus_client.utils import floatToGoString
except ImportError as missing:
    raise MissingExtra(
        "the daemon needs prometheus-client", hint="Install it with: pip install 'sigverify[bridge]'"
    ) from missing

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

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
        self.busy_since: dict[int, float] = {}
        """When each worker that is at a request began it, by its number."""
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
        """Whether requests are answered: no worker is stuck."""
        since = min(tuple(self.busy_since.values()), default=math.inf)
        return time.monotonic() - since < STUCK_S

    def count(self, operation: str, status: int, seconds: float) -> None:
        """Count one request: what it asked, how it ended (0: well), how long it took, waiting included."""
        self.requests[operation, status] += 1
        counts = self._latency.setdefault(operation, [0] * (len(BUCKETS_S) + 1))
        counts[bisect_left(BUCKETS_S, seconds)] += 1
        self._seconds[operation] = self._seconds.get(operation, 0.0) + seconds

    def collect(self) -> Iterator["Metric"]:
        """Yield all of it as the library's families; see `prometheus_client.registry.Collector`."""
        for name, meaning, value in (
            ("uptime_seconds", "Seconds since the daemon started", self.uptime_s),
            ("ready", "Whether no worker is stuck", int(self.ready)),
            ("clients", "Clients connected", self.clients),
            ("waiting_requests", "Requests waiting for a worker", self.waiting),
        ):
            yield GaugeMetricFamily(f"sigverify_{name}", meaning, value)
        for name, meaning, label, counts in (
            ("lines", "Lines, by how they ended", "end", self.lines),
            ("decisions", "Verifications", "outcome", self.outcomes),
            ("captures", "Captures asked about", "kind", self.captures),
            ("reloads", "Reloads", "result", self.reloads),
        ):
            family = CounterMetricFamily(f"sigverify_{name}", meaning, labels=[label])
            for which, count in sorted(counts.items()):
                family.add_metric([which], count)
            yield family
        requests = CounterMetricFamily(
            "sigverify_requests", "Requests answered, by status", labels=["operation", "status"]
        )
        for (operation, status), count in sorted(self.requests.items()):
            requests.add_metric([operation, str(status)], count)
        yield requests
        yield self._histogram()

    def _histogram(self) -> "Metric":
        family = HistogramMetricFamily(
            "sigverify_request_seconds", "From a request's arrival to its answer", labels=["operation"]
        )
        bounds = [*map(floatToGoString, BUCKETS_S), "+Inf"]
        for operation, counts in sorted(self._latency.items()):
            buckets = list(zip(bounds, accumulate(counts), strict=True))
            family.add_metric([operation], buckets, sum_value=self._seconds[operation])
        return family

    def text(self) -> str:
        r"""Return all of it in Prometheus' text format.

        >>> metrics = Metrics()
        >>> metrics.count("verify", 0, 0.004)
        >>> 'sigverify_requests_total{operation="verify",status="0"} 1.0' in metrics.text().split("\n")
        True
        """
        return generate_latest(self).decode()
