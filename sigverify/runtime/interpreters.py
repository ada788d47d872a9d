"""`Runtime`: what can run a network, found and loaded: TFLite interpreters of several packages, the Edge TPU.

Importing this module loads none of them.
"""

import ctypes
import importlib
import warnings
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sigverify.errors import ConfigError, MalformedModel, RuntimeUnavailable, one_line
from sigverify.runtime.chatter import without_chatter

EDGETPU_LIBRARY: Final = "libedgetpu.so.1"


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


def parse_runtime(runtime: Runtime | str) -> Runtime:
    """Return the runtime of that name.

    Raises:
        ConfigError: there is none.
    """
    try:
        return Runtime(runtime)
    except ValueError as error:
        raise ConfigError("no such runtime", expected=" or ".join(Runtime), received=repr(runtime)) from error


def choose(runtime: Runtime) -> tuple[Runtime, Any]:
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
        f"no interpreter for the network: {'; '.join(reasons)}", hint="pip install ai-edge-litert"
    )


def load_edgetpu(library: Any) -> Any:
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


def make_interpreter(library: Any, network: bytes, options: dict[str, Any]) -> Any:
    """Build the interpreter of a flatbuffer and allocate its tensors."""
    try:
        with without_chatter(), warnings.catch_warnings():
            # TensorFlow points to its successor each time; whoever asks for it here has chosen it.
            warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter is deprecated", UserWarning)
            interpreter = library.Interpreter(model_content=network, **options)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise MalformedModel(
            "the interpreter refuses the network",
            received=one_line(error),
            hint="Convert the training run again; a network compiled for the Edge TPU runs there only",
        ) from error
    return interpreter
