"""Run a model's networks in tflite-micro on this machine: what memory they need there, what they compute."""

from typing import Any, Final

import numpy as np

from sigverify.arrays import Int8Array
from sigverify.errors import MissingExtra, ModelError
from sigverify.modality.registry import find_modality
from sigverify.model_file import Model
from sigverify.runtime.pair_network import pair_shape

STEP: Final = 256
"""Bytes to which the arena is measured."""
LARGEST: Final = 1 << 22
"""Bytes of the largest arena tried: more than any microcontroller has."""


class MicroNetwork:
    """A network in tflite-micro, with int8 in and out: the one that embeds, or if `pair` the pair network."""

    def __init__(self, model: Model, *, pair: bool = False, arena_bytes: int = LARGEST) -> None:
        """Set it up in an arena of that size.

        Raises:
            MissingExtra: tflite-micro is not installed.
            ModelError: the model has no such network, the arena is too small, or it lacks an operation.
        """
        network = model.pair_network if pair else model.network
        if not network:
            raise ModelError("a model without a pair network", received=model.manifest.name)
        manifest = model.manifest
        self._outputs = 1 if pair or manifest.sequence_shape is None else 2
        shape = pair_shape(find_modality(manifest.modality)) if pair else manifest.input_shape
        try:
            self._interpreter = _runtime().Interpreter.from_bytes(network, arena_size=arena_bytes)
            self.run(np.zeros((1, *shape), np.int8))  # too small shows only now
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                "tflite-micro cannot run this network", received=f"an arena of {arena_bytes} bytes: {error}"
            ) from error

    def run(self, stored: Int8Array) -> tuple[Int8Array, ...]:
        """Run it: `(1, frames, channels)` int8 as stored, to all outputs as stored."""
        self._interpreter.set_input(stored, 0)
        self._interpreter.invoke()
        return tuple(np.array(self._interpreter.get_output(number)) for number in range(self._outputs))


def arena_bytes(model: Model, *, pair: bool = False) -> int:
    """Return the smallest arena that runs the network, or the pair network, to `STEP` bytes.

    Raises:
        MissingExtra: tflite-micro is not installed.
        ModelError: no arena is large enough, or an operation is missing there.
    """
    MicroNetwork(model, pair=pair)
    too_small, enough = 0, LARGEST
    while enough - too_small > STEP:
        middle = (too_small + enough) // 2
        try:
            MicroNetwork(model, pair=pair, arena_bytes=middle)
        except ModelError:
            too_small = middle
        else:
            enough = middle
    return enough


def _runtime() -> Any:
    try:
        from tflite_micro.python.tflite_micro import runtime
    except ImportError as error:
        raise MissingExtra("tflite-micro is not installed", hint="pip install --pre tflite-micro") from error
    return runtime
