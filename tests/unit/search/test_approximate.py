import sys

import numpy as np
import pytest

from sigverify.errors import MissingExtra
from sigverify.search.approximate import ApproximateIndex
from sigverify.search.exact import ExactIndex


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


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    with pytest.raises(MissingExtra, match=r"sigverify\[search\]"):
        ApproximateIndex(16)
