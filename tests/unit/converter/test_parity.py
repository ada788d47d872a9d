import numpy as np
import pytest

from converter.parity import Agreement


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
