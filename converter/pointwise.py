"""Dense layers as pointwise convolutions: the form that every int8 runtime rounds alike."""

import copy
from typing import Any

import numpy as np

from converter import tensorflow_backend
from sigverify.arrays import Int32Array
from sigverify.errors import ConversionError


def pointwise(network: bytes) -> bytes:
    """Return the int8 network with a (1, 1) CONV_2D for each FULLY_CONNECTED; weights and ranges stay.

    LiteRT's reference kernel of FULLY_CONNECTED scales sums in floating point, that of tflite-micro and of
    tflite-runtime in integers with two roundings, so that a sum almost half-way between two steps may become
    the other one. Of CONV_2D all three have the same kernel. The fast kernels give the same bytes for both.

    Source: LiteRT, issue 8567, "FULLY_CONNECTED reference kernel should perform requantization using integer
    kernels instead of float", 2026.
    """
    tensorflow_backend.load()
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(network)
    if not _Graph(model).make_pointwise():
        return network
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


class _Graph:
    """The only graph of a model of the schema's object form, changed in place."""

    def __init__(self, model: Any) -> None:
        from tensorflow.lite.python import schema_py_generated as schema

        self._schema = schema
        self._model = model
        self._graph = model.subgraphs[0]

    def make_pointwise(self) -> bool:
        """Replace every FULLY_CONNECTED whose weights are constant; return whether there was one."""
        before = self._graph.operators
        self._graph.operators = [made for each in before for made in self._replacement(each)]
        self._drop_unused_codes()
        return len(self._graph.operators) > len(before)

    def _replacement(self, operator: Any) -> list[Any]:
        code = self._model.operatorCodes[operator.opcodeIndex]
        if code.builtinCode != self._schema.BuiltinOperator.FULLY_CONNECTED:
            return [operator]
        source, weights, *bias = (int(index) for index in operator.inputs if index >= 0)  # -1: no bias
        if self._model.buffers[self._graph.tensors[weights].buffer].data is None:
            return [operator]
        filters = self._graph.tensors[weights]
        units, size = int(filters.shape[0]), int(filters.shape[-1])
        filters.shape = np.array((units, 1, 1, size), np.int32)
        shape = tuple(self._graph.tensors[source].shape)
        row = (1, 1, int(np.prod(shape)) // size)
        made = []
        if shape != (*row, size):
            pixels = self._like(source, (*row, size))
            made.append(self._reshape(source, pixels))
            source = pixels
        output = int(operator.outputs[0])
        target = self._like(output, (*row, units))
        inputs = [source, weights, *(bias or [self._zeros(source, weights)])]
        activation = operator.builtinOptions.fusedActivationFunction
        return [*made, self._convolve(inputs, target, activation), self._reshape(target, output)]

    def _convolve(self, inputs: list[int], output: int, activation: int) -> Any:
        options = self._schema.Conv2DOptionsT()
        options.padding = self._schema.Padding.VALID
        options.strideW = options.strideH = 1
        options.fusedActivationFunction = activation
        return self._operator("CONV_2D", 3, inputs, output, options)

    def _reshape(self, source: int, target: int) -> Any:
        shape = np.array(self._graph.tensors[target].shape, np.int32)
        options = self._schema.ReshapeOptionsT()
        options.newShape = shape
        constant = self._constant(shape, f"shape_of_{target}")
        return self._operator("RESHAPE", 1, [source, constant], target, options)

    def _zeros(self, source: int, weights: int) -> int:
        """Add a bias of 0: a convolution in int8 must have one, in steps of input scale × weight scales."""
        scales = self._graph.tensors[weights].quantization.scale
        if scales is None or self._graph.tensors[source].quantization.scale is None:
            raise ConversionError(
                "the network does not convert to int8",
                expected="a range for every tensor",
                received="a dense layer that was left in floating point",
                hint="The representative inputs give it no range, or its weights are too large",
            )
        bias = self._constant(np.zeros(self._graph.tensors[weights].shape[0], np.int32), f"bias_of_{weights}")
        quantization = self._schema.QuantizationParametersT()
        quantization.scale = np.array(self._graph.tensors[source].quantization.scale * scales, np.float32)
        quantization.zeroPoint = np.zeros(len(scales), np.int64)
        self._graph.tensors[bias].quantization = quantization
        return bias

    def _constant(self, values: Int32Array, name: str) -> int:
        buffer = self._schema.BufferT()
        buffer.data = np.frombuffer(values.astype("<i4").tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        tensor = self._schema.TensorT()
        tensor.name = name
        tensor.type = self._schema.TensorType.INT32
        tensor.shape = np.array(values.shape, np.int32)
        tensor.buffer = len(self._model.buffers) - 1
        return self._add(tensor)

    def _operator(self, name: str, version: int, inputs: list[int], output: int, options: Any) -> Any:
        operator = self._schema.OperatorT()
        operator.opcodeIndex = self._code(getattr(self._schema.BuiltinOperator, name), version)
        operator.inputs = np.array(inputs, np.int32)
        operator.outputs = np.array([output], np.int32)
        operator.builtinOptions = options
        kind = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(self._schema.BuiltinOptions, kind)
        return operator

    def _code(self, builtin: int, version: int) -> int:
        """Return the number of that operation in the model's list, where it is added if it is not there."""
        codes = self._model.operatorCodes
        for number, code in enumerate(codes):
            if (code.builtinCode, code.version) == (builtin, version):
                return number
        code = self._schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = version
        codes.append(code)
        return len(codes) - 1

    def _drop_unused_codes(self) -> None:
        """Name only what is used: firmware links what the list names."""
        used = sorted({each.opcodeIndex for each in self._graph.operators})
        self._model.operatorCodes = [self._model.operatorCodes[number] for number in used]
        for each in self._graph.operators:
            each.opcodeIndex = used.index(each.opcodeIndex)

    def _like(self, tensor: int, shape: tuple[int, ...]) -> int:
        """Add a tensor of the same values in another shape."""
        alike = copy.copy(self._graph.tensors[tensor])
        alike.name = f"pixels_of_{tensor}"
        alike.shape = np.array(shape, np.int32)
        alike.shapeSignature = None
        alike.buffer = 0  # always empty
        return self._add(alike)

    def _add(self, tensor: Any) -> int:
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1
