from dataclasses import replace

import numpy as np
import pytest
from builders import references

from sigverify.matching.cues import EXTENT
from sigverify.matching.pairing import Pairing


def test_it_is_positive_where_the_probe_is_larger():
    its = replace(references(3), extent=np.array([1000, 2000, 500], np.float32))
    found = EXTENT.measure(Pairing(its[0], its))
    np.testing.assert_allclose(found, np.log([1, 0.5, 2]), atol=1e-6)
    assert found.dtype == np.float32
    assert EXTENT.signed
    assert not EXTENT.relative


def test_each_of_several_probes():
    its = replace(references(2), extent=np.array([1000, 2000], np.float32))
    assert EXTENT.measure(Pairing(its, its.take([1, 1]))).tolist() == pytest.approx([np.log(0.5), 0])
