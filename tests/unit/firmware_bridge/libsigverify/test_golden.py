"""The numbers that tests/golden/regenerate.py wrote, computed by C alone."""

import json
from pathlib import Path

import numpy as np
import pytest
from builders import model
from native_core import NativeModel

from sigverify import Model, Template, read_signature
from sigverify.matching.distances import signs

GOLDEN = Path(__file__).parents[3] / "golden"
NUMBERS = json.loads((GOLDEN / "numbers.json").read_text())
INPUT = {"dtype": "int8", "position": 0, "scale": 1 / 32, "shape": [1, 256, 12], "zero_point": 0}
VECTOR = {"dtype": "int8", "position": 0, "scale": 1.0, "shape": [1, 64], "zero_point": 0}


@pytest.fixture(scope="module")
def values(library):
    return library.features(read_signature(GOLDEN / "genuine.csv"))


def test_features(values):
    np.testing.assert_allclose(values[::32], NUMBERS["features_every_32nd_frame"], atol=1e-5)


def test_input_bytes(library, values):
    its = model(sequence_shape=None, tensors={"input": INPUT, "vector": VECTOR})
    native = NativeModel(library, its.to_bytes())
    stored = np.frombuffer(native.quantize(values), np.int8).reshape(256, 12)
    np.testing.assert_array_equal(stored[::32], NUMBERS["input_every_32nd_frame"])


def test_elastic_costs(library):
    probe = library.features(read_signature(GOLDEN / "forged.csv"))[:, :7]
    series = np.clip(np.rint(probe * 32), -127, 127).astype(np.int8)
    references = Template.from_bytes((GOLDEN / "template.bin").read_bytes()).references.series
    paths = library.paths(series, references)
    assert paths.total.tolist() == NUMBERS["elastic_costs"]
    every = [paths.first[:, ::32].tolist(), paths.last[:, ::32].tolist()]
    assert every == NUMBERS["path_every_32nd_frame"]


def test_scores(library):
    native = NativeModel(library, (GOLDEN / "model.sigmodel").read_bytes())
    distances, apart = (np.array(NUMBERS[name], np.float32) for name in ("distances", "spread"))
    between = np.zeros((2, 2, len(apart)), np.float32)
    between[0, 1] = apart
    between[1, 0] = apart * signs(Model.read(GOLDEN / "model.sigmodel").manifest.cues)
    assert native.score(distances, between) == pytest.approx(NUMBERS["score"], abs=1e-4)
    alone = native.score(distances[:1], between[:1, :1])
    assert alone == pytest.approx(NUMBERS["score_of_one"], abs=1e-4)
