"""`to_tflite`: from a Keras network to the bytes of a TFLite network."""

import re
from collections.abc import Iterator
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from converter import tensorflow_backend
from converter.encoder import Encoder
from converter.options import parse_precision
from converter.pair import PairEncoder
from converter.pointwise import pointwise
from converter.tensors import named
from sigverify.arrays import Float32Array
from sigverify.errors import ConversionError
from sigverify.manifest import Precision

_T = TypeVar("_T", bound=np.generic)

_LARGEST: Final = 1e30
"""Input values beyond this overflow in the first sums; the calibrator of TensorFlow 2.21 crashes on them."""

_NOTICE: Final = re.compile(r"^(?:[IW]\d{4} |WARNING: |oneDNN|$)")
"""Beginning of a line of TensorFlow's log that is no error."""


def to_tflite(
    network: Any, representative: npt.ArrayLike | None = None, *, precision: Precision | str = Precision.INT8
) -> bytes:
    """Convert a Keras network to a TFLite flatbuffer.

    The same network, data and precision give the same bytes; nothing is read or written elsewhere.

    Args:
        network: a `keras.Model` of one input `(batch, *shape)`, with the outputs "vector" `(batch, e)` and,
            if any, "sequence" `(batch, t, d)`.
        representative: `(n, *shape)` inputs that set the int8 ranges; about 200 are enough. Only int8 needs
            them.
        precision: "int8" makes everything int8, input and outputs included, and dense layers convolutions
            (see `pointwise`); "float16" stores the weights so and computes in float32; "float32" changes
            nothing.

    Raises:
        ConversionError: not such a network, weights or inputs that are not finite, or the network holds what
            the precision cannot express; TensorFlow's own words are in the message.
        ConfigError: no such precision.
        MissingExtra: tensorflow is not installed.
    """
    return convert_encoder(Encoder.of(network), parse_precision(precision), representative)


def convert_encoder(
    encoder: Encoder | PairEncoder, precision: Precision, representative: npt.ArrayLike | None
) -> bytes:
    """Do what `to_tflite` does with a network that was checked and rebuilt already."""
    tf, _ = tensorflow_backend.load()
    if not all(np.isfinite(weights).all() for weights in encoder.network.get_weights()):
        raise ConversionError("the network's weights are not finite", hint="Its training has diverged")
    inputs = _checked(representative, encoder.input_shape) if precision is Precision.INT8 else None
    try:
        with tensorflow_backend.quiet() as printed:
            network = _converted(tf, encoder.network, precision, inputs)
    except Exception as error:
        # Whatever its C++ passes throw means the same: the network does not convert. Some throw without a
        # word, and have said why on stderr.
        words = f"{error} {_errors(printed.text)}".split()
        raise ConversionError(
            f"the network does not convert to {precision}",
            received=" ".join(words)[:1000] or type(error).__name__,
        ) from error
    return pointwise(network) if precision is Precision.INT8 else network


def pick(rows: npt.NDArray[_T], count: int) -> npt.NDArray[_T]:
    """Return `count` rows spread evenly over `(n, …)`, or all where there are no more."""
    if len(rows) <= count:
        return rows
    chosen: npt.NDArray[_T] = rows[np.linspace(0, len(rows) - 1, count).round().astype(int)]
    return chosen


def _converted(tf: Any, network: Any, precision: Precision, representative: Float32Array | None) -> bytes:
    """Convert; `representative` is there where int8 is asked for."""
    graph = _graph(tf, network)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph], network)
    # By a SavedModel in a folder, the other way, the same operations come out, after five times as long.
    converter.experimental_lower_to_saved_model = False
    if representative is not None:
        _ask_for_int8(tf, converter, representative)
    elif precision is Precision.FLOAT16:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    return named(converter.convert(), sorted(graph.structured_outputs))


def _graph(tf: Any, network: Any) -> Any:
    """Trace a network of a fixed batch of one, as it is used: a concrete function of a dict of outputs."""
    (features,) = network.inputs

    def run(features: Any) -> dict[str, Any]:
        outputs = network(features, training=False)
        return outputs if isinstance(outputs, dict) else {"pair": outputs}

    signature = tf.TensorSpec(features.shape, features.dtype, "features")
    return tf.function(run, autograph=False).get_concrete_function(signature)


def _ask_for_int8(tf: Any, converter: Any, representative: Float32Array) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _one_by_one(representative)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8


def _one_by_one(inputs: Float32Array) -> Iterator[list[Float32Array]]:
    for each in inputs:
        yield [each[np.newaxis]]


def _checked(representative: npt.ArrayLike | None, shape: tuple[int, ...]) -> Float32Array:
    """Return the data that sets the ranges, refused where no range can come of it.

    Without a single input, or with NaN, TensorFlow leaves the network as it is, without a word; infinities
    crash it.
    """
    inputs = np.zeros((0, *shape)) if representative is None else np.asarray(representative)
    if inputs.shape[1:] != shape or not len(inputs) or inputs.dtype.kind not in "fiu":
        raise ConversionError(
            "int8 needs representative inputs",
            expected=f"numbers (n, {', '.join(map(str, shape))})",
            received=f"{inputs.dtype} {inputs.shape}",
        )
    if not (np.abs(inputs) < _LARGEST).all():
        raise ConversionError(
            "representative inputs are not finite", expected=f"numbers within ±{_LARGEST:g}"
        )
    return np.asarray(inputs, np.float32)


def _errors(printed: str) -> str:
    """Return the lines that are no mere notices."""
    return "\n".join(line for line in printed.splitlines() if not _NOTICE.match(line))
