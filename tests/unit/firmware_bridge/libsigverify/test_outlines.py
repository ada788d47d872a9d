"""Outlines of captures, and how far they lie apart: the bits of numpy."""

import numpy as np
import pytest
from builders import signature
from disturbed import disturbed

from sigverify.errors import ConfigError
from sigverify.modality.pen import outlines
from sigverify.modality.pen.pen import PEN
from sigverify.modality.pen.signature import Signature

STEPS = (outlines.POINTS - 1, 2)
PEOPLE = [outlines.follow(signature(writer, number))[0] for writer in range(3) for number in range(6)]
DOT = np.zeros(STEPS, np.int8)
STRAIGHT = DOT + np.array([100, 50], np.int8)
FAR = DOT + np.int8(-128)


def changed(rng, steps):
    """The same line with a little noise, turned, or without a part of an end."""
    noisy = np.clip(steps + rng.integers(-3, 4, STEPS), -127, 127).astype(np.int8)
    cut = np.roll(steps, -int(rng.integers(1, 13)), axis=0)
    return (noisy, steps[:, ::-1], -steps, cut)[rng.integers(4)]


def lines(seed):
    """A probe and up to 20 lines to compare it with: genuine ones, copies, and what no pen draws."""
    rng = np.random.default_rng(seed)
    genuine = [PEOPLE[number] for number in rng.integers(len(PEOPLE), size=rng.integers(1, 10))]
    copies = [changed(rng, each) for each in genuine[: rng.integers(6)]]
    scrawls = list(rng.integers(-128, 128, (rng.integers(3), *STEPS)).astype(np.int8))
    known = [*genuine, *copies, *scrawls, *(DOT, STRAIGHT, FAR)[: rng.integers(4)]]
    rng.shuffle(known)
    return known[0] if rng.random() < 0.3 else changed(rng, genuine[0]), known


@pytest.mark.parametrize("block", range(4))
def test_outlines_lie_as_far_apart_as_in_python(library, block):
    for seed in range(block, 120, 4):
        probe, known = lines(seed)
        apart = library.apart(probe.tobytes(), [each.tobytes() for each in known])
        assert apart.tolist() == outlines.apart(probe, np.stack(known)).tolist()


@pytest.mark.parametrize("probe", [DOT, STRAIGHT, FAR])
def test_lines_that_are_hardly_any(library, probe):
    known = [DOT, STRAIGHT, FAR, PEOPLE[0], PEOPLE[0]]
    apart = library.apart(probe.tobytes(), [each.tobytes() for each in known])
    assert apart.tolist() == outlines.apart(probe, np.stack(known)).tolist()


def test_copies_are_known_and_others_are_not(library):
    outline, *others = (each.tobytes() for each in PEOPLE[:6])
    assert library.runs_along([outline], [*others, outline])
    assert library.runs_along([others[0], outline], [outline])
    assert not library.runs_along([outline], others)
    assert not library.runs_along([outline], [])


def test_disturbed_recordings_are_followed_along_the_same_steps(library):
    found = set()
    for seed in range(150):
        its = disturbed(seed)
        lines = library.outlines(its)
        assert lines == PEN.outlines(its)
        found.add(len(lines))
    assert found == {1, outlines.LINES}


def test_the_shortest_recordings_are_followed_too(library):
    for size in (1e-3, 1.0, 1e9):
        its = Signature(size * np.array([0, 0, 0, 0, 1, 1, 1, 1]), [0] * 8, range(0, 80, 10))
        assert library.outlines(its) == PEN.outlines(its)


def test_nothing_to_write_into(library):
    none, line = library.ffi.NULL, library.bytes(DOT)
    with pytest.raises(ConfigError):
        library.call("sv_outlines", library.view(signature()), none)
    for outline, known in ((none, line), (line, none)):
        with pytest.raises(ConfigError):
            library.call("sv_outlines_apart", outline, known, 1, library.ffi.new("double[1]"))
    with pytest.raises(ConfigError):
        library.call("sv_examine", none, library.view(signature()), none, none, none)
