"""Keras and its backend: import `keras` from here.

Keras takes its backend from `KERAS_BACKEND` or `~/.keras/keras.json`, and tensorflow without either. Where
tensorflow is not installed, this picks jax, then torch, so that a machine with one of them needs no flag.
"""

import importlib
import importlib.util
import os
import sys
from typing import Any

from sigverify.errors import ConfigError, MissingExtra, one_line

BACKENDS = ("tensorflow", "jax", "torch")


def _choose_backend() -> None:
    if "keras" in sys.modules or "KERAS_BACKEND" in os.environ:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    found = [name for name in BACKENDS if importlib.util.find_spec(name) is not None]
    if found and found[0] != "tensorflow":
        os.environ["KERAS_BACKEND"] = found[0]


def _import_keras() -> Any:
    _choose_backend()
    chosen = os.environ.get("KERAS_BACKEND", BACKENDS[0])
    if chosen not in BACKENDS and "keras" not in sys.modules:
        raise ConfigError(
            "unknown KERAS_BACKEND",
            expected=" or ".join(BACKENDS),
            received=repr(chosen)[:60],
            hint="Unset it",
        )
    try:
        return importlib.import_module("keras")
    except ValueError as error:  # of what ~/.keras/keras.json names
        raise ConfigError(
            "keras cannot use its backend", expected=" or ".join(BACKENDS), received=one_line(error)
        ) from error
    except ImportError as error:
        raise MissingExtra(
            "training needs keras and one of its backends",
            expected="keras 3 with tensorflow, jax or torch",
            received=str(error),
            hint="Install them: pip install 'sigverify[train]'",
        ) from error


keras: Any = _import_keras()
ops: Any = keras.ops


def backend_name() -> str:
    """Name the backend in use: tensorflow, jax or torch."""
    return str(keras.backend.backend())


def device_names() -> list[str]:
    """List the accelerators that the backend sees, or the CPU where there is none."""
    try:
        found = [str(name) for name in keras.distribution.list_devices()]
    except (AttributeError, NotImplementedError, ValueError, RuntimeError):
        found = []
    return found or ["cpu"]
