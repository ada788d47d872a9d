import numpy as np
import pytest
from builders import CUES, arithmetic_matcher, signature

from sigverify.matching.aspect import Aspect
from sigverify.matching.comparison import common, compare, compare_each
from sigverify.matching.cues import SERIES
from sigverify.matching.distances import distances, spread
from sigverify.matching.embedding import References
from sigverify.modality.pen.pen import PEN
from sigverify.modality.pen.signature import Signature

MATCHER = arithmetic_matcher()
PRESSURE = PEN.optional[Aspect.PRESSURE]


def embed(number, *, pressure=True):
    its = signature(0, number)
    return MATCHER.embed(Signature(its.x, its.y, its.time_ms, its.pressure if pressure else None, its.ink))


def stack(*pressure):
    return References.stack([embed(number, pressure=each) for number, each in enumerate(pressure)])


@pytest.mark.parametrize(
    ("probe", "references"),
    [
        (False, (True, True, True)),
        (True, (False, False, False)),
        (True, (True, False, True)),
        (False, (False,) * 3),
    ],
)
def test_what_one_side_lacks_is_compared_on_neither(probe, references):
    enrolled = stack(*references)
    found = compare(embed(7, pressure=probe), enrolled, spread(enrolled, CUES), CUES, MATCHER.optional)
    assert found.reduced
    assert np.flatnonzero(found.lacking).tolist() == [PRESSURE]
    bare = stack(False, False, False)
    series = CUES.index(SERIES)
    expected = distances(embed(7, pressure=False), bare, CUES)[:, series]
    np.testing.assert_array_equal(found.distances[:, series], expected)
    np.testing.assert_array_equal(found.spread[..., series], spread(bare, CUES)[..., series])


def test_nothing_is_measured_anew_where_both_have_all():
    enrolled = stack(True, True, True)
    known = spread(enrolled, CUES)
    found = compare(embed(7), enrolled, known, CUES, MATCHER.optional)
    assert not found.reduced
    assert found.spread is known
    np.testing.assert_array_equal(found.distances, distances(embed(7), enrolled, CUES))


def test_only_what_a_device_may_lack_is_left_out():
    """A capture that makes other channels vanish would otherwise be compared by nothing."""
    still = embed(7)
    still.series[:, 2] = 0
    enrolled = stack(True, True)
    found = compare(still, enrolled, spread(enrolled, CUES), CUES, MATCHER.optional)
    assert not found.reduced
    assert (found.distances[:, 0] > distances(embed(7), enrolled, CUES)[:, 0]).all()


def test_several_people_are_compared_as_each_alone():
    people = [stack(True, True), stack(True, False, True), stack(False)]
    for probe in (embed(7), embed(7, pressure=False)):
        enrolled = [(its, spread(its, CUES)) for its in people]
        for few in (enrolled[:1] * 3, enrolled):
            together = compare_each(probe, few, CUES, MATCHER.optional)
            for found, (its, known) in zip(together, few, strict=True):
                alone = compare(probe, its, known, CUES, MATCHER.optional)
                np.testing.assert_allclose(found.distances, alone.distances, atol=1e-6)
                np.testing.assert_array_equal(found.spread, alone.spread)
                np.testing.assert_array_equal(found.lacking, alone.lacking)
    assert compare_each(embed(7), [], CUES, MATCHER.optional) == []


def test_references_keep_what_all_of_them_have():
    assert common(stack(True, True), MATCHER.optional).series[..., PRESSURE].any()
    mixed = common(stack(True, False), MATCHER.optional)
    assert not mixed.series[..., PRESSURE].any()
    assert mixed.series[..., :PRESSURE].any()
