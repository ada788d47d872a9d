"""The numbers that tests/golden/regenerate.py wrote, computed by C alone."""

import json
from pathlib import Path

import numpy as np
import pytest
from builders import model
from native_core import NativeModel

from sigverify import Template, read_signature

GOLDEN = Path(__file__).parents[3] / "golden"
NUMBERS = json.loads((GOLDEN / "numbers.json").read_text())
INPUT = {"dtype": "int8", "position": 0, "scale": 1 / 32, "shape": [1, 256, 11], "zero_point": 0}
VECTOR = {"dtype": "int8", "position": 0, "scale": 1.0, "shape": [1, 64], "zero_point": 0}


@pytest.fixture(scope="module")
def values(library):
    return library.features(read_signature(GOLDEN / "genuine.csv"))


def test_features(values):
    np.testing.assert_allclose(values[::32], NUMBERS["features_every_32nd_frame"], atol=1e-5)


def test_input_bytes(library, values):
    its = model(sequence_shape=None, tensors={"input": INPUT, "vector": VECTOR})
    native = NativeModel(library, its.to_bytes())
    stored = np.frombuffer(native.quantize(values), np.int8).reshape(256, 11)
    np.testing.assert_array_equal(stored[::32], NUMBERS["input_every_32nd_frame"])


def test_elastic_costs(library):
    probe = library.features(read_signature(GOLDEN / "forged.csv"))[:, :7]
    series = np.clip(np.rint(probe * 32), -127, 127).astype(np.int8)
    references = Template.from_bytes((GOLDEN / "template.bin").read_bytes()).references.series
    assert (len(series) * library.elastic_distances(series, references)).tolist() == NUMBERS["elastic_costs"]


def test_scores(library):
    native = NativeModel(library, (GOLDEN / "model.sigmodel").read_bytes())
    distances, between = np.array(NUMBERS["distances"], np.float32), np.zeros((2, 2, 4), np.float32)
    between[0, 1] = between[1, 0] = NUMBERS["spread"]
    assert native.score(distances, between) == pytest.approx(NUMBERS["score"], abs=1e-4)
    alone = native.score(distances[:1], between[:1, :1])
    assert alone == pytest.approx(NUMBERS["score_of_one"], abs=1e-4)
