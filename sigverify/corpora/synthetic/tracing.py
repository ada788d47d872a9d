"""Copying a shape with other movements: what an eye sees, and a plan that leaves the same trace.

Overlapping strokes cut corners, so a virtual target is never seen. Who copies a signature with slower, less
blended movements would overshoot if he aimed at the writer's targets; people aim so that the ink looks right.
"""

from dataclasses import dataclass, replace

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.corpora.synthetic.kinematics import Movement
from sigverify.corpora.synthetic.plan import Cut, Plan, bounded, moves

_ROUNDS = 3
"""Corrections after which the trace is as close as it gets (median error 1 % of a stroke)."""
_GAIN = 0.8


@dataclass(frozen=True, eq=False, kw_only=True)
class Sight:
    """What is seen of a movement.

    Attributes:
        ends: `(n, 2)` where the pen is between one movement and the next.
        bow: `(n,)` radians by which the trace between two ends is bent, counterclockwise positive.
    """

    ends: FloatArray
    bow: FloatArray


def look(plan: Plan) -> Sight:
    """Return what the trace of a plan looks like."""
    movement = Movement.of(plan, plan.air, 1.0)
    center = movement.center
    gap = np.diff(center)
    between = gap / 2 + (plan.width[:-1] - plan.width[1:]) / 4
    ends = center + np.append(bounded(between, 0.2 * gap, 0.8 * gap), 1.5 * plan.width[-1])
    times = np.stack([center, ends], axis=1).ravel()
    places = movement.positions(times).reshape(-1, 2, 2)
    middle, end = places[:, 0], places[:, 1]
    begin = np.concatenate([np.zeros((1, 2)), end[:-1]])
    chord, half = end - begin, middle - (begin + end) / 2
    right = (half[:, 0] * chord[:, 1] - half[:, 1] * chord[:, 0]) / (np.sum(chord**2, axis=1) + 1e-6)
    return Sight(ends=end, bow=4 * np.arctan(2 * bounded(right, -1.0, 1.0)))


def halved(sight: Sight, cut: Cut) -> Sight:
    """Return the sight with one more end inside each movement that is cut."""
    chord = moves(sight.ends)
    return Sight(ends=np.cumsum(cut.arcs(chord, sight.bow), axis=0), bow=sight.bow[cut.source] * cut.part)


def trace(plan: Plan, sight: Sight) -> Plan:
    """Return the plan with targets and bends moved until its trace looks like `sight`."""
    targets, bend = sight.ends.copy(), sight.bow.copy()
    for _ in range(_ROUNDS):
        plan = _aimed(plan, targets, bend)
        seen = look(plan)
        targets = targets + _GAIN * (sight.ends - seen.ends)
        bend = bounded(bend + _GAIN * (sight.bow - seen.bow), -2.6, 2.6)
    return _aimed(plan, targets, bend)


def _aimed(plan: Plan, targets: FloatArray, bend: FloatArray) -> Plan:
    return replace(plan, step=moves(targets), bend=bounded(bend, -2.6, 2.6))
