import numpy as np
import pytest
from builders import arithmetic_matcher, signature

from sigverify.matching import explanation
from sigverify.matching.aspect import Aspect
from sigverify.matching.embedding import References
from sigverify.modality.pen.features import CHANNEL_NAMES, SERIES_CHANNELS
from sigverify.modality.pen.pen import PEN
from sigverify.modality.pen.signature import Signature

MATCHER = arithmetic_matcher()


def unlike(probe, others):
    return explanation.unlike(probe, others, PEN.aspects)


def deviations(probe, others):
    return explanation.deviations(probe, others, PEN.aspects)


def stacked(*signatures):
    return References.stack([MATCHER.embed(each) for each in signatures])


REFERENCES = stacked(*(signature(0, repetition) for repetition in range(5)))


def spoilt(aspect):
    its = signature(0, 7)
    cos, sin = np.cos(1.2), np.sin(1.2)
    if aspect is Aspect.SHAPE:
        return Signature(
            its.x * cos - its.y * sin, its.x * sin + its.y * cos, its.time_ms, its.pressure, its.ink
        )
    if aspect is Aspect.PRESSURE:
        return Signature(its.x, its.y, its.time_ms, 2 - its.pressure, its.ink)
    if aspect is Aspect.DURATION:
        return Signature(its.x, its.y, 3 * its.time_ms, its.pressure, its.ink)
    way = np.concatenate([[0], np.cumsum(np.hypot(np.diff(its.x), np.diff(its.y)))])
    return Signature(its.x, its.y, way / way[-1] * its.duration_ms, its.pressure, its.ink)


@pytest.mark.parametrize("aspect", PEN.aspects)
def test_names_what_was_changed(aspect):
    assert aspect in unlike(MATCHER.embed(spoilt(aspect)), REFERENCES)


@pytest.mark.parametrize("aspect", [Aspect.SHAPE, Aspect.PRESSURE, Aspect.DURATION])
def test_and_names_it_first(aspect):
    assert unlike(MATCHER.embed(spoilt(aspect)), REFERENCES)[0] is aspect


def test_another_writer_is_unlike_in_shape():
    assert Aspect.SHAPE in unlike(MATCHER.embed(signature(3)), REFERENCES)


def test_something_is_always_named_and_a_genuine_one_deviates_little():
    probe = MATCHER.embed(signature(0, 9))
    assert len(unlike(probe, REFERENCES)) >= 1
    assert max(deviations(probe, REFERENCES).values()) < max(
        deviations(MATCHER.embed(signature(3)), REFERENCES).values()
    )


def test_one_reference_and_no_pressure():
    its = signature(0)
    plain = Signature(its.x, its.y, its.time_ms, None, its.ink)
    found = deviations(MATCHER.embed(plain), stacked(plain))
    assert set(found) == {Aspect.SHAPE, Aspect.SPEED, Aspect.DURATION}
    assert all(np.isfinite(value) and value < 0 for value in found.values())


def test_the_channels_are_dynamics():
    named = [column for measure in PEN.aspects.values() for column in measure.columns]
    assert len(set(named)) == len(named)
    assert max(named) < SERIES_CHANNELS
    assert CHANNEL_NAMES[PEN.aspects[Aspect.PRESSURE].columns[0]] == "pressure"
