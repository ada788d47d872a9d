"""Which pressure is used; the repairs of time and of marks have files of their own."""

import numpy as np
import pytest
from builders import signature

from sigverify.modality.pen.repair import Repair
from sigverify.modality.pen.signature import Signature
from sigverify.verifier import Verifier

ITS = signature(0)


def pressed(pressure):
    return Signature(ITS.x, ITS.y, ITS.time_ms, pressure, ITS.ink)


def steady(share, level=0.05):
    """Pressure whose standard deviation is that share of its mean, in the ink."""
    noise = np.random.default_rng(0).standard_normal(len(ITS))
    written = noise[ITS.repaired.kept & ITS.ink]
    return level * (1 + share * (noise - written.mean()) / written.std())


@pytest.mark.parametrize("level", [0.05, 0.5, 700.0])
@pytest.mark.parametrize(("share", "is_used"), [(0.024, False), (0.026, True), (0.1, True)])
def test_pressure_that_hardly_varies_says_nothing(level, share, is_used):
    repaired = pressed(steady(share, level)).repaired
    assert (repaired.pressure is not None) is is_used
    assert (Repair.PRESSURE_LOST in repaired.repairs) is not is_used


def test_a_person_is_not_refused_for_what_their_touchscreen_makes_up():
    with Verifier.open(":memory:") as verifier:
        verifier.enroll("alice", [signature(0, repetition) for repetition in range(1, 6)])
        decision = verifier.verify("alice", pressed(steady(0.02)))
    assert decision.accepted
    assert [aspect.value for aspect in decision.missing] == ["pressure"]
