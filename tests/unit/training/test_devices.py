"""A run on two devices: two parts of the CPU, in a process of its own; or two processes that meet."""

import importlib.util
import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
from warm_python import warm_python

from sigverify.errors import TrainingError
from sigverify.training import Run
from sigverify.training.devices import Devices, find_devices

CODE = """
import sys
from sigverify.training import (
    Augmentation, BatchConfig, LossConfig, TraceSet, TrainConfig, ValidationConfig, train)
folder, devices, losses = sys.argv[1], int(sys.argv[2]), sys.argv[3].split(",")
from sigverify.training.backend import backend_name, keras
if backend_name() == "tensorflow":
    import tensorflow as tf
    parts = [tf.config.LogicalDeviceConfiguration()] * devices
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], parts)
config = TrainConfig(
    encoder_options={"width": 8, "dilations": [1]}, epochs=1, steps_per_epoch=2,
    losses=tuple(LossConfig(name=name) for name in losses), augmentation=Augmentation.none(),
    batch=BatchConfig(writers=4, genuine=2, skilled=2, workers=1),
    validation=ValidationConfig(fraction=0.34, references=2))
train(config, [TraceSet.load(folder + "/traces.npz")], f"{folder}/run{devices}")
"""


def start(backend, folder, devices, losses, **more):
    env = {**os.environ, "KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    env["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={devices}"
    env |= {name: str(value) for name, value in more.items()}
    python = warm_python() if backend == "tensorflow" else [sys.executable]
    return subprocess.Popen(
        [*python, "-c", CODE, str(folder), str(devices), losses],
        env=env,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(processes):
    try:
        for process in processes:
            said = process.communicate(timeout=200)[1]
            assert process.returncode == 0, said[-2000:]
    finally:
        for process in processes:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_two_devices_train_as_one(backend, make_traces, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    make_traces(6, genuine=4, skilled=2).save(tmp_path / "traces.npz")
    # On tensorflow each device mines among its own writers; a loss that averages over signatures shows that
    # the devices' parts are weighed right.
    losses = "triplet,classification" if backend == "jax" else "classification"
    processes = [start(backend, tmp_path, devices, losses) for devices in (1, 2)]
    finish(processes)
    alone, spread = (Run.open(tmp_path / f"run{devices}") for devices in (1, 2))
    assert (alone.provenance["devices_used"], spread.provenance["devices_used"]) == (1, 2)
    # jax computes the same step (sums in another order); on tensorflow batch normalization sees half a batch.
    tolerance = 1e-4 if backend == "jax" else 0.1
    assert spread.history[0]["loss"] == pytest.approx(alone.history[0]["loss"], rel=tolerance)
    assert len(spread.load_network().output["vector"].shape) == 2


@pytest.mark.slow
def test_two_processes_on_loopback_train_one_network(make_traces, tmp_path):
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    make_traces(6, genuine=4, skilled=2).save(tmp_path / "traces.npz")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    names = [f"KERAS_DISTRIBUTION_{end}" for end in ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")]
    processes = [
        start("jax", tmp_path, 1, "triplet", **dict(zip(names, (address, 2, number), strict=True)))
        for number in (0, 1)
    ]
    finish(processes)
    runs = [Run.open(tmp_path / name) for name in ("run1", "run1.process-1")]
    assert [run.provenance["devices_used"] for run in runs] == [2, 2]
    assert runs[0].history == runs[1].history
    for one, other in zip(*(run.load_network().get_weights() for run in runs), strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_device_is_used_as_it_is(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert type(find_devices(at_most=8)) is Devices


def test_several_machines_are_refused_on_tensorflow(monkeypatch):
    cluster = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(TrainingError, match="2 workers"):
        find_devices(at_most=8)
    monkeypatch.setenv("TF_CONFIG", "[")
    with pytest.raises(TrainingError, match="no cluster description"):
        find_devices(at_most=8)
