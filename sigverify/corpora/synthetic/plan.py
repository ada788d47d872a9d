"""`Plan`: the motor programme of one signature, and the small algebra that writers and forgers share."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from sigverify.arrays import BoolArray, FloatArray, IndexArray, IntArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """`n` pen movements, each a sigma-lognormal stroke towards a virtual target.

    Attributes:
        step: `(n, 2)` from the target before to this one, in x-heights, y upwards.
        bend: `(n,)` radians by which the movement turns, counterclockwise positive (theta_e - theta_s).
        air: `(n,)` whether the movement is meant to go through the air.
        width: `(n,)` seconds from 5 % to 95 % of the movement.
        skew: `(n,)` sigma of the lognormal: how much faster the movement starts than it ends.
        overlap: `(n,)` onset after the movement before, in mean widths of the two; below 1 they blend.
        pause: `(n,)` seconds of waiting before the movement.
        pressure: `(n,)` relative pen pressure.
        lift: `(n,)` probability that the pen is lifted during the movement, near 1 for those in `air`.
        group: `(n,)` the letter a movement belongs to, counted from 0 in writing order.
    """

    step: FloatArray
    bend: FloatArray
    air: BoolArray
    width: FloatArray
    skew: FloatArray
    overlap: FloatArray
    pause: FloatArray
    pressure: FloatArray
    lift: FloatArray
    group: IntArray

    def __len__(self) -> int:
        """Count the movements."""
        return len(self.step)

    @property
    def targets(self) -> FloatArray:
        """`(n, 2)` virtual targets from the origin."""
        return np.cumsum(self.step, axis=0)

    def take(self, index: IndexArray) -> "Plan":
        """Return the movements at `index`, in that order."""
        return replace(self, **{name: getattr(self, name)[index] for name in self.__dataclass_fields__})


_LAGS = 24
"""Movements over which neighbors correlate; beyond, by less than 0.02 of what the nearest do."""


def wander(rng: np.random.Generator, count: int, keep: float) -> FloatArray:
    """Return `(count,)` unit-variance noise in which neighbors correlate by `keep` (0 to 1)."""
    white = rng.standard_normal(count)
    if keep <= 0 or count < 2:
        return white
    kernel = _kernel(keep, min(count, _LAGS))
    start = rng.standard_normal(len(kernel) - 1)
    smooth: FloatArray = np.convolve(np.concatenate([start, white]), kernel, "valid")
    return smooth


@cache
def _kernel(keep: float, lags: int) -> FloatArray:
    """Return the weights `(lags,)` that correlate neighbors by `keep`; those asked for are few."""
    weights = keep ** np.arange(lags)
    kernel: FloatArray = weights / np.sqrt(np.sum(weights**2))
    return kernel


def moves(places: FloatArray) -> FloatArray:
    """Return the steps `(n, …)` to each place from the one before, from the origin to the first.

    What `np.diff` with a prepended 0 returns, in a quarter of the time: signatures are short.
    """
    steps = places.copy()
    steps[1:] -= places[:-1]
    return steps


def begins(group: IntArray) -> BoolArray:
    """Return `(n,)` whether a movement is of another group than the one before; the first is not."""
    changed = np.zeros(len(group), np.bool_)
    np.not_equal(group[1:], group[:-1], out=changed[1:])
    return changed


def bounded(values: FloatArray, low: Any, high: Any) -> FloatArray:
    """Return the values, at least `low` and at most `high`: `np.clip` without its checks, half its time."""
    kept: FloatArray = np.minimum(np.maximum(values, low), high)
    return kept


def turned(step: FloatArray, angle: FloatArray | float) -> FloatArray:
    """Return `step` `(n, 2)` turned by `angle` radians, counterclockwise."""
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = step[:, 0], step[:, 1]
    out = np.empty_like(step)
    out[:, 0] = cos * x - sin * y
    out[:, 1] = sin * x + cos * y
    return out


def anchored(
    step: FloatArray, meant: FloatArray, anchors: BoolArray, share: tuple[float, float]
) -> FloatArray:
    """Return `step` with the drift from `meant` taken back at `anchors` `(n,)`, by `share` of it in x and y.

    Errors add up while the pen writes on; where the eye looks at the paper, the pen goes where it should.
    """
    index = np.flatnonzero(anchors)
    drift = np.cumsum(step - meant, axis=0)[index]
    corrected = step.copy()
    corrected[index] -= moves(drift) * share
    return corrected


@dataclass(frozen=True, eq=False, kw_only=True)
class Cut:
    """Which of `n` movements are made in two, giving `m` movements.

    Attributes:
        source: `(m,)` the movement that each comes from.
        first, second: `(m,)` whether it is the first or the second part of one.
        part: `(m,)` the fraction of the arc that it covers; 1 for a movement left whole.
    """

    source: IndexArray
    first: BoolArray
    second: BoolArray
    part: FloatArray

    @classmethod
    def of(cls, which: BoolArray, at: FloatArray) -> "Cut":
        """Cut the movements in `which` `(n,)` at the fraction `at` `(n,)` of their arc."""
        source = np.repeat(np.arange(len(which)), 1 + which)
        second = np.concatenate([[False], source[1:] == source[:-1]])
        first = np.concatenate([second[1:], [False]])
        part = np.where(first, at[source], np.where(second, 1 - at[source], 1.0))
        return cls(source=source, first=first, second=second, part=part)

    def arcs(self, chord: FloatArray, bend: FloatArray) -> FloatArray:
        """Return the chords `(m, 2)` of the parts of arcs with `chord` `(n, 2)` and `bend` `(n,)`."""
        half = np.where(np.abs(bend) < 1e-3, 1e-3, bend)[self.source] / 2
        shrink = np.sin(half * self.part) / np.sin(half)
        side = np.where(self.second, 1.0, np.where(self.first, -1.0, 0.0))
        return turned(chord[self.source] * shrink[:, None], side * half * (1 - self.part))


def split(plan: Plan, cut: Cut) -> Plan:
    """Make some movements in two: the same arcs, more slowly."""
    whole = plan.take(cut.source)
    return replace(
        whole,
        step=cut.arcs(plan.step, plan.bend),
        bend=whole.bend * cut.part,
        width=whole.width * cut.part**0.45,
        pause=np.where(cut.second, 0.0, whole.pause),
    )


def joined(parts: list[Plan]) -> Plan:
    """Return the movements of all parts, one after another, their groups renumbered."""
    names = Plan.__dataclass_fields__
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    offset = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    change = np.concatenate([[0], (np.diff(columns["group"]) != 0) | (np.diff(offset) != 0)])
    columns["group"] = np.cumsum(change)
    return Plan(**columns)
