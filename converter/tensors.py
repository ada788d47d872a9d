"""The tensors of a TFLite network, described for readers that cannot look into it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from converter import tensorflow_backend


def describe(
    network: bytes,
    input_shape: tuple[int, ...],
    vector_size: int,
    sequence_shape: tuple[int, int] | None,
) -> dict[str, Mapping[str, Any]]:
    """Return `Manifest.tensors`: position, shape, dtype, scale and zero point of input and outputs."""
    tensorflow_backend.load()
    from tensorflow.lite.python import schema_py_generated as schema

    graph = schema.ModelT.InitFromObj(schema.Model.GetRootAs(network, 0)).subgraphs[0]
    types = {code: name.lower() for name, code in vars(schema.TensorType).items() if not name.startswith("_")}

    def look(indices: Any, shape: tuple[int, ...]) -> dict[str, Any]:
        tensors = [graph.tensors[index] for index in indices]
        shapes = [tuple(int(size) for size in tensor.shape) for tensor in tensors]
        position = shapes.index((1, *shape))
        tensor = tensors[position]
        quantization = tensor.quantization
        stored = quantization is not None and quantization.scale is not None and len(quantization.scale) == 1
        return {
            "position": position,
            "shape": list(shapes[position]),
            "dtype": types[tensor.type],
            "scale": float(np.float32(quantization.scale[0])) if stored else 0.0,
            "zero_point": int(quantization.zeroPoint[0]) if stored else 0,
        }

    result: dict[str, Mapping[str, Any]] = {
        "input": look(graph.inputs, input_shape),
        "vector": look(graph.outputs, (vector_size,)),
    }
    if sequence_shape is not None:
        result["sequence"] = look(graph.outputs, sequence_shape)
    return result
