"""The repairs of a recording, step by step equal to Python's."""

import ctypes

import numpy as np
import pytest
from disturbed import disturbed
from native_capture import NativeCapture

from sigverify.modality.pen.assessment import assess, unfit
from sigverify.modality.pen.features import features
from sigverify.modality.pen.repair import Repair
from sigverify.modality.quality import Flaw

SEEDS = 600

OF_PICTURES = {Flaw.NO_INK, Flaw.TOO_SMALL, Flaw.SEVERAL, Flaw.NO_STROKES, Flaw.CUT_OFF, Flaw.BLURRED}
"""What no recording of a pen has."""


@pytest.fixture(scope="module")
def functions(internals):
    return ctypes.CDLL(str(internals))


def assert_repaired_alike(native, its):
    kept, repaired = its.repaired.kept, its.repaired
    pressure = np.zeros(len(its)) if repaired.pressure is None else repaired.pressure
    for name, expected in {"x": its.x, "y": its.y, "time_ms": repaired.time_ms, "ink": repaired.ink}.items():
        np.testing.assert_array_equal(getattr(native, name), expected[kept], err_msg=name)
    np.testing.assert_array_equal(native.pressure, pressure[kept])
    assert (native.interval_ms, native.lost, native.flaw) == (
        repaired.interval_ms,
        repaired.lost,
        repaired.flaw,
    )
    assert native.duration_ms == repaired.duration_ms


@pytest.mark.parametrize("block", range(6))
def test_disturbed_recordings_are_repaired_to_the_same_bits(functions, library, block):
    for seed in range(block, SEEDS, 6):
        its = disturbed(seed)
        native = NativeCapture(functions, its)
        assert_repaired_alike(native, its)
        np.testing.assert_array_equal(library.features(its), features(its))


def test_signatures_are_worth_what_they_are_in_python(library):
    said = set()
    for seed in range(SEEDS):
        its = disturbed(seed)
        quality = assess(its)
        assert library.assess(its) == quality
        said.update(quality.repairs)
    assert said == set(Repair)


def test_flaws_are_those_of_python(functions):
    seen = set()
    for seed in range(SEEDS):
        its = disturbed(seed)
        native, quality = NativeCapture(functions, its), assess(its)
        assert (native.unfit, native.assessed) == (unfit(its), quality.flaw)
        assert native.complexity == quality.complexity
        seen.add(native.assessed)
    assert seen == {None, *Flaw} - OF_PICTURES


def test_the_recordings_need_every_repair():
    """Otherwise the comparison says nothing of one."""
    said = {repair for seed in range(SEEDS) for repair in disturbed(seed).repaired.repairs}
    assert said == set(Repair)
