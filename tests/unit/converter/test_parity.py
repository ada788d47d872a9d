import numpy as np
import pytest

from converter.parity import Agreement, PairAgreement


def test_agreement_by_plain_loops():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 9, 4, 3)).astype(np.float32)
    cosines = [
        np.dot(a.ravel(), b.ravel()) / (np.linalg.norm(a) * np.linalg.norm(b))
        for a, b in zip(first, second, strict=True)
    ]
    agreement = Agreement.between(first, second)
    assert agreement.minimum == pytest.approx(min(cosines), abs=1e-6)
    assert agreement.mean == pytest.approx(np.mean(cosines), abs=1e-6)


def test_zeros_agree_with_zeros_only():
    zeros, ones = np.zeros((1, 3), np.float32), np.ones((1, 3), np.float32)
    assert Agreement.between(zeros, zeros).minimum == 1
    assert Agreement.between(zeros, ones).minimum == 0


def test_pairs_are_compared_one_by_one():
    first = np.array([0.0, 1.0, 2.0, 4.0], np.float32)
    second = np.array([0.5, 1.0, 2.25, 3.0], np.float32)
    found = PairAgreement.between(first, second)
    assert (found.largest, found.mean) == (1.0, 0.4375)
    assert found.correlation == pytest.approx(np.corrcoef(first, second)[0, 1], abs=1e-6)
    assert PairAgreement.between(first, first).correlation == 1


def test_a_pair_network_that_always_says_the_same_agrees_with_nothing():
    first = np.array([0.0, 1.0], np.float32)
    assert PairAgreement.between(first, np.full(2, 0.5, np.float32)).correlation == 0
