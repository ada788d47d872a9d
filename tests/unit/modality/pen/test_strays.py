"""Samples where the pen never was are left out and said; jumps of a hand stay."""

import numpy as np
import pytest
from builders import signature
from hypothesis import given
from hypothesis import strategies as st

from sigverify.modality.pen.features import features
from sigverify.modality.pen.repair import Repair
from sigverify.modality.pen.signature import Signature
from sigverify.modality.pen.strays import MOST, find_strays
from sigverify.verifier import Verifier

ITS = signature(0)
SECOND = int(np.flatnonzero(~ITS.ink)[-1])
"""The first sample of the second stroke."""
DIAGONAL = float(np.hypot(np.ptp(ITS.x), np.ptp(ITS.y)))


def moved(places, x, y):
    """Put some samples to a place."""
    new_x, new_y = ITS.x.copy(), ITS.y.copy()
    new_x[places], new_y[places] = x, y
    return Signature(new_x, new_y, ITS.time_ms, ITS.pressure, ITS.ink)


FAR = (ITS.x.mean() + 3 * DIAGONAL, ITS.y.mean())
PLACES = [[0], [0, 1], [50], [50, 51, 52], [20, 50, 90], [len(ITS) - 1], [SECOND], [SECOND - 5], [0, 149]]


@pytest.mark.parametrize("places", PLACES)
def test_samples_in_a_wrong_place_are_left_out_and_said(places):
    repaired = moved(places, *FAR).repaired
    assert repaired.repairs[0] is Repair.STRAY_POSITION
    assert not repaired.kept[places].any()
    others = np.delete(np.arange(len(ITS)), places)
    plain = ITS.repaired
    # The pen's way to the sample behind a stroke's wrong beginning is not known: that sample begins it.
    np.testing.assert_array_equal(repaired.kept[others], plain.kept[others])
    assert len(repaired.time_ms) == len(repaired.ink) == len(repaired.pressure) == len(ITS)
    np.testing.assert_array_equal(repaired.pressure[repaired.kept], ITS.pressure[repaired.kept])


def test_the_stroke_begins_with_its_first_sample_in_a_right_place():
    repaired = moved([SECOND], *FAR).repaired
    assert not repaired.ink[SECOND + 1]
    assert ITS.repaired.ink[SECOND + 1]
    within = moved([50], *FAR).repaired
    assert within.ink[51]  # the line goes on over the one that is left out


@pytest.mark.parametrize("places", [place for place in PLACES if not {0, len(ITS) - 1} & set(place)])
def test_what_is_compared_is_nearly_what_it_was(places):
    """Without its ends a name is shorter, and each of its frames another: that is for the next test."""
    error = features(moved(places, *FAR)) - features(ITS)
    assert np.sqrt(np.mean(error**2)) < 0.2


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("origin", [(0, 0), (-3, 1), (0.1, 5)])
def test_a_person_is_not_refused_for_a_wrong_place(places, origin):
    """A driver without a position sends 0, wherever on the pad that is."""
    x, y = ITS.x.mean() + origin[0] * DIAGONAL, ITS.y.mean() + origin[1] * DIAGONAL
    with Verifier.open(":memory:") as verifier:
        verifier.enroll("alice", [signature(0, repetition) for repetition in range(1, 6)])
        assert verifier.verify("alice", moved(places, x, y)).accepted


@pytest.mark.parametrize("count", [MOST + 1, MOST + 5])
def test_more_samples_in_one_place_were_written(count):
    """A part of a line that lies apart from the rest: who knows."""
    its = moved(np.arange(60, 60 + count), *FAR)
    assert Repair.STRAY_POSITION not in its.repaired.repairs


def test_a_short_stroke_is_not_taken_apart_unless_a_part_is_smaller():
    """Of four samples with a jump in the middle nobody knows which two are right."""
    strokes = [
        np.column_stack([10.0 * np.arange(60), 40 * np.sin(np.arange(60) / 4), 10.0 * np.arange(60)]),
        np.array([[300, 90, 700], [301, 90, 710], [300, -200, 720], [301, -200, 730]], float),
    ]
    assert not find_strays(*taken(strokes)).any()
    strokes[1] = np.vstack([strokes[1], [302, -200, 740]])
    assert np.flatnonzero(find_strays(*taken(strokes))).tolist() == [60, 61]


def taken(strokes):
    its = Signature.from_strokes(strokes)
    return its.x, its.y, its.ink


@pytest.mark.parametrize("faster", [1.5, 2.0, 2.9])
def test_a_flourish_that_hurries_step_by_step_is_written(faster):
    """Its last steps are far longer than all others, but none comes out of nothing."""
    steps = np.concatenate([np.full(120, 2.0), 2 * faster ** np.arange(1, 9)])
    x, y = np.cumsum(steps), 40 * np.sin(np.arange(len(steps)) / 4)
    its = Signature(x, y, 10.0 * np.arange(len(x)))
    for each in (its, Signature(-x[::-1], y[::-1], its.time_ms)):
        assert not find_strays(each.x, each.y, each.ink).any()


def test_jumps_of_a_recording_that_lost_samples_stay():
    """Two halves of a stroke with a gap between them."""
    left = np.delete(np.arange(len(ITS)), np.arange(60, 80))
    its = Signature(*(column[left] for column in (ITS.x, ITS.y, ITS.time_ms, ITS.pressure, ITS.ink)))
    assert Repair.STRAY_POSITION not in its.repaired.repairs


@pytest.mark.parametrize("writer", range(8))
def test_plain_writing_has_none(writer):
    for repetition in range(4):
        its = signature(writer, repetition)
        assert not find_strays(its.x, its.y, its.ink).any()


def test_ink_on_one_spot_beside_a_wrong_place_is_left():
    """Without it there would be no extent."""
    x = np.zeros(12)
    x[-1] = 5
    assert not find_strays(x, np.zeros(12), np.ones(12, bool)).any()


@given(st.lists(st.tuples(*3 * [st.integers(-9, 9)]), min_size=8, max_size=60), st.integers(0, 2**60 - 1))
def test_property_any_recording_keeps_a_line(samples, bits):
    x, y, jump = np.array(samples, float).T
    x = x + np.where(jump > 7, 1e6, 0)
    ink = np.array([bits >> index & 1 for index in range(len(x))], bool)
    ink[:8] = True
    x[:2] = 0, 1
    strays = find_strays(x, y, ink)
    assert not (strays & ~(ink | np.append(ink[1:], False))).any() or strays.sum() <= MOST * len(x)
    left = ink & ~strays
    assert np.ptp(x[left]) or np.ptp(y[left])
    its = Signature(x, y, 10.0 * np.arange(len(x)), None, ink)
    assert np.isfinite(features(its)).all()
    assert its.repaired.kept.any()
