"""`Embedder`: runs a model's network on whatever this machine has.

Importing this module loads numpy only; `Embedder.open` loads the library it needs.
"""

import logging
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from sigverify.arrays import Float32Array
from sigverify.errors import ConfigError, InvalidSignature, MalformedModel, RuntimeUnavailable, one_line
from sigverify.forking import OwnLock
from sigverify.model_file import Model
from sigverify.runtime.interpreters import Runtime, choose, load_edgetpu, make_interpreter, parse_runtime
from sigverify.runtime.tensor import Tensor

MAX_THREADS: Final = 64
"""More than any board has; a mistyped number is refused before it makes thousands."""

_TINY: Final = 1e-12
"""A vector shorter than this stays as it is: it has no direction to normalize."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Output:
    """What the network says of one signature.

    Attributes:
        vector: `(e,)` float32 of length 1 (or all 0, if the network gave 0).
        sequence: `(t', d)` float32 in [-1, 1], or None where the model has no local sequence.
    """

    vector: Float32Array
    sequence: Float32Array | None


class Embedder:
    """A network, loaded and ready: features in, embedding out. Safe to share between threads.

    Make one with `Embedder.open` and keep it: opening takes milliseconds, running a fraction of one.
    """

    def __init__(self, model: Model, runtime: Runtime, interpreter: Any) -> None:
        """Take a fresh interpreter over; use `Embedder.open` instead."""
        self.model = model
        """The model it runs."""
        self.runtime = runtime
        """What runs it: never `Runtime.AUTO`."""
        self._lock = OwnLock("the network", error=RuntimeUnavailable)
        self._interpreter = interpreter
        manifest = model.manifest
        self._input = Tensor.find(interpreter.get_input_details(), "input", manifest.input_shape)
        outputs = interpreter.get_output_details()
        self._vector = Tensor.find(outputs, "vector", (manifest.vector_size,))
        self._sequence = (
            None
            if manifest.sequence_shape is None
            else Tensor.find(outputs, "sequence", manifest.sequence_shape)
        )
        self._scratch = np.empty(manifest.input_shape, np.float32)
        self._stored = np.empty((1, *manifest.input_shape), self._input.dtype)

    @classmethod
    def open(
        cls,
        model: Model,
        *,
        runtime: Runtime | str = Runtime.AUTO,
        threads: int = 1,
        reference_kernels: bool = False,
    ) -> Self:
        """Load the library and the network.

        Args:
            model: what to run.
            runtime: which interpreter or device; `AUTO` takes the first that is installed.
            threads: CPU threads a run may use; one is fastest for networks of this size.
            reference_kernels: run the plain kernels, several times slower. Of an int8 network their outputs
                are bit-identical in LiteRT, tflite-runtime and TensorFlow; those of the fast kernels differ
                in some values, mostly by a step or two of int8. For comparing runtimes.

        Raises:
            RuntimeUnavailable: the library or device is not here; the message says how to get it.
            MalformedModel: the network is no network, or not the one its manifest describes.
            ConfigError: no such interpreter, or threads out of range.
        """
        if not _is_whole(threads) or not 1 <= threads <= MAX_THREADS:
            raise ConfigError("threads out of range", expected=f"1 to {MAX_THREADS}", received=repr(threads))
        chosen, library = choose(parse_runtime(runtime))
        options: dict[str, Any] = {"num_threads": threads}
        if chosen is Runtime.EDGETPU:
            options["experimental_delegates"] = [load_edgetpu(library)]
        elif reference_kernels:
            options["experimental_op_resolver_type"] = (
                library.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            )
        interpreter = make_interpreter(library, model.network, options)
        try:
            embedder = cls(model, chosen, interpreter)
        except UnicodeDecodeError as error:
            raise MalformedModel("a tensor's name is no text", received=one_line(error)) from error
        _log.debug("model %s runs on %s", model.id, chosen)
        return embedder

    def run(self, features: Float32Array) -> Output:
        """Embed one signature's features, `(frames, channels)` float32.

        Raises:
            InvalidSignature: features of another shape, or not finite.
            MalformedModel: the network yields NaN or cannot be run.
        """
        if features.shape != self._scratch.shape:
            raise InvalidSignature(
                "features of another shape", expected=str(self._scratch.shape), received=str(features.shape)
            )
        if not np.isfinite(features).all():
            raise InvalidSignature("features are not finite", expected="finite numbers")
        with self._lock.hold():
            vector, sequence = self._invoke(features)
        return Output(_unit(self._vector.to_real(vector)[0]), self._real_sequence(sequence))

    def _invoke(self, features: Float32Array) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        """Run the interpreter, under the lock; the outputs are copies."""
        interpreter = self._interpreter
        self._input.to_stored(features, self._scratch, self._stored[0])
        interpreter.set_tensor(self._input.index, self._stored)
        try:
            interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise MalformedModel("the network cannot be run", received=one_line(error)) from error
        sequence = None if self._sequence is None else interpreter.get_tensor(self._sequence.index)
        return interpreter.get_tensor(self._vector.index), sequence

    def _real_sequence(self, stored: npt.NDArray[Any] | None) -> Float32Array | None:
        if self._sequence is None or stored is None:
            return None
        real: Float32Array = self._sequence.to_real(stored)[0]
        if not np.isfinite(real).all():
            raise MalformedModel("the network yields a sequence that is not finite")
        np.clip(real, -1.0, 1.0, out=real)
        return real


def _unit(vector: Float32Array) -> Float32Array:
    """Scale to length 1; a zero vector stays zero."""
    length = float(np.sqrt(np.dot(vector, vector)))
    if not np.isfinite(length):
        raise MalformedModel("the network yields a vector that is not finite")
    return vector / np.float32(length) if length > _TINY else np.zeros_like(vector)


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral)  # by a call: mypy takes no int for an Integral
