import sys

import numpy as np
import pytest

from sigverify.errors import MissingExtra
from sigverify.search import approximate
from sigverify.search.approximate import ApproximateIndex
from sigverify.search.exact import ExactIndex
from sigverify.search.graph import Held


def unit(values):
    return np.asarray(values / np.linalg.norm(values, axis=-1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def both():
    pytest.importorskip("usearch")
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(600, 1, 64))
    vectors = unit(centers + 0.4 * rng.normal(size=(600, 5, 64)))
    indices = ExactIndex(64), ApproximateIndex(64)
    for index in indices:
        index.put(np.repeat(np.arange(600, dtype=np.int32), 5), vectors.reshape(-1, 64))
    return *indices, unit(centers[:, 0] + 0.4 * rng.normal(size=(600, 64)))


def test_finds_nearly_always_whom_the_exact_index_finds(both):
    exact, approximate, probes = both
    assert len(exact) == len(approximate) == 3000
    same = [exact.nearest(p, 1).tolist() == approximate.nearest(p, 1).tolist() for p in probes[:200]]
    assert np.mean(same) >= 0.99


def test_nobody_comes_twice_and_groups_are_kept_to(both):
    exact, approximate, probes = both
    among = np.arange(600) % 100 == 7
    for probe in probes[:20]:
        assert len(set(approximate.nearest(probe, 12).tolist())) == 12
        found, wanted = (index.nearest(probe, 6, among=among).tolist() for index in (approximate, exact))
        assert sorted(found) == sorted(wanted) == [7, 107, 207, 307, 407, 507]
    assert approximate.nearest(probes[0], 6, among=np.zeros(600, bool)).tolist() == []


def test_removed_and_put_again():
    pytest.importorskip("usearch")
    vectors = unit(np.random.default_rng(1).normal(size=(4, 16)))
    index = ApproximateIndex(16)
    assert index.nearest(vectors[0], 2).tolist() == []
    index.put(np.array([0, 0, 1, 2], np.int32), vectors)
    index.remove(0)
    index.remove(9)
    assert sorted(index.nearest(vectors[0], 3).tolist()) == [1, 2]
    index.put(np.array([0], np.int32), vectors[:1])
    assert index.nearest(vectors[0], 1).tolist() == [0]
    assert len(index) == 3


def held(vectors, counts, *, seals=None):
    """People with the vectors of a store: slots from 0, and a seal each."""
    if seals is None:
        seals = np.random.default_rng(5).integers(256, size=(len(counts), 12), dtype=np.uint8)
    return Held(np.arange(len(counts), dtype=np.int32), seals, np.array(counts), vectors.astype(np.float16))


def filled(people):
    index = ApproximateIndex(people.vectors.shape[1])
    index.put(np.repeat(people.slots, people.counts), people.vectors)
    return index


@pytest.fixture(scope="module")
def people():
    pytest.importorskip("usearch")
    rng = np.random.default_rng(2)
    counts = 1 + np.arange(400) % 4
    centers = np.repeat(rng.normal(size=(400, 16)), counts, axis=0)
    return held(unit(centers + 0.3 * rng.normal(size=centers.shape)), counts)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Build each graph in one thread: how well several do depends on when each has its turn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(approximate, "_MANY", 10**9)
        yield


@pytest.fixture(scope="module")
def content(people):
    return filled(people).freeze(people)


class TestKept:
    def test_finds_as_before(self, people):
        before, after = filled(people), ApproximateIndex(16)
        assert after.thaw(before.freeze(people), people).all()
        assert len(after) == len(before)
        for probe in np.asarray(people.vectors[::17], np.float32):
            assert after.nearest(probe, 12).tolist() == before.nearest(probe, 12).tolist()

    def test_holds_no_vector(self, people, content):
        assert not any(vector.tobytes() in content for vector in people.vectors)
        assert people.seals[3].tobytes() in content

    def test_takes_over_other_numbers_and_who_changed(self, people, content):
        """Slots are given anew in each process; one person is gone, one replaced, one new."""
        rng = np.random.default_rng(9)
        owner = np.repeat(np.arange(400), people.counts)
        order = rng.permutation(400)
        order = order[order != 7]
        seals, vectors = people.seals.copy(), people.vectors.copy()
        seals[11], vectors[owner == 11] = 1, unit(rng.normal(size=(people.counts[11], 16)))
        new = unit(rng.normal(size=(2, 16))).astype(np.float16)
        now = held(
            np.concatenate([*(vectors[owner == which] for which in order), new]),
            [*people.counts[order], 2],
            seals=np.concatenate([seals[order], np.full((1, 12), 3, np.uint8)]),
        )
        index = ApproximateIndex(16)
        has = index.thaw(content, now)
        assert np.flatnonzero(~has).tolist() == [order.tolist().index(11), 399]
        missing = np.repeat(~has, now.counts)
        assert index.nearest(np.asarray(new[0], np.float32), 1).tolist() != [399]
        index.put(np.repeat(now.slots, now.counts)[missing], now.vectors[missing])
        assert len(index) == len(now.vectors)
        whose = np.repeat(now.slots, now.counts)
        found = [index.nearest(np.asarray(v, np.float32), 1).tolist() for v in now.vectors]
        assert np.mean([slots == [slot] for slots, slot in zip(found, whose, strict=True)]) > 0.99
        gone = np.asarray(people.vectors[owner == 7][0], np.float32)
        assert 7 not in [order[s] for s in index.nearest(gone, 3).tolist() if s < 399]
        # And once more, of a graph from which somebody was taken and put in again.
        index.remove(5)
        index.put(whose[whose == 5], now.vectors[whose == 5])
        again = ApproximateIndex(16)
        assert again.thaw(index.freeze(now), now).all()
        assert len(again) == len(now.vectors)
        again.remove(5)
        assert 5 not in again.nearest(np.asarray(now.vectors[whose == 5][0], np.float32), 40)

    def test_where_most_are_gone_it_is_built_anew(self, people, content):
        few = held(people.vectors[: people.counts[:40].sum()], people.counts[:40], seals=people.seals[:40])
        index = ApproximateIndex(16)
        assert not index.thaw(content, few).any()
        assert len(index) == 0

    def test_what_is_no_graph_of_this_form(self, people, content):
        for wrong in (b"", content[:10], content[:-1], content.replace(b"usearch", b"another", 1)):
            index = ApproximateIndex(16)
            assert not index.thaw(wrong, people).any()
        other = held(np.zeros((400, 8)), np.ones(400, int), seals=people.seals)
        assert not ApproximateIndex(8).thaw(content, other).any()


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    with pytest.raises(MissingExtra, match=r"sigverify\[search\]"):
        ApproximateIndex(16)
