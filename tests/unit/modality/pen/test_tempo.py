import math
from dataclasses import replace

import numpy as np
import pytest
from builders import arithmetic_matcher, references, signature

from sigverify.matching.embedding import References
from sigverify.matching.pairing import Pairing
from sigverify.modality.pen.features import DETAIL_NAMES, MIDDLE_SPEED, trace
from sigverify.modality.pen.signature import Signature
from sigverify.modality.pen.tempo import TEMPO

INK, PACE = DETAIL_NAMES.index("ink"), DETAIL_NAMES.index("pace")
MATCHER = arithmetic_matcher()


def of(one, other):
    """The tempo of one signature against another one."""
    return float(TEMPO.measure(Pairing(MATCHER.embed(one), References.stack([MATCHER.embed(other)])))[0])


def slowed(its, factor):
    return Signature(its.x, its.y, factor * its.time_ms, its.pressure, its.ink)


def length(its):
    """Length of the ink in RMS radii, from the trace itself."""
    drawn = trace(its)
    way = np.hypot(*np.gradient(drawn[:, :2], axis=0).T)
    return (way * drawn[:, 3]).sum()


def test_it_is_positive_where_the_probe_is_written_faster():
    its = signature(0)
    assert of(its, slowed(its, 2)) == pytest.approx(math.log(2), abs=1e-6)
    assert of(slowed(its, 2), its) == pytest.approx(-math.log(2), abs=1e-6)


def test_it_is_the_length_of_the_ink_over_the_duration():
    for one, other in [
        (signature(0), signature(0, 3)),
        (signature(1), signature(2)),
        (signature(4), signature(0)),
    ]:
        expected = math.log(
            length(one) / length(other) * other.repaired.duration_ms / one.repaired.duration_ms
        )
        # Steps of two frames, at a pace of 64 levels.
        assert of(one, other) == pytest.approx(expected, abs=0.05)


def test_the_size_does_not_matter():
    its = signature(0)
    assert of(Signature(9 * its.x, 9 * its.y, its.time_ms, its.pressure, its.ink), its) == pytest.approx(
        0, abs=0.01
    )


def test_a_pace_is_a_speed():
    its = references(2)
    detail = np.zeros((2, 128, 5), np.int8)
    detail[..., INK] = 32
    detail[1, :, PACE] = 32  # a pace of 1: three middle speeds
    its = replace(its, detail=detail, extent=np.array([1000, 1000], np.float32))
    assert TEMPO.measure(Pairing(its[1], its.take([0])))[0] == pytest.approx(math.log(3), rel=1e-6)
    assert pytest.approx(1) == 2 * (3 * MIDDLE_SPEED - MIDDLE_SPEED) / (3 * MIDDLE_SPEED + MIDDLE_SPEED)


@pytest.mark.parametrize(("pace", "ink"), [(127, 127), (-127, 127), (127, -127), (64, 1), (-64, 0)])
def test_whatever_an_embedding_holds_it_is_a_number(pace, ink):
    its = references(2)
    its.detail[0, :, PACE], its.detail[0, :, INK] = pace, ink
    assert np.isfinite(TEMPO.measure(Pairing(its[0], its))).all()


def test_it_is_signed_and_changes_sign():
    its = references(2)
    one = TEMPO.measure(Pairing(its[0], its.take([1])))
    assert one == -TEMPO.measure(Pairing(its[1], its.take([0])))
    assert TEMPO.signed
