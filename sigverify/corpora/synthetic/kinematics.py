"""Sigma-lognormal movement: from a motor plan to pen positions at any instant.

Each stroke moves the pen along an arc with a lognormal speed profile; the strokes add up.
Source: Plamondon 1995, "A kinematic theory of rapid human movements" (I and II), equations of the
lognormal; O'Reilly and Plamondon 2009, "Development of a Sigma-Lognormal representation for
on-line signatures", equations 1 to 6.
"""

from dataclasses import dataclass

import numpy as np

from sigverify.arrays import BoolArray, FloatArray
from sigverify.corpora.synthetic.plan import Plan

_Z95 = 1.6448536
"""Standard normal quantile at 95 %."""
_REACH = 4.0
"""Standard deviations beyond which a stroke has not begun or is over (error 3e-5 of its length)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Movement:
    """The sigma-lognormal parameters of `n` strokes and when the pen is down.

    Attributes:
        distance, t0, mu, sigma, theta_s, theta_e: `(n,)` each, as in the theory; seconds and radians.
        center: `(n,)` seconds at which half of a stroke is done.
        down, up: `(k,)` seconds of landing and lifting.
    """

    distance: FloatArray
    t0: FloatArray
    mu: FloatArray
    sigma: FloatArray
    theta_s: FloatArray
    theta_e: FloatArray
    center: FloatArray
    down: FloatArray
    up: FloatArray

    @classmethod
    def of(cls, plan: Plan, lifted: BoolArray, landing: float) -> "Movement":
        """Turn a plan into strokes.

        Args:
            plan: what to write.
            lifted: `(n,)` the movements made in the air.
            landing: how far from the middle of a stroke, in half widths, the pen lands before it and
                leaves after it.
        """
        spacing = plan.overlap[1:] * (plan.width[1:] + plan.width[:-1]) / 2 + plan.pause[1:]
        center = np.concatenate([[0.0], np.cumsum(spacing)])
        median = plan.width / (2 * np.sinh(_Z95 * plan.skew))
        half = np.where(np.abs(plan.bend) < 1e-3, 1e-3, plan.bend) / 2
        chord = np.hypot(plan.step[:, 0], plan.step[:, 1])
        heading = np.arctan2(plan.step[:, 1], plan.step[:, 0])
        down, up = _contacts(center, plan.width * landing / 2, lifted)
        return cls(
            distance=chord * half / np.sin(half),
            t0=center - median,
            mu=np.log(median),
            sigma=plan.skew,
            theta_s=heading - half,
            theta_e=heading + half,
            center=center,
            down=down,
            up=up,
        )

    def positions(self, times: FloatArray) -> FloatArray:
        """Return `(m, 2)` where the pen is at `times` `(m,)`, which must ascend.

        Only the instants at which a stroke is under way are computed: most of the `(n, m)` plane is not.
        """
        spread = np.exp(self.mu) * np.exp(_REACH * self.sigma)
        begin = np.searchsorted(times, self.t0 + np.exp(self.mu - _REACH * self.sigma))
        end = np.maximum(np.searchsorted(times, self.t0 + spread), begin)
        sizes = end - begin

        def each(values: FloatArray) -> FloatArray:
            """Return the value of each stroke at each of its instants."""
            return np.repeat(values, sizes)

        instant = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes - begin, sizes)
        z = (np.log(times.take(instant) - each(self.t0)) - each(self.mu)) / each(self.sigma)
        turn = self.theta_e - self.theta_s
        angle = each(self.theta_s) + each(turn) * _normal_cdf(z)
        radius = self.distance / turn
        far = each(radius)
        place = np.empty((len(times), 2))
        for axis, (wave, sign) in enumerate(((np.sin, 1.0), (np.cos, -1.0))):
            origin = wave(self.theta_s)
            under_way = np.bincount(instant, sign * far * (wave(angle) - each(origin)), len(times))
            whole = sign * radius * (wave(self.theta_e) - origin)
            over = np.cumsum(np.bincount(end, whole, len(times) + 1))[:-1]
            place[:, axis] = under_way + over
        return place


def _normal_cdf(z: FloatArray) -> FloatArray:
    """Approximate the standard normal distribution function within 2e-4.

    Source: Page 1977, "Approximations to the cumulative normal function", with a cubic exponent.
    """
    cdf: FloatArray = 1.0 / (1.0 + np.exp(-z * (1.5976 + 0.070566 * z * z)))
    return cdf


def _contacts(center: FloatArray, reach: FloatArray, lifted: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return when the pen lands and lifts: runs of movements that are not in the air."""
    edges = np.diff(np.concatenate([[False], ~lifted, [False]]).astype(np.int8))
    first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    down, up = center[first] - reach[first], center[last] + reach[last]
    # A lift shorter than two samples of a fast device cannot be seen.
    gap = np.maximum(0.02 - (down[1:] - up[:-1]), 0.0) / 2
    down[1:] += gap
    up[:-1] -= gap
    return down, up
