"""`PairNetwork`: runs a model's second network, which looks at two aligned captures."""

from typing import Any, Self

import numpy as np

from sigverify.arrays import Float32Array
from sigverify.errors import MalformedModel, RuntimeUnavailable, one_line
from sigverify.forking import OwnLock
from sigverify.matching.pair_inputs import pair_inputs
from sigverify.matching.pairing import Pairing
from sigverify.modality.modality import Modality
from sigverify.modality.registry import find_modality
from sigverify.model_file import Model
from sigverify.runtime.interpreters import Runtime, choose, load_edgetpu, make_interpreter
from sigverify.runtime.tensor import Tensor


class PairNetwork:
    """The network, loaded and ready; a `PairJudge`. Safe to share between threads."""

    def __init__(self, model: Model, interpreter: Any) -> None:
        """Take a fresh interpreter over; use `PairNetwork.open` instead.

        Raises:
            MalformedModel: it takes or yields something else than pairs of the model's modality.
        """
        modality: Modality[Any] = find_modality(model.manifest.modality)
        self._layout = modality.pair_layout
        shape = pair_shape(modality)
        self._lock = OwnLock("the pair network", error=RuntimeUnavailable)
        self._interpreter = interpreter
        self._input = Tensor.find(interpreter.get_input_details(), "pair_input", shape)
        self._output = Tensor.find(interpreter.get_output_details(), "pair", (1,))
        self._scratch = np.empty(shape, np.float32)
        self._stored = np.empty((1, *shape), self._input.dtype)

    @classmethod
    def open(cls, model: Model, *, runtime: Runtime, threads: int = 1) -> Self | None:
        """Load it by an interpreter that is there; None: the model has none.

        Raises:
            RuntimeUnavailable: the library or device is not here.
            MalformedModel: the network is no network, or not the one its manifest describes.
        """
        if not model.pair_network:
            return None
        chosen, library = choose(runtime)
        options: dict[str, Any] = {"num_threads": threads}
        if chosen is Runtime.EDGETPU:
            options["experimental_delegates"] = [load_edgetpu(library)]
        interpreter = make_interpreter(library, model.pair_network, options)
        try:
            return cls(model, interpreter)
        except UnicodeDecodeError as error:
            raise MalformedModel("a tensor's name is no text", received=one_line(error)) from error

    def __call__(self, pairing: Pairing) -> Float32Array:
        """Say how far a probe lies from each reference, as a logarithm: `(r,)` float32.

        Raises:
            MalformedModel: the network yields NaN or cannot be run.
        """
        return self.run(pair_inputs(pairing, self._layout))

    def run(self, inputs: Float32Array) -> Float32Array:
        """Judge laid-out pairs `(n, *pair_shape)`: `(n,)` float32.

        Raises:
            MalformedModel: the network yields NaN or cannot be run.
        """
        with self._lock.hold():
            said = np.array([self._invoke(each) for each in inputs], np.float32)
        if not np.isfinite(said).all():
            raise MalformedModel("the pair network yields a number that is not finite")
        return said

    def _invoke(self, inputs: Float32Array) -> np.float32:
        """Run the interpreter, under the lock."""
        self._input.to_stored(inputs, self._scratch, self._stored[0])
        self._interpreter.set_tensor(self._input.index, self._stored)
        try:
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise MalformedModel("the pair network cannot be run", received=one_line(error)) from error
        return np.float32(self._output.to_real(self._interpreter.get_tensor(self._output.index))[0, 0])


def pair_shape(modality: Modality[Any]) -> tuple[int, int]:
    """Return the shape of what a pair network takes: steps and inputs a step."""
    return (modality.series_shape[0] // 2, modality.pair_layout.depth)
