"""`Forger`: somebody who writes another person's signature.

A forger knows the shape to the degree of his skill, and moves as he is used to: his own rhythm, his own
blending of strokes, his own pressure. How far he follows the dynamics depends on whether he saw the
signature being written. All of that stays the same over his several forgeries of one writer.
"""

from dataclasses import dataclass, replace

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.corpora.synthetic.plan import Cut, Plan, anchored, begins, bounded, moves, split, wander
from sigverify.corpora.synthetic.script import Timing, natural_width, timing
from sigverify.corpora.synthetic.tracing import Sight, halved, look, trace
from sigverify.corpora.synthetic.writer import (
    Hand,
    Rendition,
    Variability,
    Writer,
    draw_hand,
    draw_variability,
    misplaced,
    slip,
    vary,
)


@dataclass(frozen=True, kw_only=True)
class Forger:
    """One person's way of writing one writer's signature.

    Attributes:
        plan: the writer's plan as this person has understood and re-planned it.
        hand: how he holds the pen for it.
        variability: how much his forgeries differ from one another.
        millimeters: to the x-height.
    """

    plan: Plan
    hand: Hand
    variability: Variability
    millimeters: float


def draw_forger(rng: np.random.Generator, writer: Writer, skill: float, fluent: float) -> Forger:
    """Invent a forger of `skill` 0 to 1, who with probability `fluent` has seen it being written."""
    own = timing(rng)
    # Even the best keep some of their own way of writing.
    shape, motion = np.clip(0.66 * skill + rng.normal(0.03, 0.2, 2), 0.0, 1.0)
    seen = rng.random() < fluent
    motion = motion if seen else 0.25 * motion
    plan = _lapses(rng, writer.plan, float(shape))
    pace = rng.normal(0.17, 0.17) * (1.3 - 0.6 * skill) if seen else rng.uniform(0.3, 1.8)
    sight = _misjudged(rng, look(plan), plan, 1.0 - float(shape))
    plan = _retimed(rng, plan, own, float(motion), float(pace))
    care = _care(float(pace), float(motion))
    cut = _breaks(rng, plan, care)
    plan = trace(split(plan, cut), halved(sight, cut))
    plan = _pressed(rng, _hesitant(rng, plan, care), float(motion))
    return Forger(
        plan=plan,
        hand=_hand(rng, writer.hand, float(motion)),
        variability=_unsteady(rng, float(skill), float(pace)),
        millimeters=writer.millimeters * float(np.exp(rng.normal(0.0, 0.05 + 0.13 * (1 - shape)))),
    )


def forge(rng: np.random.Generator, forger: Forger) -> Rendition:
    """Write one forgery."""
    by = forger.variability
    plan = slip(rng, vary(rng, forger.plan, by), by.slip)
    press = float(np.clip(forger.hand.press * np.exp(by.pressure * rng.normal()), 0.1, 0.97))
    hand = replace(forger.hand, press=press)
    return Rendition(plan=plan, hand=hand, tremor=by.tremor, millimeters=forger.millimeters)


def _misjudged(rng: np.random.Generator, sight: Sight, plan: Plan, error: float) -> Sight:
    """Misjudge the shape: proportions of letters, positions, curvature, slant, aspect."""
    spread = 0.055 + 0.22 * error
    letters = plan.group.max() + 1
    letter = np.exp((0.04 + 0.22 * error) * rng.standard_normal((letters, 2)))[plan.group]
    seen = moves(sight.ends)
    step = seen * letter
    # Where letters stand is seen and kept; how large each is, is misjudged.
    step = anchored(step, seen, begins(plan.group), (0.8, 0.8))
    step = step + moves(misplaced(rng, step, spread, 0.85))
    slant, aspect = rng.normal(0, [0.04 + 0.12 * error, 0.04 + 0.1 * error])
    step = (step + np.outer(step[:, 1], [slant, 0.0])) * np.exp(np.array([aspect, -aspect]) / 2)
    # People round or straighten what they copy, each in his way.
    habit = np.exp(rng.normal(-0.06, 0.1 + 0.2 * error))
    wrong = (0.1 + 0.3 * error) / (0.9 + 0.12 * np.hypot(seen[:, 0], seen[:, 1]))
    bow = sight.bow * habit + wrong * rng.standard_normal(len(plan))
    return Sight(ends=np.cumsum(step, axis=0), bow=bow)


def _retimed(rng: np.random.Generator, plan: Plan, own: Timing, motion: float, pace: float) -> Plan:
    """Time movements between the forger's habit (`motion` 0) and the writer's (1), slower by `pace` (log)."""
    count = len(plan)
    habit = natural_width(rng, plan, own)
    # His habit says how he divides the time; the pace, how much he takes.
    ink = ~plan.air
    habit = habit * np.where(plan.air, 1.0, plan.width[ink].sum() / habit[ink].sum())
    follow = 0.05 + 0.65 * motion
    width = np.exp(follow * np.log(plan.width) + (1 - follow) * np.log(habit))
    width = width * np.exp(pace + (0.1 + 0.1 * (1 - motion)) * wander(rng, count, 0.5))
    skew = own.skew * np.exp(0.25 * rng.standard_normal(count))
    lift = plan.lift + 0.1 * (1 - motion) * rng.standard_normal(count)
    longer = np.where(plan.air, np.exp(rng.normal(0.25, 0.3) * (1.2 - motion)), 1.0)
    return replace(
        plan,
        width=bounded(width * longer, 0.02, 4.0),
        skew=bounded(follow * plan.skew + (1 - follow) * skew, 0.06, 0.6),
        overlap=np.where(plan.air, plan.overlap, _blend(rng, plan.overlap, own.overlap, follow)),
        pause=plan.pause * rng.uniform(0.3, 1.2),
        lift=np.where(plan.air, bounded(lift, 0.3, 1.0), 0.5 * plan.lift),
    )


def _blend(rng: np.random.Generator, overlap: FloatArray, own: float, follow: float) -> FloatArray:
    noise = np.exp((0.05 + 0.1 * (1 - follow)) * rng.standard_normal(len(overlap)))
    return bounded((follow * overlap + (1 - follow) * (own + 0.06)) * noise, 0.4, 1.4)


def _care(pace: float, motion: float) -> float:
    """Return how much somebody of that slowness and fluency watches what he does, about 0 to 0.8."""
    return float(np.clip(0.08 + 0.35 * pace, 0.02, 0.8) * (1.1 - motion))


def _breaks(rng: np.random.Generator, plan: Plan, care: float) -> Cut:
    """Choose the movements made in two, and where: the long ones, at which the forger looks again."""
    count = len(plan)
    length = np.hypot(plan.step[:, 0], plan.step[:, 1])
    broken = ~plan.air & (rng.random(count) < care * length / (length + 1.0))
    return Cut.of(broken, rng.uniform(0.3, 0.7, count))


def _hesitant(rng: np.random.Generator, plan: Plan, care: float) -> Plan:
    """Wait here and there."""
    count = len(plan)
    waits = rng.random(count) < 0.02 + 0.1 * care
    return replace(plan, pause=plan.pause + waits * rng.exponential(0.03 + 0.1 * care, count))


def _pressed(rng: np.random.Generator, plan: Plan, motion: float) -> Plan:
    """Press by habit: nobody sees the pressure, but downstrokes and the like are common to all."""
    count = len(plan)
    follow = 0.15 + 0.45 * motion
    own = rng.normal(0, 0.09, count) - 0.05 * np.sign(plan.step[:, 1])
    return replace(plan, pressure=np.exp(follow * np.log(plan.pressure) + (1 - follow) * own))


def _lapses(rng: np.random.Generator, plan: Plan, shape: float) -> Plan:
    """Miss or invent pen lifts, and write stand-alone marks backwards, the more the less skilled."""
    chance = 0.12 * (1 - shape)
    count = len(plan)
    inner = np.arange(count) > 0
    inner[-1] = False
    lettered = begins(plan.group) & inner
    joins = plan.air & (rng.random(count) < chance)
    lifts = lettered & ~plan.air & (rng.random(count) < chance)
    air = (plan.air & ~joins) | lifts
    # A lift of the forger's own takes about a tenth of a second.
    width = np.where(lifts, np.maximum(plan.width, 0.1), plan.width)
    plan = replace(plan, air=air, width=width, lift=np.where(lifts, 0.95, np.where(joins, 0.05, plan.lift)))
    return _backwards(rng, plan, chance)


def _backwards(rng: np.random.Generator, plan: Plan, chance: float) -> Plan:
    """Write single free-standing strokes from the other end."""
    air = plan.air
    alone = np.flatnonzero(air[:-2] & ~air[1:-1] & air[2:])
    step, bend = plan.step.copy(), plan.bend.copy()
    for index in alone[rng.random(len(alone)) < 0.7 * chance]:
        stroke = step[index + 1].copy()
        step[index] += stroke
        step[index + 1] = -stroke
        step[index + 2] += stroke
        bend[index + 1] *= -1.0
    return replace(plan, step=step, bend=bend)


def _hand(rng: np.random.Generator, genuine: Hand, motion: float) -> Hand:
    """Hold the pen as the forger does, pressing a little as the writer does."""
    own = draw_hand(rng)
    follow = 0.3 * motion
    mixed = {
        name: follow * getattr(genuine, name) + (1 - follow) * getattr(own, name)
        for name in Hand.__dataclass_fields__
    }
    return Hand(**mixed)


def _unsteady(rng: np.random.Generator, skill: float, pace: float) -> Variability:
    """Repeat less steadily than the writer, for want of practice; tremble when slow."""
    by = draw_variability(rng).scaled(1.45 - 0.45 * skill)
    slow = max(pace, 0.0)
    return replace(by, tremor=by.tremor * (0.7 + 0.9 * slow), slip=by.slip * (1 + slow))
