import itertools
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sigverify.errors import ConfigError
from sigverify.search import exact
from sigverify.search.exact import ExactIndex


def unit(values):
    return np.asarray(values / np.linalg.norm(values, axis=-1, keepdims=True), np.float32)


def by_definition(vectors, slots, probe, count, among=None):
    """The best cosine of each person, by a loop over all of them."""
    best = {}
    for vector, slot in zip(vectors, slots, strict=True):
        if among is None or among[slot]:
            best[slot] = max(best.get(slot, -2.0), float(np.dot(vector.astype(np.float64), probe)))
    return sorted(best.items(), key=lambda pair: -pair[1])[:count]


def check(index, vectors, slots, probe, count, among=None):
    """The people found are the nearest: those in their places are no farther than 2⁻¹⁰ off."""
    found = index.nearest(probe, count, among=among).tolist()
    wanted = by_definition(vectors, slots, probe, count, among)
    all_of_them = dict(by_definition(vectors, slots, probe, len(slots), among))
    assert len(set(found)) == len(found) == len(wanted)
    for slot, (_, cosine) in zip(found, wanted, strict=True):
        assert all_of_them[slot] == pytest.approx(cosine, abs=2**-10)
    return found


@pytest.fixture(scope="module", params=["numpy", "C"])
def make(request):
    """Return what makes an index of so many dimensions, which numpy or the core in C multiplies."""
    if request.param == "numpy":
        return ExactIndex
    return partial(ExactIndex, library=request.getfixturevalue("library"))


@pytest.fixture(params=[64, exact.CHUNK], ids=["small chunks", "chunks as they are"], autouse=True)
def chunk(request, monkeypatch):
    monkeypatch.setattr(exact, "CHUNK", request.param)


@pytest.mark.parametrize("size", [1, 2, 64, 300])
@pytest.mark.parametrize("people", [1, 5, 200])
def test_finds_whom_comparing_everybody_finds(make, size, people):
    rng = np.random.default_rng(size)
    slots = np.repeat(np.arange(people, dtype=np.int32), rng.integers(1, 13, people))
    vectors = unit(rng.normal(size=(len(slots), size)))
    index = make(size)
    index.put(slots, vectors)
    assert len(index) == len(slots)
    for probe in unit(rng.normal(size=(20, size))):
        check(index, vectors, slots, probe, 7)


def test_ranks_as_brute_force_does_among_many(make):
    rng = np.random.default_rng(7)
    vectors = unit(rng.normal(size=(20_000, 64)))
    slots = (np.arange(len(vectors)) // 5).astype(np.int32)
    index = make(64)
    index.put(slots, vectors)
    for probe in unit(vectors[::4000] + 0.05 * rng.normal(size=(5, 64))):
        best = np.maximum.reduceat(vectors @ probe, np.arange(0, len(vectors), 5))
        order = np.argsort(-best)[:13]
        assert -np.diff(best[order]).max() > 1e-6
        found = index.nearest(probe, 12).tolist()
        # Only those nearer to each other than vectors are held apart may change places.
        assert np.abs(best[found] - best[order[:12]]).max() < 4e-4
        assert found[0] == order[0]
        assert len(index._candidates(probe, 12, None)) < len(vectors) / 4


def test_a_coarse_cosine_is_never_farther_off_than_it_claims(make):
    rng = np.random.default_rng(1)
    # The worst for rounding: everything halfway between two steps.
    index = make(64)
    half = unit(np.where(rng.random((500, 64)) < 0.5, -1, 1) * (np.floor(rng.random((500, 64)) * 8) + 0.5))
    index.put(np.arange(500, dtype=np.int32), half)
    for probe in [*half[:20], *unit(rng.normal(size=(20, 64)))]:
        own = np.rint(probe * index._scale)
        coarse = index._products(own) / index._scale**2
        assert np.abs(coarse - half @ probe).max() <= index._most_wrong(probe, own)


@pytest.mark.parametrize("size", [1, 3, 64, 1024, 5000])
def test_two_products_in_one_float_never_mix(make, size, monkeypatch):
    """The largest there are: vectors equal to the probe or opposite, in every dimension or in one."""
    monkeypatch.setattr(exact, "CHUNK", 6)
    for one in (np.full((1, size), 1 / np.sqrt(size), np.float32), np.eye(1, size, dtype=np.float32)):
        for signs in itertools.product([1, 0, -1], repeat=2):
            vectors = np.concatenate([sign * one for sign in np.repeat(signs, 3)])
            index = make(size)
            index.put(np.arange(6, dtype=np.int32), vectors)
            own = np.rint(one[0] * index._scale)
            wanted = np.rint(vectors * index._scale).astype(np.int64) @ own.astype(np.int64)
            assert index._products(own).tolist() == wanted.tolist()


@pytest.mark.parametrize("share", [0.005, 0.5, 0.9, 1])
@pytest.mark.parametrize("people", [1, 6, 400])
def test_among_some(make, share, people):
    rng = np.random.default_rng(3)
    slots = np.repeat(np.arange(people, dtype=np.int32), 3)
    vectors = unit(rng.normal(size=(len(slots), 16)))
    index = make(16)
    index.put(slots, vectors)
    among = rng.random(people) < share
    for probe in unit(rng.normal(size=(10, 16))):
        found = check(index, vectors, slots, probe, 5, among)
        assert all(among[slot] for slot in found)
    assert index.nearest(probe, 5, among=np.zeros(people, bool)).tolist() == []


@pytest.mark.parametrize("members", [slice(0, 500), slice(500, 1000), slice(None, None, 2)])
def test_among_some_few_are_looked_at_closely_wherever_they_lie(make, members):
    rng = np.random.default_rng(4)
    index = make(64)
    index.put(np.arange(1000, dtype=np.int32), unit(rng.normal(size=(1000, 64))))
    among = np.zeros(1000, bool)
    among[members] = True
    for probe in unit(rng.normal(size=(5, 64))):
        assert len(index._candidates(probe, 3, among)) < 100


def test_the_same_vector_many_times(make):
    index = make(16)
    index.put(np.arange(300, dtype=np.int32), np.repeat(unit(np.ones((1, 16))), 300, axis=0))
    assert index.nearest(unit(np.ones(16)), 5).tolist() == [0, 1, 2, 3, 4]


def test_nobody(make):
    assert make(16).nearest(unit(np.ones(16)), 5).tolist() == []


# The fixture changes nothing between two examples.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), max_size=40), st.integers(0, 99))
def test_putting_and_removing_in_any_order(make, steps, seed):
    """A step puts `n` vectors of somebody who has none, or removes whom it names (n = 0)."""
    rng = np.random.default_rng(seed)
    index, held = make(8), {}
    for slot, count in steps:
        if count and slot not in held:
            held[slot] = unit(rng.normal(size=(count, 8)))
            index.put(np.full(count, slot, np.int32), held[slot])
        elif not count:
            held.pop(slot, None)
            index.remove(slot)
    assert len(index) == sum(map(len, held.values()))
    slots = [slot for slot, vectors in held.items() for _ in vectors]
    vectors = [vector for its in held.values() for vector in its]
    check(index, vectors, slots, unit(rng.normal(size=8)), 3)
    assert index._end <= 40 * 4


def test_room_is_used_again(make):
    index, rng = make(8), np.random.default_rng(0)
    for _ in range(50):
        index.put(np.zeros(5, np.int32), unit(rng.normal(size=(5, 8))))
        index.remove(0)
    assert (len(index), index._end) == (0, 5)


def test_vectors_that_are_too_long():
    with pytest.raises(ConfigError, match="dimensions"):
        ExactIndex(20_000)
