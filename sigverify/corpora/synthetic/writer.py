"""`Writer`: one person's signature as a stable motor plan, and how he varies from one to the next."""

from dataclasses import dataclass, replace

import numpy as np

from sigverify.arrays import BoolArray, FloatArray
from sigverify.corpora.synthetic.plan import Plan, anchored, begins, bounded, joined, moves, turned, wander
from sigverify.corpora.synthetic.script import Timing, compose, timing

_GROWTH = 0.6
"""Exponent of a movement's length in its error: long movements are less exact, but not in proportion."""

_LONG = 3.0
"""x-heights of a movement that is aimed by eye: a flourish, or the way back to its begin."""


@dataclass(frozen=True, kw_only=True)
class Variability:
    """How much a hand varies from one signature to the next: standard deviations.

    Attributes:
        size, aspect, slant, turn, tempo: of the whole signature (log, log, shear, radians, log).
        shape: of where movements end, in their lengths; `bend` of their curvature (radians).
        stretch: of the letters' width and height along the writing (log).
        width, skew, overlap, gap: of the timing (log).
        pressure: of the pressure of single movements and of the whole (log).
        slip: probability that a movement is paused, or a mark omitted.
        tremor: amplitude of the 8 to 12 Hz tremor in x-heights.
    """

    size: float
    aspect: float
    slant: float
    turn: float
    tempo: float
    shape: float
    stretch: float
    bend: float
    width: float
    skew: float
    overlap: float
    gap: float
    pressure: float
    slip: float
    tremor: float

    def scaled(self, factor: float) -> "Variability":
        """Return a hand `factor` times as variable."""
        return replace(self, **{name: getattr(self, name) * factor for name in self.__dataclass_fields__})


@dataclass(frozen=True, kw_only=True)
class Hand:
    """How the pen is held and pressed.

    Attributes:
        landing: how far before the middle of a movement the pen lands, in half widths.
        press: mean pressure, 0 to 1 of the device's range.
        attack, release: seconds in which the pressure rises after landing, falls before lifting.
        heavier: how much pressure drops with speed.
        drift: change of the pressure from begin to end.
    """

    landing: float
    press: float
    attack: float
    release: float
    heavier: float
    drift: float


@dataclass(frozen=True, kw_only=True)
class Writer:
    """A person.

    Attributes:
        plan: of the signature.
        hand: how he holds the pen.
        variability: from one signature to the next.
        timing: his habits.
        millimeters: to the x-height.
        other: the plan with every letter in another form of his.
        often: `(letters,)` how often each letter takes that other form.
    """

    plan: Plan
    hand: Hand
    variability: Variability
    timing: Timing
    millimeters: float
    other: Plan
    often: FloatArray

    def variant(self, rng: np.random.Generator, session: Plan) -> Plan:
        """Return `session` with some letters in their other form."""
        changed = rng.random(len(self.often)) < self.often
        return exchanged(session, self.other, changed[self.plan.group])


@dataclass(frozen=True, kw_only=True)
class Rendition:
    """One signature as meant: a plan to carry out, with the hand of the day.

    Attributes:
        plan: movements after all variation.
        hand: how the pen is held.
        tremor: amplitude in x-heights.
        millimeters: to the x-height.
    """

    plan: Plan
    hand: Hand
    tremor: float
    millimeters: float


def draw_writer(rng: np.random.Generator, scale: float) -> Writer:
    """Invent a person; `scale` multiplies his variability."""
    habits = timing(rng)
    plan = compose(rng, habits)
    steadiness = draw_variability(rng).scaled(scale)
    letters = plan.group.max() + 1
    forms = rng.random(letters) < rng.choice([0.0, 0.15, 0.4])
    return Writer(
        plan=plan,
        hand=draw_hand(rng),
        variability=steadiness,
        other=vary(rng, plan, steadiness.scaled(1.8)),
        often=np.where(forms, rng.uniform(0.05, 0.5, letters), 0.0),
        timing=habits,
        millimeters=float(np.exp(rng.normal(1.8, 0.3))),
    )


def draw_hand(rng: np.random.Generator) -> Hand:
    """Invent how somebody holds the pen."""
    return Hand(
        landing=rng.uniform(0.55, 1.05),
        press=float(np.clip(rng.normal(0.7, 0.15), 0.25, 1.0)),
        attack=float(np.exp(rng.normal(-3.3, 0.5))),
        release=float(np.exp(rng.normal(-3.9, 0.5))),
        heavier=rng.normal(0.05, 0.06),
        drift=rng.normal(0.04, 0.1),
    )


def draw_variability(rng: np.random.Generator) -> Variability:
    """Invent how steady a hand is: steady and careless people, in shape, in time, or in both."""
    whole, shape, time, press = np.exp(rng.normal(0.0, [0.4, 0.4, 0.4, 0.4]))

    def about(mean: float, common: float) -> float:
        return float(mean * common * np.exp(rng.normal(0.0, 0.2)))

    return Variability(
        size=about(0.045, whole),
        aspect=about(0.045, whole),
        slant=about(0.04, whole),
        turn=about(0.03, whole),
        tempo=about(0.05, whole * time),
        shape=about(0.085, shape),
        stretch=about(0.06, shape),
        bend=about(0.13, shape),
        width=about(0.10, time),
        skew=about(0.12, time),
        overlap=about(0.06, time),
        gap=about(0.2, time),
        pressure=about(0.06, press),
        slip=about(0.02, whole),
        tremor=about(0.005, shape),
    )


def vary(rng: np.random.Generator, plan: Plan, by: Variability) -> Plan:
    """Return the plan as one session or one repetition changes it: correlated along the writing, smooth."""
    count = len(plan)
    size, aspect, slant, turn, tempo = rng.standard_normal(5) * (
        by.size,
        by.aspect,
        by.slant,
        by.turn,
        by.tempo,
    )
    step = turned(plan.step, turn)
    meant = step
    step = step * np.exp(by.stretch * wander(rng, count, 0.85))[:, None]
    step = anchored(step, meant, plan.air | (np.hypot(step[:, 0], step[:, 1]) > _LONG), (0.3, 0.9))
    step = step + moves(misplaced(rng, step, by.shape, 0.6))
    step = (step + np.outer(step[:, 1], [slant, 0.0])) * np.exp(size + np.array([aspect, -aspect]) / 2)
    pace = tempo + by.width * (0.8 * rng.standard_normal(count) + 0.6 * wander(rng, count, 0.8))
    curl = (0.4 + np.abs(plan.bend)) / (0.9 + 0.15 * np.hypot(step[:, 0], step[:, 1]))
    gap = np.where(plan.air, by.gap, 0.0) * rng.standard_normal(count)
    pressure = by.pressure * (
        rng.standard_normal() + 0.5 * rng.standard_normal(count) + 0.8 * wander(rng, count, 0.85)
    )
    return replace(
        plan,
        step=step,
        bend=bounded(plan.bend + by.bend * rng.standard_normal(count) * curl, -2.8, 2.8),
        width=bounded(plan.width * np.exp(pace + gap), 0.02, 4.0),
        skew=bounded(plan.skew * np.exp(by.skew * rng.standard_normal(count)), 0.06, 0.6),
        overlap=bounded(plan.overlap * np.exp(by.overlap * rng.standard_normal(count)), 0.3, 2.5),
        pause=np.minimum(plan.pause * np.exp(tempo + 2 * by.gap * rng.standard_normal(count)), 2.0),
        pressure=plan.pressure * np.exp(pressure),
    )


def perform(rng: np.random.Generator, writer: Writer, session: Plan) -> Rendition:
    """Write once, within a session: vary the plan, slip here and there."""
    by = writer.variability.scaled(float(np.exp(rng.normal(-0.15, 0.25))))
    plan = slip(rng, vary(rng, writer.variant(rng, session), by), by.slip)
    hand = replace(
        writer.hand,
        press=float(np.clip(writer.hand.press * np.exp(by.pressure * rng.normal()), 0.1, 0.97)),
        attack=writer.hand.attack * float(np.exp(0.15 * rng.normal())),
        drift=writer.hand.drift + by.pressure * float(rng.normal()),
    )
    return Rendition(plan=plan, hand=hand, tremor=by.tremor, millimeters=writer.millimeters)


def slip(rng: np.random.Generator, plan: Plan, chance: float) -> Plan:
    """Pause or leave out a mark with probability `chance` each."""
    wait = (rng.random(len(plan)) < chance) * rng.exponential(0.08, len(plan))
    plan = replace(plan, pause=plan.pause + wait)
    if rng.random() < 2 * chance and plan.group[-1] > 3:
        lost = rng.integers(2, plan.group[-1] + 1)
        inside = plan.group == lost
        if np.count_nonzero(inside) <= 2 and plan.air[np.flatnonzero(inside)[0]]:
            plan = _without(plan, inside)
    return plan


def exchanged(plan: Plan, other: Plan, which: BoolArray) -> Plan:
    """Return `plan` with the movements in `which` `(n,)` taken from `other`."""
    both = joined([plan, other])
    taken = both.take(np.arange(len(plan)) + np.where(which, len(plan), 0))
    step = anchored(taken.step, plan.step, begins(plan.group), (0.3, 0.8))
    return replace(taken, group=plan.group, step=step)


def misplaced(rng: np.random.Generator, step: FloatArray, spread: float, smooth: float) -> FloatArray:
    """Return how far the targets are missed, `(n, 2)`: `spread` times the size of the movements around.

    `smooth` (0 to 1) is the part of it in which neighbors correlate.
    """
    count = len(step)
    length = np.hypot(step[:, 0], step[:, 1])
    around = (length + np.append(length[1:], length[-1])) / 2
    near = np.maximum(around, 0.15) ** _GROWTH
    shared = np.empty((count, 2))
    shared[:, 0] = wander(rng, count, 0.7)
    shared[:, 1] = wander(rng, count, 0.7)
    alone = rng.standard_normal((count, 2))
    missed: FloatArray = spread * near[:, None] * (np.sqrt(1 - smooth**2) * alone + smooth * shared)
    return missed


def _without(plan: Plan, inside: BoolArray) -> Plan:
    """Drop movements but keep where the later ones go."""
    step = plan.step.copy()
    after = np.flatnonzero(inside)[-1] + 1
    if after < len(plan):
        step[after] += step[inside].sum(axis=0)
    return replace(plan, step=step).take(np.flatnonzero(~inside))
