"""The same model under tflite-runtime, the older library of 32-bit ARM boards, which needs numpy 1.

In an environment of its own, named by SIGVERIFY_TFLITE_PYTHON; `make test` makes it.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from builders import signature
from toy_networks import toy_model

from sigverify.manifest import Precision
from sigverify.modality.pen.features import features
from sigverify.runtime.embedder import Embedder

REPOSITORY = Path(__file__).resolve().parents[2]

CODE = """
import sys
import numpy as np
import sigverify
from sigverify.model_file import Model
from sigverify.runtime.embedder import Embedder, Runtime

assert np.__version__.startswith("1."), np.__version__
folder, kernels = sys.argv[1:]
embedder = Embedder.open(Model.read(folder + "/toy.sigmodel"), reference_kernels=kernels == "reference")
assert embedder.runtime is Runtime.TFLITE_RUNTIME, embedder.runtime
assert not {"tensorflow", "ai_edge_litert"} & set(sys.modules)
outputs = [embedder.run(each) for each in np.load(folder + "/features.npy")]
np.savez(folder + "/there.npz", vector=[o.vector for o in outputs], sequence=[o.sequence for o in outputs])
"""


@pytest.fixture(scope="module")
def python():
    path = os.environ.get("SIGVERIFY_TFLITE_PYTHON", "")
    if not path:
        pytest.skip("SIGVERIFY_TFLITE_PYTHON names no Python with tflite-runtime; `make test` makes one")
    if subprocess.run([path, "-c", "import tflite_runtime"], capture_output=True, check=False).returncode:
        pytest.skip(f"tflite-runtime is not installed in {path}")
    return path


@pytest.fixture
def both(python, tmp_path):
    """Return a function that runs 20 signatures here and there: `(vectors, sequences)` of each."""

    def run(precision, kernels):
        inputs = np.stack([features(signature(writer)) for writer in range(20)])
        np.save(tmp_path / "features.npy", inputs)
        toy_model(precision).write(tmp_path / "toy.sigmodel")
        subprocess.run(
            [python, "-c", CODE, str(tmp_path), kernels],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)},
            check=True,
            timeout=120,
        )
        with np.load(tmp_path / "there.npz") as file:
            there = file["vector"], file["sequence"]
        embedder = Embedder.open(toy_model(precision), reference_kernels=kernels == "reference")
        outputs = [embedder.run(each) for each in inputs]
        here = np.stack([o.vector for o in outputs]), np.stack([o.sequence for o in outputs])
        return here, there

    return run


def test_int8_with_reference_kernels_is_bit_identical_but_for_the_norm(both):
    (vector, sequence), (vector_there, sequence_there) = both(Precision.INT8, "reference")
    assert np.array_equal(sequence, sequence_there)
    # Two versions of numpy sum the squares of the norm in different orders: one unit in the last place.
    assert np.abs(vector - vector_there).max() < 2e-7


def test_int8_with_fast_kernels_strays_by_three_steps_at_most(both):
    """Where a sum lies near a tie they round apart by one int8 step; behind it tanh may triple that step."""
    (vector, sequence), (vector_there, sequence_there) = both(Precision.INT8, "fast")
    steps = np.abs(sequence - sequence_there) * 128
    assert steps.max() <= 3
    assert (steps > 0).mean() < 0.03
    assert (vector * vector_there).sum(axis=1).min() > 0.9995


@pytest.mark.parametrize("precision", [Precision.FLOAT32, Precision.FLOAT16])
def test_float_agrees_to_rounding(both, precision):
    """Different kernels add up in different orders: a few units in the last place of float32."""
    (vector, sequence), (vector_there, sequence_there) = both(precision, "fast")
    assert np.abs(vector - vector_there).max() < 1e-5
    assert np.abs(sequence - sequence_there).max() < 1e-5
