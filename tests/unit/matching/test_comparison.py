import numpy as np
import pytest
from builders import arithmetic_matcher, signature

from sigverify.matching.aspect import Aspect
from sigverify.matching.comparison import common, compare
from sigverify.matching.cues import SERIES
from sigverify.matching.distances import distances, spread
from sigverify.matching.embedding import References
from sigverify.modality.pen.pen import PEN
from sigverify.modality.pen.signature import Signature
from sigverify.protection.renewal import Renewal

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
    found = compare(
        embed(7, pressure=probe), enrolled, spread(enrolled, PEN.cues), PEN.cues, MATCHER.optional
    )
    assert found.reduced
    assert np.flatnonzero(found.lacking).tolist() == [PRESSURE]
    bare = stack(False, False, False)
    series = PEN.cues.index(SERIES)
    expected = distances(embed(7, pressure=False), bare, PEN.cues)[:, series]
    np.testing.assert_array_equal(found.distances[:, series], expected)
    np.testing.assert_array_equal(found.spread[..., series], spread(bare, PEN.cues)[..., series])


def test_nothing_is_measured_anew_where_both_have_all():
    enrolled = stack(True, True, True)
    known = spread(enrolled, PEN.cues)
    found = compare(embed(7), enrolled, known, PEN.cues, MATCHER.optional)
    assert not found.reduced
    assert found.spread is known
    np.testing.assert_array_equal(found.distances, distances(embed(7), enrolled, PEN.cues))


def test_only_what_a_device_may_lack_is_left_out():
    """A capture that makes other channels vanish would otherwise be compared by nothing."""
    still = embed(7)
    still.series[:, 2] = 0
    enrolled = stack(True, True)
    found = compare(still, enrolled, spread(enrolled, PEN.cues), PEN.cues, MATCHER.optional)
    assert not found.reduced
    assert (found.distances[:, 0] > distances(embed(7), enrolled, PEN.cues)[:, 0]).all()


def test_it_is_the_same_in_a_store_s_own_coordinates():
    renewal = Renewal(b"r" * 32)
    enrolled, probe = stack(True, True, True), embed(7, pressure=False)
    plain = compare(probe, enrolled, spread(enrolled, PEN.cues), PEN.cues, MATCHER.optional)
    turned = renewal.turn(enrolled)
    optional = renewal.turn_channels(MATCHER.optional)
    found = compare(renewal.turn(probe), turned, spread(turned, PEN.cues), PEN.cues, optional)
    np.testing.assert_array_equal(found.distances[:, 0], plain.distances[:, 0])
    np.testing.assert_array_equal(renewal.restore_channels(found.lacking), plain.lacking)


def test_references_keep_what_all_of_them_have():
    assert common(stack(True, True), MATCHER.optional).series[..., PRESSURE].any()
    mixed = common(stack(True, False), MATCHER.optional)
    assert not mixed.series[..., PRESSURE].any()
    assert mixed.series[..., :PRESSURE].any()
