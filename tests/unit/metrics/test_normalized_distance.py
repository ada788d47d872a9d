import numpy as np
import pytest

from sigverify.metrics.normalized_distance import normalized_distance


def test_it_is_the_formula():
    rng = np.random.default_rng(0)
    distances, spread = rng.uniform(1, 2, (6, 4)), rng.uniform(1, 2, (4, 4))
    nearest = np.mean([min(spread[i, j] for j in range(4) if j != i) for i in range(4)])
    mean = np.mean([spread[i, j] for i in range(4) for j in range(4) if j != i])
    expected = [row.min() / nearest**0.5 + row.mean() / mean**0.5 for row in distances]
    assert normalized_distance(distances, spread) == pytest.approx(expected)


def test_copies_as_references_do_not_divide_by_zero():
    assert np.isfinite(normalized_distance(np.ones((1, 2)), np.zeros((2, 2)))).all()


def test_one_reference_has_no_spread():
    assert normalized_distance(np.array([[3.0], [5.0]]), np.zeros((1, 1))).tolist() == [3.0, 5.0]


def test_no_probes_no_distances():
    assert normalized_distance(np.zeros((0, 2)), np.ones((2, 2))).tolist() == []
