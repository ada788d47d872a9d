import numpy as np
import pytest
from builders import signature

from sigverify.modality.pen.assessment import assess, complexity, unfit
from sigverify.modality.pen.signature import Signature
from sigverify.modality.quality import Flaw

T = np.linspace(0, 1, 120)


def drawn(x, y, duration_ms=1500.0):
    return Signature(100 * np.asarray(x), 100 * np.asarray(y), duration_ms * T)


SIMPLE = {
    "dash": drawn(T, 0 * T),
    "tick": drawn(T, np.abs(T - 0.3)),
    "circle": drawn(np.cos(2 * np.pi * T), np.sin(2 * np.pi * T)),
    "cross": drawn(np.where(T < 0.5, 2 * T, 2 - 2 * T), np.where(T < 0.5, 2 * T, 2 * T - 1)),
}


@pytest.mark.parametrize("name", SIMPLE)
def test_what_anybody_draws_is_too_simple(name):
    assert assess(SIMPLE[name]).flaw is Flaw.TOO_SIMPLE
    assert unfit(SIMPLE[name]) is None


def test_complexity_of_known_figures():
    """A circle turns by 2 pi less one step of 25; a dash not at all."""
    assert complexity(SIMPLE["dash"]) == 0
    assert complexity(SIMPLE["circle"]) == pytest.approx(1 - np.exp(-2 * np.pi / 20), abs=0.02)


@pytest.mark.parametrize("samples", [60, 150, 1000])
def test_complexity_depends_on_neither_sampling_nor_size(samples):
    its = signature(0, samples=samples, noise=0)
    large = Signature(50 * its.x, 50 * its.y, 3 * its.time_ms, its.pressure, its.pen_down)
    assert complexity(its) == pytest.approx(complexity(signature(0, noise=0)), abs=0.03)
    assert complexity(large) == pytest.approx(complexity(its), abs=0.01)


def test_a_real_one_has_no_flaw():
    quality = assess(signature(0))
    assert quality.flaw is None
    assert quality.complexity > 0.7
    assert quality.duration_ms > 500


def test_too_short_comes_before_too_simple():
    assert assess(drawn(T, 0 * T, duration_ms=100)).flaw is Flaw.TOO_SHORT


def test_a_capture_with_samples_missing():
    its = signature(0)
    slow = slice(None, None, 8)
    few = Signature(its.x[slow], its.y[slow], its.time_ms[slow])
    assert unfit(few) is Flaw.BAD_CAPTURE
    gap = its.time_ms + np.where(np.arange(len(its)) > 40, 10_000, 0)
    assert unfit(Signature(its.x, its.y, gap)) is Flaw.BAD_CAPTURE
    assert unfit(Signature(its.x, its.y, 0 * its.time_ms)) is Flaw.NO_TIME
