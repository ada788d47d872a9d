"""`Devices`: the accelerators that one run is spread over."""

import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from typing import Any

from sigverify.errors import TrainingError
from sigverify.training.backend import backend_name, keras

logger = logging.getLogger(__name__)


class Devices:
    """A single device: what most machines have, and all that torch uses."""

    count = 1
    """Equal parts that a batch is split into."""

    processes = 1
    """Processes that train together, each with as many of the devices."""

    process = 0
    """Which of them this is; the first writes the run, the others keep copies beside it."""

    def build(self) -> AbstractContextManager[Any]:
        """Within: networks and optimizers that are made are spread."""
        return nullcontext()

    def fit(self) -> AbstractContextManager[Any]:
        """Within: what is spread is trained."""
        return nullcontext()

    def alone(self) -> AbstractContextManager[Any]:
        """Within `fit`: what is not spread runs on one device, with batches of any size."""
        return nullcontext()


class JaxDevices(Devices):
    """Data-parallel by `keras.distribution`: one step over the whole batch, computed by all devices.

    Losses and batch normalization see the whole batch, so the result is that of one device. The devices may
    belong to several processes, on one machine or many.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """Spread over the devices of those names."""
        jax = import_module("jax")
        self.count, self.processes, self.process = len(names), jax.process_count(), jax.process_index()
        self._distribution = keras.distribution.DataParallel(devices=list(names), auto_shard_dataset=False)

    def build(self) -> AbstractContextManager[Any]:
        """Make variables that every device holds."""
        return self._within(self._distribution)

    def fit(self) -> AbstractContextManager[Any]:
        """Split batches."""
        return self._within(self._distribution)

    def alone(self) -> AbstractContextManager[Any]:
        """Split nothing."""
        return self._within(None)

    @contextmanager
    def _within(self, distribution: Any) -> Iterator[None]:
        before = keras.distribution.distribution()
        keras.distribution.set_distribution(distribution)
        try:
            yield
        finally:
            keras.distribution.set_distribution(before)


class TensorflowDevices(Devices):
    """Data-parallel by `tf.distribute.MirroredStrategy`: each device takes its writers of a batch.

    Losses mine and batch normalization averages among the writers of one device; gradients are averaged.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """Spread over the devices of those names."""
        self.count = len(names)
        self._strategy = import_module("tensorflow").distribute.MirroredStrategy(list(names))

    def build(self) -> AbstractContextManager[Any]:
        """Make variables that every device holds; keras remembers it when it fits."""
        scope: AbstractContextManager[Any] = self._strategy.scope()
        return scope


def find_devices(at_most: int) -> Devices:
    """Take all accelerators that the backend sees, but no more than `at_most`; call it before training.

    Raises:
        TrainingError: `TF_CONFIG` names several workers, which keras cannot train on tensorflow.
    """
    backend = backend_name()
    if backend == "tensorflow":
        _refuse_workers(os.environ.get("TF_CONFIG", ""))
        names = _tensorflow_names()[:at_most]
        return _logged(TensorflowDevices(names)) if len(names) > 1 else Devices()
    if backend == "jax":
        _join_processes()
        names = [str(name) for name in keras.distribution.list_devices()]
        return _logged(JaxDevices(_usable(names, at_most))) if len(names) > 1 else Devices()
    return Devices()


def _join_processes() -> None:
    """Meet the other processes that keras's environment variables name; waits for them."""
    jax = import_module("jax")
    if os.environ.get("KERAS_DISTRIBUTION_NUM_PROCESSES") and not jax.distributed.is_initialized():
        keras.distribution.initialize()


def _usable(names: Sequence[str], at_most: int) -> list[str]:
    """As many devices as there are writers for; of several processes all.

    Raises:
        TrainingError: too few writers for the devices of all processes.
    """
    processes = int(import_module("jax").process_count())
    if processes > 1 and len(names) > at_most:
        raise TrainingError(
            "a batch has too few writers for all devices",
            expected=f"at least {len(names)}, one for each",
            received=str(at_most),
        )
    return list(names[:at_most])


def _logged(devices: Devices) -> Devices:
    logger.info("training on %d devices", devices.count)
    return devices


def _tensorflow_names() -> list[str]:
    """GPUs; or CPUs, where somebody has split the CPU into several."""
    config = import_module("tensorflow").config
    found = config.list_logical_devices("GPU") or config.list_logical_devices("CPU")
    return [str(device.name) for device in found]


def _refuse_workers(text: str) -> None:
    """Refuse a `TF_CONFIG` of several machines: each would train on its own, unaware of the others."""
    try:
        cluster = json.loads(text or "{}").get("cluster", {})
        workers = sum(len(cluster.get(role, ())) for role in ("chief", "worker"))
    except (ValueError, AttributeError, TypeError) as error:
        raise TrainingError("TF_CONFIG is no cluster description", received=str(error)) from error
    if workers > 1:
        raise TrainingError(
            "keras 3 cannot train on several machines with tensorflow",
            expected="TF_CONFIG unset, or with one worker",
            received=f"{workers} workers",
            hint="Use the GPUs of one machine, or KERAS_BACKEND=jax",
        )
