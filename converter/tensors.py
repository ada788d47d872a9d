"""The tensors of a TFLite network, described for readers that cannot look into it."""

from collections.abc import Mapping, Sequence
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
    graph = _graph(network)
    result: dict[str, Mapping[str, Any]] = {
        "input": _look(graph, graph.inputs, input_shape),
        "vector": _look(graph, graph.outputs, (vector_size,)),
    }
    if sequence_shape is not None:
        result["sequence"] = _look(graph, graph.outputs, sequence_shape)
    return result


def describe_pair(network: bytes, input_shape: tuple[int, ...]) -> dict[str, Mapping[str, Any]]:
    """Return the same of a pair network."""
    graph = _graph(network)
    return {
        "pair_input": _look(graph, graph.inputs, input_shape),
        "pair": _look(graph, graph.outputs, (1,)),
    }


def named(network: bytes, outputs: Sequence[str]) -> bytes:
    """Name the outputs of a network of one input, in order, and list them in its signature.

    Programs that run the file without its manifest find an output by `get_signature_runner()`, or by the name
    of its tensor.
    """
    tensorflow_backend.load()
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(network)
    (graph,) = model.subgraphs
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs = [_named_tensor(graph, index, "features") for index in graph.inputs]
    signature.outputs = [
        _named_tensor(graph, index, name) for index, name in zip(graph.outputs, outputs, strict=True)
    ]
    model.signatureDefs = [signature]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _named_tensor(graph: Any, index: int, name: str) -> Any:
    from tensorflow.lite.python import schema_py_generated as schema

    graph.tensors[index].name = name
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, int(index)
    return entry


def _graph(network: bytes) -> Any:
    tensorflow_backend.load()
    from tensorflow.lite.python import schema_py_generated as schema

    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(network, 0)).subgraphs[0]


def _look(graph: Any, indices: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    """Describe the one of these tensors that has the shape `(1, *shape)`."""
    from tensorflow.lite.python import schema_py_generated as schema

    types = {code: name.lower() for name, code in vars(schema.TensorType).items() if not name.startswith("_")}
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
