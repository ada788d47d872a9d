"""Hover that nobody said to be hover is none of the ink; pressure that a sensor lacks is no hover."""

import numpy as np
import pytest
from builders import signature

from sigverify.modality.pen.features import features
from sigverify.modality.pen.hover import LEAST, MOST, without_hover
from sigverify.modality.pen.repair import Repair
from sigverify.modality.pen.signature import Signature
from sigverify.verifier import Verifier


def hovering(its, samples=12, *, said=False):
    """Put hover into a lift, of positions beside the way; `said`: with `pen_down`."""
    start = int(np.flatnonzero(~its.ink)[-1])
    share = np.linspace(0, 1, samples + 2)[1:-1]
    x, y = (axis[start - 1] + share * (axis[start] - axis[start - 1]) for axis in (its.x, its.y))
    y = y - 30 * np.sin(np.pi * share)
    time = its.time_ms + np.where(np.arange(len(its)) >= start, 10.0 * samples, 0.0)
    between = its.time_ms[start - 1] + 10.0 * np.arange(1, samples + 1)
    ink = np.ones(len(its), bool)
    ink[start] = False
    columns = [
        np.insert(column, start, more)
        for column, more in (
            (its.x, x), (its.y, y), (time, between), (its.pressure, 0 * share), (ink, 0 * share),
        )
    ]  # fmt: skip
    return Signature(*columns) if said else Signature(*columns[:4])


ITS = signature(0)


def test_hover_without_pen_down_is_hover():
    plain, said = hovering(ITS).repaired, hovering(ITS, said=True).repaired
    assert plain.repairs == (Repair.HOVER_UNSAID,)
    assert said.repairs == ()
    np.testing.assert_array_equal(plain.kept, said.kept)
    np.testing.assert_array_equal(plain.ink, said.ink)
    np.testing.assert_array_equal(plain.time_ms, said.time_ms)
    np.testing.assert_array_equal(features(hovering(ITS)), features(hovering(ITS, said=True)))


@pytest.mark.parametrize("where", [slice(0, 20), slice(130, 150), slice(0, LEAST)])
def test_hover_before_and_behind_the_name(where):
    pressure = ITS.pressure.copy()
    pressure[where] = 0
    repaired = Signature(ITS.x, ITS.y, ITS.time_ms, pressure).repaired
    assert repaired.repairs == (Repair.HOVER_UNSAID,)
    inside = np.arange(len(ITS))[where]
    # The line starts from the last sample that hovers: not even that one is kept.
    assert not repaired.kept[inside].any()
    assert repaired.kept.sum() == len(ITS) - len(inside)


@pytest.mark.parametrize(
    ("places", "ink"),
    [
        ([], None), ([40], None), ([40, 41], None), (range(40, 60), ITS.ink), (range(10, 140), None),
        (range(150), None),
    ],
)  # fmt: skip
def test_pressure_that_a_sensor_lacks_is_no_hover(places, ink):
    """One or two samples, a pen that says when it is down, more than half of the samples."""
    pressure = ITS.pressure.copy()
    pressure[list(places)] = 0
    its = Signature(ITS.x, ITS.y, ITS.time_ms, pressure, ink)
    assert without_hover(its.x, its.y, its.pressure, its.ink) is None
    assert Repair.HOVER_UNSAID not in its.repaired.repairs


def test_half_of_the_samples_may_hover():
    pressure = ITS.pressure.copy()
    pressure[: int(MOST * len(ITS))] = 0
    assert without_hover(ITS.x, ITS.y, pressure, np.ones(150, bool)) is not None
    pressure[: int(MOST * len(ITS)) + 1] = 0
    assert without_hover(ITS.x, ITS.y, pressure, np.ones(150, bool)) is None


def test_too_little_is_left_then_all_is_ink():
    pressure = np.zeros(16)
    pressure[3:11] = 0.5
    x, ink = np.arange(16.0), np.ones(16, bool)
    assert without_hover(x, 0 * x, pressure, ink) is not None
    assert without_hover(np.where((x > 2) & (x < 11), 0, x), 0 * x, pressure, ink) is None  # no extent
    pressure[5] = pressure[6] = pressure[7] = 0
    assert without_hover(x, 0 * x, pressure, ink) is None


def test_no_pressure_says_nothing():
    assert without_hover(ITS.x, ITS.y, None, np.ones(150, bool)) is None


def test_a_person_is_not_refused_for_hover_that_nobody_said():
    with Verifier.open(":memory:") as verifier:
        verifier.enroll("alice", [signature(0, repetition) for repetition in range(1, 6)])
        assert verifier.verify("alice", hovering(ITS, 30)).accepted
