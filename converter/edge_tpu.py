"""Will it run on the Coral Edge TPU, and compile it so that it does.

Source: Coral, "TensorFlow models on the Edge TPU", model requirements and supported operations.
"""

import math
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from converter import tensorflow_backend
from sigverify.errors import ConversionError

COMPILER: Final = "edgetpu_compiler"
COMPILED: Final = "edgetpu-custom-op"
"""What the compiler puts in the place of all operations that it takes over."""
TIMEOUT_S: Final = 300
MAX_SOFTMAX: Final = 16_000


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of a TFLite graph.

    Attributes:
        name: the builtin's name, as CONV_2D.
        version: of the builtin; a compiler refuses versions newer than itself.
        shapes: of its outputs.
        types: of its inputs and outputs that are not biases, as INT8.
        settings: the builtin's options (dilation, stride, activation …), by their schema names.
        macs: multiplications with addition; 0 of what only moves or adds.
        constant_bytes: of weights, biases and other constants that it reads.
    """

    name: str
    version: int
    shapes: tuple[tuple[int, ...], ...]
    types: tuple[str, ...]
    settings: dict[str, Any]
    macs: int = 0
    constant_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class EdgeTpuMapping:
    """Which operations the Edge TPU takes over; true where it is all of them.

    Attributes:
        operations: `(name, reason)` in execution order; the reason is empty where it maps.
    """

    operations: tuple[tuple[str, str], ...]

    @property
    def complete(self) -> bool:
        """Whether the whole network runs on the Edge TPU."""
        return all(not reason for _, reason in self.operations)

    def __bool__(self) -> bool:
        return self.complete

    @property
    def mapped(self) -> int:
        """How many operations run there."""
        return sum(not reason for _, reason in self.operations)

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each operation that falls to the CPU."""
        return tuple(f"{name}: {reason}" for name, reason in self.operations if reason)


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """What the vendor's compiler made of a network, and what it said of it; "" and None: it did not say.

    Attributes:
        network: the compiled one.
        version: of the compiler.
        cached: memory on the chip that the weights take, as the compiler writes it ("94.00KiB").
        streamed: weights that do not fit there and are sent at each run.
        total: operations of the network.
        operations: `(name, how many, status)`; the status of those taken over is "Mapped to Edge TPU".
    """

    network: bytes
    version: str = ""
    cached: str = ""
    streamed: str = ""
    total: int | None = None
    operations: tuple[tuple[str, int, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what it said as JSON can hold it."""
        return {
            "version": self.version,
            "bytes": len(self.network),
            "cached": self.cached,
            "streamed": self.streamed,
            "total": self.total,
            "operations": [
                dict(zip(("name", "count", "status"), each, strict=True)) for each in self.operations
            ],
        }


def check(network: bytes) -> EdgeTpuMapping:
    """Check a TFLite network against the mapping rules, without the compiler.

    Everything after the first operation that does not map falls to the CPU.
    """
    result: list[tuple[str, str]] = []
    blocked = ""
    for operation in operations(network):
        reason = blocked or _objection(operation)
        result.append((operation.name, reason))
        if reason and not blocked:
            blocked = f"after {operation.name}, which does not map"
    return EdgeTpuMapping(operations=tuple(result))


def find_compiler() -> str:
    """Return the path of the vendor's compiler.

    Raises:
        ConversionError: it is not on PATH.
    """
    compiler = shutil.which(COMPILER)
    if compiler is None:
        raise ConversionError(
            f"{COMPILER} is not on PATH",
            hint="Install it from the Coral package repository (x86-64 Linux), or convert without edge_tpu",
        )
    return compiler


def compile_network(network: bytes) -> Compiled:
    """Compile an int8 network with the vendor's compiler.

    Raises:
        ConversionError: the compiler is not on PATH, fails, takes over 5 minutes, or maps nothing.
    """
    compiler = find_compiler()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "network.tflite")
        source.write_bytes(network)
        try:
            done = subprocess.run(  # noqa: S603 - a fixed command, found on the user's own PATH
                [compiler, "-s", "-o", folder, str(source)],
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ConversionError(f"{COMPILER} does not run", received=str(error)[:300]) from error
        target = Path(folder, "network_edgetpu.tflite")
        if done.returncode or not target.is_file():
            raise ConversionError(
                f"{COMPILER} failed",
                expected="exit code 0 and a compiled file",
                received=f"{done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}",
            )
        return read_log(target.read_bytes(), done.stdout)


def read_log(network: bytes, log: str) -> Compiled:
    """Return what the compiler printed of a network (with its option -s: of each kind of operation, too)."""

    def told(what: str) -> str:
        found = re.search(rf"^{what}:? +(\S+)$", log, re.MULTILINE)
        return found[1] if found else ""

    total = told("Total number of operations")
    return Compiled(
        network=network,
        version=told("Edge TPU Compiler version"),
        cached=told("On-chip memory used for caching model parameters"),
        streamed=told("Off-chip memory used for streaming uncached model parameters"),
        total=int(total) if total.isdecimal() else None,
        operations=tuple(
            (name, int(count), status)
            for name, count, status in re.findall(
                r"^([A-Z][A-Z0-9_]+) +(\d+) +(\S.*?)\s*$", log, re.MULTILINE
            )
        ),
    )


def operations(network: bytes) -> Iterator[Operation]:
    """Yield the operations of the network's only graph, in execution order."""
    tensorflow_backend.load()
    from tensorflow.lite.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(network, 0))
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    types = {code: name for name, code in vars(schema.TensorType).items() if not name.startswith("_")}
    graph = model.subgraphs[0]
    for each in graph.operators:
        code = model.operatorCodes[each.opcodeIndex]
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        used = [graph.tensors[index] for index in (*each.inputs, *each.outputs) if index >= 0]
        outputs = [graph.tensors[index] for index in each.outputs]
        shapes = tuple(tuple(int(size) for size in _list(tensor.shape)) for tensor in outputs)
        name = names.get(number, f"operation {number}")
        constants = [
            graph.tensors[index] for index in each.inputs if index >= 0 and _size(model, graph, index)
        ]
        yield Operation(
            name=(code.customCode or b"").decode("ascii", "replace") or name,
            version=int(code.version),
            shapes=shapes,
            # int32 tensors are biases, shapes and axes: constants that map with their operation.
            types=tuple(sorted({types[tensor.type] for tensor in used} - {"INT32"})),
            settings=dict(vars(each.builtinOptions)) if each.builtinOptions else {},
            macs=macs(name, shapes[0], [[*map(int, tensor.shape)] for tensor in constants]) if shapes else 0,
            constant_bytes=sum(_size(model, graph, index) for index in each.inputs if index >= 0),
        )


def macs(name: str, output: tuple[int, ...], constants: Sequence[Sequence[int]]) -> int:
    """Return how often an operation multiplies and adds, from the shapes of its output and its constants.

    A convolution's weights are (c, y, x, c'), a dense layer's (c, c'), read at each place of the output;
    of a depthwise convolution they are (1, y, x, c), and each channel reads its own.

    >>> macs("CONV_2D", (1, 1, 128, 48), [[48, 3, 3, 11], [48]])
    608256
    >>> macs("DEPTHWISE_CONV_2D", (1, 8, 8, 16), [[1, 3, 3, 16]]), macs("ADD", (1, 128), [])
    (9216, 0)
    """
    if not constants or name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        return 0
    weights, places = math.prod(constants[0]), math.prod(output)
    if name == "DEPTHWISE_CONV_2D":
        return places * math.prod(constants[0][1:3])
    return places // output[-1] * weights


def _size(model: Any, graph: Any, index: int) -> int:
    """Return the bytes of a tensor that is a constant; 0 of any other."""
    return len(_list(model.buffers[graph.tensors[index].buffer].data))


def _list(values: Any) -> list[int]:
    return [] if values is None else list(values)


def _objection(operation: Operation) -> str:
    """Return why the operation does not map, or nothing."""
    rule = _RULES.get(operation.name)
    if rule is None:
        return "the Edge TPU has no such operation"
    if set(operation.types) - {"INT8", "UINT8"}:
        return f"computes in {', '.join(operation.types)}, not int8"
    if any(size > 1 for shape in operation.shapes for size in shape[:-3]):
        return f"more than the three innermost dimensions exceed 1: {operation.shapes}"
    if any(size < 1 for shape in operation.shapes for size in shape):
        return f"the shape is not constant: {operation.shapes}"
    return rule(operation)


def _always(_: Operation) -> str:
    return ""


def _equal_dilation(operation: Operation) -> str:
    width, height = (operation.settings.get(f"dilation{side}Factor", 1) for side in "WH")
    return "" if width == height else f"dilation {height} × {width} differs in y and x"


def _no_activation(operation: Operation) -> str:
    return "a fused activation" if operation.settings.get("fusedActivationFunction", 0) else ""


def _one_dimensional(operation: Operation) -> str:
    wide = [shape for shape in operation.shapes if sum(size > 1 for size in shape) > 1]
    return f"output {wide[0]} is not one-dimensional" if wide else ""


def _small_softmax(operation: Operation) -> str:
    size = max((max(shape, default=0) for shape in operation.shapes), default=0)
    return f"over {MAX_SOFTMAX} values" if size > MAX_SOFTMAX else ""


_RULES: Final[dict[str, Callable[[Operation], str]]] = {
    "CONV_2D": _equal_dilation,
    "DEPTHWISE_CONV_2D": _equal_dilation,
    "FULLY_CONNECTED": _one_dimensional,
    "MAX_POOL_2D": _no_activation,
    "AVERAGE_POOL_2D": _no_activation,
    "SOFTMAX": _small_softmax,
    COMPILED: _always,
    **dict.fromkeys(
        (
            "ADD", "MUL", "SUB", "MEAN", "L2_NORMALIZATION", "RELU", "RELU6", "LOGISTIC", "TANH",
            "CONCATENATION", "PAD", "QUANTIZE", "RESHAPE", "SLICE", "STRIDED_SLICE",
        ),
        _always,
    ),
}  # fmt: skip
"""Operations that map, each with what it must also hold."""
