"""`Encoder`: a trained Keras network with the outputs "vector" and, if any, "sequence"."""

import contextlib
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from converter import tensorflow_backend
from sigverify.arrays import Float32Array
from sigverify.errors import ConversionError
from sigverify.matching.elastic import ALIGNABLE, can_be_aligned
from sigverify.training.run.unreadable import UNREADABLE

_BATCH: Final = 64


@dataclass(frozen=True, eq=False)
class Encoder:
    """A trained network, as it is and as it converts.

    Attributes:
        trained: the Keras model as it was trained.
        network: the same rebuilt on a fixed batch of one, float32 throughout, its outputs a dict.
        input_shape: of one input.
        vector_size: length of output "vector".
        sequence_shape: `(frames, dimensions)` of output "sequence", None where there is none.
    """

    trained: Any
    network: Any
    input_shape: tuple[int, ...]
    vector_size: int
    sequence_shape: tuple[int, int] | None

    @classmethod
    def load(cls, path: Path, input_shape: tuple[int, ...]) -> Self:
        """Load a `.keras` file that takes inputs of that shape.

        Raises:
            ConversionError: not such a file, of unknown layers, or not of the network contract.
            MissingExtra: tensorflow is not installed.
        """
        # Registers the layers of sigverify's own encoders, where there are any.
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module("sigverify.training.encoders")
        return cls.of(read_network(path), input_shape)

    @classmethod
    def of(cls, network: Any, input_shape: tuple[int, ...] | None = None) -> Self:
        """Take a Keras model over: rebuilt on a batch of one, its outputs named and checked.

        A free batch dimension would add SHAPE, STRIDED_SLICE and PACK to the graph; layers trained
        in mixed precision become float32.

        Args:
            network: a `keras.Model`.
            input_shape: of one input; None takes whatever fixed shape the network has.

        Raises:
            ConversionError: inputs or outputs are not of the network contract.
        """
        _, keras = tensorflow_backend.load()
        fixed = rebuilt(network, input_shape)
        outputs = _named(fixed.output)
        # A name of its own: the same bytes each time.
        fixed = keras.Model(fixed.inputs[0], outputs, name="encoder")
        return cls(
            trained=network,
            network=fixed,
            input_shape=tuple(fixed.inputs[0].shape)[1:],
            vector_size=int(outputs["vector"].shape[1]),
            sequence_shape=_shape(outputs.get("sequence")),
        )

    def __call__(self, features: Float32Array) -> tuple[Float32Array, Float32Array | None]:
        """Run as trained, `(n, *input_shape)`: vectors `(n, e)` and sequences `(n, t', d)` or None."""
        batches = (features[start : start + _BATCH] for start in range(0, len(features), _BATCH))
        parts = [_named(self.trained(batch, training=False)) for batch in batches]
        joined = {
            name: np.concatenate([np.asarray(part[name], np.float32) for part in parts]) for name in parts[0]
        }
        return joined["vector"], joined.get("sequence")


def read_network(path: Path) -> Any:
    """Read a Keras model.

    Raises:
        ConversionError: not such a file, or of unknown layers.
        MissingExtra: tensorflow is not installed.
    """
    _, keras = tensorflow_backend.load()
    try:
        return keras.models.load_model(path, compile=False)
    except UNREADABLE as error:
        raise ConversionError(f"{path.name} cannot be loaded", received=str(error)[:500]) from error


def rebuilt(network: Any, input_shape: tuple[int, ...] | None = None) -> Any:
    """Return a Keras model of one input on a batch of one, float32 throughout, with the same weights.

    Raises:
        ConversionError: it takes something else than `input_shape` (None: whatever fixed shape it has), or
            cannot be rebuilt.
    """
    _, keras = tensorflow_backend.load()
    shapes = [tuple(each.shape)[1:] for each in getattr(network, "inputs", None) or ()]
    fixed_shape = len(shapes) == 1 and None not in shapes[0]
    if not fixed_shape or shapes[0] != (input_shape or shapes[0]):
        raise ConversionError(
            "the network takes another input",
            expected=f"one of (batch, {', '.join(map(str, input_shape or ('a fixed shape',)))})",
            received=str(shapes),
            hint="It was trained on other features: train it again with this release",
        )
    inputs = keras.Input(batch_shape=(1, *shapes[0]), name="features")
    # The new input in the nesting that the network was built with: bare, a list or a dict.
    nested = keras.tree.map_structure(lambda _: inputs, network.input)
    try:
        fixed = keras.models.clone_model(network, input_tensors=nested, clone_function=_in_float32)
    except (ValueError, TypeError) as error:
        raise ConversionError("the network cannot be rebuilt", received=str(error)[:500]) from error
    fixed.set_weights(network.get_weights())
    return keras.Model(inputs, fixed.output, name="network")


def _in_float32(layer: Any) -> Any:
    config = layer.get_config()
    if "dtype" in config:
        config["dtype"] = "float32"
    return layer.__class__.from_config(config)


def _named(output: Any) -> dict[str, Any]:
    """Return the outputs by name, checked; a lone tensor is the vector."""
    outputs = dict(output) if isinstance(output, dict) else {"vector": output}
    ranks = {name: len(getattr(tensor, "shape", ())) for name, tensor in outputs.items()}
    if ranks not in ({"vector": 2}, {"vector": 2, "sequence": 3}):
        raise ConversionError(
            "the network has other outputs",
            expected='{"vector": (batch, e)} and, if any, {"sequence": (batch, frames, d)}',
            received=str({name: getattr(tensor, "shape", None) for name, tensor in outputs.items()}),
        )
    return outputs


def _shape(tensor: Any) -> tuple[int, int] | None:
    if tensor is None:
        return None
    steps, depth = int(tensor.shape[1]), int(tensor.shape[2])
    if not can_be_aligned(steps, depth):
        raise ConversionError(
            "the network's sequence cannot be aligned", expected=ALIGNABLE, received=f"{steps} × {depth}"
        )
    return steps, depth
