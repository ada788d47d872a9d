"""The same run under each backend that is installed; its network must load under the one in use here."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from sigverify.modality.pen.features import encode
from sigverify.training import Run

CODE = """
import sys, numpy as np
from sigverify.modality.pen.features import encode
from sigverify.training import (
    BatchConfig, LossConfig, Run, TraceSet, TrainConfig, ValidationConfig, train)
folder = sys.argv[1]
config = TrainConfig(
    encoder_options={"width": 8, "dilations": [1]}, epochs=2, steps_per_epoch=2,
    losses=(LossConfig(name="triplet"), LossConfig(name="classification"),
        LossConfig(name="alignment", options={"stride": 8})),
    batch=BatchConfig(writers=3, genuine=2, skilled=2, workers=1),
    validation=ValidationConfig(fraction=0.4, references=2))
traces = TraceSet.load(folder + "/traces.npz")
run = train(config, [traces], folder + "/run")
outputs = run.load_network()(encode(traces.traces[:4]))
np.savez(folder + "/outputs.npz", **{
    name: value.detach().numpy() if hasattr(value, "detach") else np.asarray(value)
    for name, value in outputs.items()})
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_trains_elsewhere_and_loads_here(backend, make_traces, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    traces = make_traces(6, genuine=4, skilled=2)
    traces.save(tmp_path / "traces.npz")
    env = {**os.environ, "KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path)],
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    run = Run.open(tmp_path / "run")
    assert run.provenance["backend"] == backend
    here = run.load_network()(encode(traces.traces[:4]))
    there = np.load(tmp_path / "outputs.npz")
    for name, value in here.items():
        # Two libraries' convolutions in float32; 1e-6 relative was measured.
        np.testing.assert_allclose(np.asarray(value), there[name], atol=1e-4)
