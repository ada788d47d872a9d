"""From a Keras encoder to the bytes of a TFLite network."""

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from converter import tensorflow_backend
from converter.encoder import Encoder
from converter.pointwise import pointwise
from sigverify.arrays import Float32Array
from sigverify.errors import ConversionError
from sigverify.manifest import Precision

_T = TypeVar("_T", bound=np.generic)


def to_tflite(encoder: Encoder, precision: Precision, representative: Float32Array) -> bytes:
    """Convert to a flatbuffer.

    Args:
        encoder: the trained network.
        precision: int8 makes everything int8, input and outputs included, and dense layers convolutions
            (see `pointwise`); float16 stores the weights so and computes in float32; float32 changes nothing.
        representative: `(n, frames, channels)` features that set the int8 ranges; else unused.

    Raises:
        ConversionError: the network holds what the precision cannot express.
    """
    tf, _ = tensorflow_backend.load()
    converter = tf.lite.TFLiteConverter.from_keras_model(encoder.network)
    if precision is Precision.INT8:
        _ask_for_int8(tf, converter, representative)
    elif precision is Precision.FLOAT16:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    try:
        with tensorflow_backend.quiet():
            network = converter.convert()
    except Exception as error:
        # Whatever its C++ passes throw means the same: the network does not convert.
        raise ConversionError(
            f"the network does not convert to {precision}", received=" ".join(str(error).split())[:500]
        ) from error
    return pointwise(bytes(network)) if precision is Precision.INT8 else bytes(network)


def _ask_for_int8(tf: Any, converter: Any, representative: Float32Array) -> None:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _one_by_one(representative)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8


def _one_by_one(features: Float32Array) -> Iterator[list[Float32Array]]:
    for each in features:
        yield [each[np.newaxis]]


def pick(rows: npt.NDArray[_T], count: int) -> npt.NDArray[_T]:
    """Return `count` rows spread evenly over `(n, …)`, or all where there are no more."""
    if len(rows) <= count:
        return rows
    chosen: npt.NDArray[_T] = rows[np.linspace(0, len(rows) - 1, count).round().astype(int)]
    return chosen
