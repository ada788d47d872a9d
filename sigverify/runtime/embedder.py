"""`Embedder`: runs a model's network on whatever this machine has.

Importing this module loads numpy only; `Embedder.open` loads the library it needs.
"""

import ctypes
import importlib
import logging
import threading
from dataclasses import dataclass
from enum import StrEnum
from numbers import Integral
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from sigverify.arrays import Float32Array
from sigverify.errors import ConfigError, InvalidSignature, MalformedModel, RuntimeUnavailable, one_line
from sigverify.model_file import Model

EDGETPU_LIBRARY: Final = "libedgetpu.so.1"
MAX_THREADS: Final = 64

_TINY: Final = 1e-12
"""A vector shorter than this stays as it is: it has no direction to normalize."""

_log = logging.getLogger(__name__)


class Runtime(StrEnum):
    """What runs the network."""

    AUTO = "auto"
    """`NATIVE` where that is built or installed, else the first interpreter that is: LiteRT, tflite-runtime,
    TensorFlow."""
    NATIVE = "native"
    """libsigverify: features and matching in C too, the same numbers; see docs/native.md."""
    LITERT = "litert"
    TFLITE_RUNTIME = "tflite-runtime"
    TENSORFLOW = "tensorflow"
    EDGETPU = "edgetpu"
    """A Coral Edge TPU, through LiteRT or tflite-runtime; never chosen by AUTO."""


@dataclass(frozen=True, eq=False)
class Output:
    """What the network says of one signature.

    Attributes:
        vector: `(e,)` float32 of length 1 (or all 0, if the network gave 0).
        sequence: `(t', d)` float32 in [-1, 1], or None where the model has no local sequence.
    """

    vector: Float32Array
    sequence: Float32Array | None


@dataclass(frozen=True)
class _Library:
    """A package with an `Interpreter` of the TFLite interface."""

    module: str
    package: str

    def load(self) -> Any:
        """Import the package.

        Raises:
            RuntimeUnavailable: it is not installed, or installed but broken.
        """
        try:
            return importlib.import_module(self.module)
        except ModuleNotFoundError as error:
            raise RuntimeUnavailable(
                f"{self.package} is not installed", hint=f"pip install {self.command}"
            ) from error
        except (ImportError, AttributeError) as error:
            raise RuntimeUnavailable(
                f"{self.package} does not load here",
                received=one_line(error),
                hint=f"pip install {self.command}",
            ) from error

    @property
    def command(self) -> str:
        """What to hand to `pip install`."""
        return "tflite-runtime 'numpy<2'" if self.package == "tflite-runtime" else self.package


_LIBRARIES: Final = {
    Runtime.LITERT: _Library("ai_edge_litert.interpreter", "ai-edge-litert"),
    Runtime.TFLITE_RUNTIME: _Library("tflite_runtime.interpreter", "tflite-runtime"),
    # The module itself, not `tf.lite`: that is loaded lazily and is the same class.
    Runtime.TENSORFLOW: _Library("tensorflow.lite.python.interpreter", "tensorflow"),
}


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
        self._lock = threading.Lock()
        self._interpreter = interpreter
        manifest = model.manifest
        self._input = _Port.find(interpreter.get_input_details(), "input", manifest.input_shape)
        outputs = interpreter.get_output_details()
        self._vector = _Port.find(outputs, "vector", (manifest.vector_size,))
        self._sequence = (
            None
            if manifest.sequence_shape is None
            else _Port.find(outputs, "sequence", manifest.sequence_shape)
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
        chosen, library = _choose(parse_runtime(runtime))
        options: dict[str, Any] = {"num_threads": threads}
        if chosen is Runtime.EDGETPU:
            options["experimental_delegates"] = [_edgetpu(library)]
        elif reference_kernels:
            options["experimental_op_resolver_type"] = (
                library.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            )
        interpreter = _interpreter(library, model, options)
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
        with self._lock:
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


@dataclass(frozen=True, eq=False)
class _Port:
    """An input or output tensor: `real = scale * (stored - zero_point)`, scale 0 where stored as float."""

    index: int
    dtype: npt.DTypeLike
    scale: np.float32
    zero_point: np.float32

    @classmethod
    def find(cls, details: list[dict[str, Any]], name: str, shape: tuple[int, ...]) -> Self:
        """Find the tensor of shape `(1, *shape)`.

        By shape, as names and order differ between converters: the vector has one dimension, the
        sequence two, so that they are never taken for each other.
        """
        shapes = [tuple(int(size) for size in each["shape"]) for each in details]
        found = [each for each, its in zip(details, shapes, strict=True) if its == (1, *shape)]
        if len(found) != 1:
            raise MalformedModel(
                f"the network does not match its manifest: {name}",
                expected=f"one tensor of shape {(1, *shape)}",
                received=f"{shapes}",
            )
        return cls._of(found[0], name)

    @classmethod
    def _of(cls, details: dict[str, Any], name: str) -> Self:
        dtype = np.dtype(details["dtype"])
        scale, zero_point = details["quantization"]
        if dtype not in (np.dtype(np.float32), np.dtype(np.int8), np.dtype(np.uint8)):
            raise MalformedModel(
                f"the network's {name} is of another type",
                expected="float32, int8 or uint8",
                received=str(dtype),
            )
        if dtype != np.float32 and not (np.isfinite(scale) and scale > 0):
            raise MalformedModel(
                f"the network's {name} has no scale", expected="above 0", received=str(scale)
            )
        return cls(int(details["index"]), dtype, np.float32(scale), np.float32(zero_point))

    def to_stored(self, real: Float32Array, scratch: Float32Array, stored: npt.NDArray[Any]) -> None:
        """Write the real values as the tensor stores them: `clip(rint(real / scale) + zero_point)`."""
        if self.dtype == np.float32:
            stored[...] = real
            return
        limits = np.iinfo(stored.dtype)
        np.divide(real, self.scale, out=scratch)
        np.rint(scratch, out=scratch)
        scratch += self.zero_point
        np.clip(scratch, limits.min, limits.max, out=scratch)
        stored[...] = scratch

    def to_real(self, stored: npt.NDArray[Any]) -> Float32Array:
        """Return the real values, float32."""
        if self.dtype == np.float32:
            return stored
        real: Float32Array = stored.astype(np.float32)
        real -= self.zero_point
        real *= self.scale
        return real


def parse_runtime(runtime: Runtime | str) -> Runtime:
    """Return the runtime of that name.

    Raises:
        ConfigError: there is none.
    """
    try:
        return Runtime(runtime)
    except ValueError as error:
        raise ConfigError("no such runtime", expected=" or ".join(Runtime), received=repr(runtime)) from error


def _choose(runtime: Runtime) -> tuple[Runtime, Any]:
    """Return what runs and its library, loaded."""
    if runtime is Runtime.NATIVE:
        raise ConfigError("no interpreter of that name", expected=" or ".join(_LIBRARIES), received=runtime)
    if runtime in _LIBRARIES:
        return runtime, _LIBRARIES[runtime].load()
    candidates = list(_LIBRARIES) if runtime is Runtime.AUTO else [Runtime.LITERT, Runtime.TFLITE_RUNTIME]
    reasons = []
    for candidate in candidates:
        try:
            library = _LIBRARIES[candidate].load()
        except RuntimeUnavailable as error:
            reasons.append(str(error))
        else:
            return (candidate if runtime is Runtime.AUTO else runtime), library
    raise RuntimeUnavailable(
        "no interpreter for the network", received="; ".join(reasons), hint="pip install ai-edge-litert"
    )


def _edgetpu(library: Any) -> Any:
    """Load the Edge TPU delegate.

    Raises:
        RuntimeUnavailable: the library is not installed, or no device answers.
    """
    try:
        ctypes.CDLL(EDGETPU_LIBRARY)  # load_delegate leaves a half-made object that complains when collected
        return library.load_delegate(EDGETPU_LIBRARY)
    except OSError as error:
        raise RuntimeUnavailable(
            f"the Edge TPU library {EDGETPU_LIBRARY} is not installed",
            received=one_line(error),
            hint="Install libedgetpu1-std from the Coral package repository, or use runtime='auto'",
        ) from error
    except (ValueError, RuntimeError) as error:
        raise RuntimeUnavailable(
            "no Edge TPU answers",
            received=one_line(error),
            hint="Plug it in and check the udev rules, then try again",
        ) from error


def _interpreter(library: Any, model: Model, options: dict[str, Any]) -> Any:
    """Build the interpreter and allocate its tensors."""
    try:
        interpreter = library.Interpreter(model_content=model.network, **options)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise MalformedModel(
            "the interpreter refuses the network",
            received=one_line(error),
            hint="Convert the training run again; a network compiled for the Edge TPU runs there only",
        ) from error
    return interpreter


def _unit(vector: Float32Array) -> Float32Array:
    """Scale to length 1; a zero vector stays zero."""
    length = float(np.sqrt(np.dot(vector, vector)))
    if not np.isfinite(length):
        raise MalformedModel("the network yields a vector that is not finite")
    return vector / np.float32(length) if length > _TINY else np.zeros_like(vector)


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral)
