"""What is no writing is left out: touches and rests; what is writing stays: dots, flourishes, pauses."""

import time

import numpy as np
import pytest
from builders import arithmetic_matcher, signature

from sigverify.matching.cues import SERIES
from sigverify.matching.embedding import References
from sigverify.matching.pairing import Pairing
from sigverify.modality.pen.features import features
from sigverify.modality.pen.marks import MOST_STROKES, MOST_TOUCHES, REST, REST_MS, find_rests, find_touches
from sigverify.modality.pen.repair import Repair
from sigverify.modality.pen.signature import Signature

MATCHER = arithmetic_matcher()


def joined(parts):
    """A signature of strokes `(x, y, time_ms)`, each with samples 10 ms apart."""
    return Signature.from_strokes([np.column_stack(part) for part in parts])


def stroke(start_ms, x, y):
    return np.asarray(x, float), np.asarray(y, float), start_ms + 10.0 * np.arange(len(x))


def word(start_ms=0.0, width=300.0):
    """A wave of two strokes, 1.1 s, in a box of 300 by 80."""
    phase = np.linspace(0, 1, 50)
    wave = 40 * np.sin(2 * np.pi * 4 * phase)
    first = stroke(start_ms, width / 2 * phase, wave)
    return [first, stroke(start_ms + 600, width / 2 * (1 + phase), wave)]


def dot(start_ms, x, y, samples=4):
    return stroke(start_ms, x + 0.5 * np.arange(samples), y + 0.3 * np.arange(samples))


PLAIN = joined(word())


@pytest.mark.parametrize(
    ("touches", "repairs"),
    [
        ([dot(-2000, 150, 10)], (Repair.MARK_BEFORE,)),  # inside the box of the name, but 2 s before
        ([dot(-2000, 450, 90, samples=2)], (Repair.MARK_BEFORE,)),
        ([dot(-300, 600, 300)], (Repair.MARK_BEFORE,)),  # soon, but far away
        ([dot(-3000, 20, 0), dot(-1500, 60, 0)], (Repair.MARK_BEFORE,)),
        ([dot(2600, 100, -20, samples=6)], (Repair.MARK_AFTER,)),
        ([dot(1250, 700, -200)], (Repair.MARK_AFTER,)),
        ([dot(530, 50, 400)], (Repair.MARK_BETWEEN,)),
        ([dot(-2000, 10, 0), dot(3000, 10, 0)], (Repair.MARK_BEFORE, Repair.MARK_AFTER)),
    ],
)
def test_touches_are_left_out_and_said(touches, repairs):
    parts = sorted([*word(), *touches], key=lambda part: part[2][0])
    touched = joined(parts)
    assert touched.repaired.repairs == repairs
    assert touched.repaired.duration_ms == pytest.approx(PLAIN.repaired.duration_ms, abs=70)
    assert np.abs(features(touched) - features(PLAIN)).mean() < 0.05


@pytest.mark.parametrize(
    "mark",
    [
        dot(1280, 80, 55),  # the dot of an i, after the word
        dot(1500, 220, 60, samples=3),
        dot(-250, 30, 60),  # an accent before the word
        stroke(
            2200, np.linspace(0, 300, 40), np.full(40, -50.0)
        ),  # a line under the name, after a look at it
        stroke(-1500, np.linspace(0, 60, 20), np.linspace(60, -60, 20)),  # an initial, and a pause
    ],
)
def test_dots_and_flourishes_stay(mark):
    parts = sorted([*word(), mark], key=lambda part: part[2][0])
    whole = joined(parts)
    assert whole.repaired.repairs == ()
    assert whole.repaired.kept.all()


def rested(place, ms):
    """A signature whose pen rests on the pad before sample `place`, sending samples all the while."""
    base = signature(0, noise=0.0, samples=200)
    count = round(ms / 10)
    held = max(0, place - 1)
    tremble = np.random.default_rng(1).normal(0, 0.15, (2, count))
    columns = {
        "x": (base.x, base.x[held] + tremble[0]),
        "y": (base.y, base.y[held] + tremble[1]),
        "pressure": (base.pressure, np.full(count, base.pressure[held])),
        "pen_down": (base.ink, np.ones(count, bool)),
    }
    time = base.time_ms + np.where(np.arange(len(base)) >= place, ms, 0)
    columns["time_ms"] = (time, base.time_ms[held] + 10.0 * np.arange(1, count + 1))
    return base, Signature(**{name: np.insert(a, [place] * count, b) for name, (a, b) in columns.items()})


@pytest.mark.parametrize("place", [1, 60, 200])
def test_a_rest_does_not_count(place):
    base, resting = rested(place, 800.0)
    assert Repair.PEN_RESTED in resting.repaired.repairs
    assert resting.repaired.duration_ms - base.repaired.duration_ms <= 160
    distance = SERIES.measure(Pairing(MATCHER.embed(resting), References.stack([MATCHER.embed(base)])))
    assert distance[0] < 1


def test_slow_writing_is_no_rest():
    base = signature(0, noise=0.0)
    slow = Signature(base.x, base.y, 2 * base.time_ms, base.pressure, base.ink)
    assert slow.repaired.repairs == ()


@pytest.mark.parametrize("strokes", [500, 50])
def test_no_recording_keeps_the_repair_busy(strokes):
    """Strokes that are all small and far or lone: without a limit each would have all looked at again."""
    samples = 2000 // strokes
    place = np.repeat(np.arange(strokes), samples)
    first = np.arange(len(place)) % samples == 0
    steps = np.where(first, np.where(abs(place - strokes / 2) < strokes / 4, 1.0, 900.0), 10.0)
    began = time.perf_counter()
    touches, _ = find_touches(1000.0 * place + ~first, place * 0.0, np.cumsum(steps), ~first)
    assert time.perf_counter() - began < 2
    assert np.count_nonzero(touches) == (MOST_TOUCHES * samples if strokes <= MOST_STROKES else 0)


def plain_rests(x, y, time_ms, kept, ink):
    """Sample by sample: from each that no rest holds yet, as long as the pen stays near."""
    radius = REST * np.hypot(np.ptp(x[kept]), np.ptp(y[kept]))
    resting, begin = [], 0
    while begin < len(kept) - 1:
        end = begin
        while end + 1 < len(kept) and ink[kept[end + 1]]:
            step = np.hypot(*(axis[kept[end + 1]] - axis[kept[begin]] for axis in (x, y)))
            if step > radius:
                break
            end += 1
        if time_ms[kept[end]] - time_ms[kept[begin]] > REST_MS:
            first, last = begin + (begin > 0), end + (end == len(kept) - 1)
            resting += range(first, last)
        begin = end + 1
    return kept[resting]


@pytest.mark.parametrize("seed", range(40))
def test_rests_are_those_found_sample_by_sample(seed):
    """Writing that slows down, stands still and goes on, with lifts and with samples left out."""
    rng = np.random.default_rng(seed)
    count = 160
    pace = np.repeat(10.0 ** rng.uniform(-3, 0.3, 20), 8)
    x, y = np.cumsum(rng.normal(size=(2, count)) * pace, axis=1)
    time_ms = np.cumsum(rng.uniform(5, 25, count))
    ink = rng.random(count) > 0.04
    kept = np.flatnonzero(rng.random(count) > 0.1)
    found = find_rests(x, y, time_ms, kept, ink)
    np.testing.assert_array_equal(found, plain_rests(x, y, time_ms, kept, ink))
