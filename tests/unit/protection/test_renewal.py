import hashlib
from dataclasses import replace

import numpy as np
import pytest
from builders import references
from hypothesis import given
from hypothesis import strategies as st

from sigverify.matching.cues import EXTENT, SEQUENCE, SERIES, VECTOR
from sigverify.matching.distances import distances, spread
from sigverify.matching.elastic import NUMPY
from sigverify.protection.renewal import Renewal, _Numbers

SECRET = b"s" * 32
SECRETS = st.binary(min_size=32, max_size=32)
KEPT = (SERIES, SEQUENCE, EXTENT, VECTOR)
"""Cues that the transform keeps, all but the last to the last bit."""


@given(SECRETS, st.sampled_from([0, 3, 16]))
def test_turning_and_restoring(secret, depth):
    its, renewal = references(2, depth=depth), Renewal(secret)
    back = renewal.restore(renewal.turn(its))
    np.testing.assert_array_equal(back.series, its.series)
    np.testing.assert_array_equal(back.detail, its.detail)
    np.testing.assert_array_equal(back.sequence, its.sequence)
    np.testing.assert_array_equal(back.extent, its.extent)
    np.testing.assert_allclose(back.vector, its.vector, atol=1e-6)  # two products of 64 float32 terms


@pytest.mark.parametrize("secret", [bytes([number]) * 32 for number in range(6)])
def test_keeps_the_elastic_distances_to_the_last_bit_and_the_vectors_to_rounding(secret):
    renewal, its = Renewal(secret), references(4)
    turned = renewal.turn(its)
    for number in range(4):
        before, after = (
            distances(its[number], its, KEPT),
            distances(renewal.turn(its[number]), turned, KEPT),
        )
        np.testing.assert_array_equal(after[:, :3], before[:, :3])
        np.testing.assert_allclose(after[:, 3], before[:, 3], atol=1e-6)
    np.testing.assert_array_equal(spread(turned, KEPT)[..., :3], spread(its, KEPT)[..., :3])


def test_the_detail_is_turned_too():
    its = references(2)
    turned = Renewal(SECRET).turn(its).detail
    assert not np.array_equal(turned, its.detail)
    np.testing.assert_array_equal(np.sort(np.abs(turned), axis=None), np.sort(np.abs(its.detail), axis=None))
    nothing = replace(its, detail=its.detail[..., :0])
    assert Renewal(SECRET).turn(nothing).detail.shape == (2, 128, 0)


@pytest.mark.parametrize("frames", [2, 4, 10, 12, 128, 256])
def test_reversed_time_keeps_the_elastic_distance(frames):
    one, other = np.random.default_rng(frames).integers(-127, 128, (2, 3, frames, 5)).astype(np.int8)
    np.testing.assert_array_equal(NUMPY.distances(one[:, ::-1], other[:, ::-1]), NUMPY.distances(one, other))


def test_one_embedding_is_turned_as_the_references_are():
    renewal, its = Renewal(SECRET), references(3)
    turned = renewal.turn(its)
    for number in range(3):
        alone = renewal.turn(its[number])
        np.testing.assert_array_equal(alone.series, turned.series[number])
        np.testing.assert_array_equal(alone.detail, turned.detail[number])
        np.testing.assert_array_equal(alone.sequence, turned.sequence[number])
        np.testing.assert_allclose(alone.vector, turned.vector[number], atol=1e-6)


def test_two_stores_share_nothing():
    its = references(1)
    one, other = Renewal(b"1" * 32).turn(its), Renewal(b"2" * 32).turn(its)
    apart = distances(one, other, KEPT)[0]
    assert apart[0] > 10 * distances(one, one, KEPT)[0, 0] + 1
    assert apart[3] > 0.8  # strangers lie √2 apart on average


def test_every_axis_goes_everywhere():
    """Over many secrets each output channel takes each input channel, either sign and either direction."""
    its = references(1, depth=3)
    its = replace(its, sequence=np.arange(1, 7, dtype=np.int8).reshape(1, 2, 3))
    seen = {Renewal(bytes([number]) * 32).turn(its).sequence.tobytes() for number in range(256)}
    assert 80 < len(seen) <= 2 * 6 * 8


@pytest.mark.parametrize("size", [1, 2, 3, 64, 128])
def test_the_rotation_is_one(size):
    rotation = Renewal(SECRET)._rotation(size)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(size), atol=1e-6)


def test_rotations_are_uniform():
    """Entries of a uniform orthogonal matrix have variance 1 / size, its trace variance 1; all mean 0."""
    drawn = [Renewal(bytes([number]) * 32)._make_rotation(4) for number in range(250)]
    several = np.stack(drawn).astype(float)
    assert np.abs(several.mean(axis=0)).max() < 4 * 0.5 / np.sqrt(250)
    np.testing.assert_allclose(several.var(axis=0), 0.25, atol=0.1)
    traces = np.trace(several, axis1=1, axis2=2)
    assert abs(traces.mean()) < 4 / np.sqrt(250)
    assert 0.7 < traces.var() < 1.4
    assert 90 < (np.linalg.det(several) > 0).sum() < 160


def test_numbers_are_the_same_on_every_platform():
    numbers = _Numbers(SECRET, "name")
    assert numbers.shuffled(10) == SHUFFLED
    assert numbers.below(10**9) == BELOW
    assert numbers.normal() == pytest.approx(NORMAL, rel=1e-12)
    turned = Renewal(SECRET).turn(references(1)).series
    assert hashlib.sha256(turned.tobytes()).hexdigest()[:16] == TURNED


def test_numbers_below_a_limit_are_fair():
    numbers = _Numbers(SECRET, "fair")
    counts = np.bincount([numbers.below(3) for _ in range(3000)])
    assert np.abs(counts - 1000).max() < 110
    normals = np.array([numbers.normal() for _ in range(2000)])
    assert abs(normals.mean()) < 0.1
    assert 0.93 < normals.std() < 1.07


def test_repr_shows_nothing():
    assert repr(Renewal(SECRET)) == "<Renewal>"


SHUFFLED = [9, 5, 7, 2, 4, 0, 3, 8, 1, 6]
BELOW = 432629297
NORMAL = 0.16508184879883597
TURNED = "932099c2599378e5"
"""Stored templates depend on these: a change makes every store unreadable."""
