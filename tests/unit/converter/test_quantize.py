import numpy as np
import pytest
from toy_networks import keras_network, toy_model, traces

from converter.encoder import Encoder
from converter.quantize import pick, to_tflite
from sigverify.errors import ConversionError
from sigverify.manifest import Precision
from sigverify.modality.pen.features import CHANNELS, encode


def test_int8_is_integer_from_end_to_end():
    from converter.edge_tpu import operations

    types = {name for operation in operations(toy_model().network) for name in operation.types}
    assert types == {"INT8"}
    assert {each["dtype"] for each in toy_model().manifest.tensors.values()} == {"int8"}


def test_the_manifest_says_what_the_interpreter_says():
    """A reader in C trusts these numbers."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=toy_model().network)
    tensors = toy_model().manifest.tensors
    details = {
        "input": interpreter.get_input_details(),
        "vector": interpreter.get_output_details(),
        "sequence": interpreter.get_output_details(),
    }
    for name, candidates in details.items():
        tensor = tensors[name]
        found = candidates[tensor["position"]]
        assert found["shape"].tolist() == tensor["shape"]
        assert found["quantization"] == (tensor["scale"], tensor["zero_point"])
        assert np.dtype(found["dtype"]).name == tensor["dtype"]


def test_float_tensors_have_no_scale():
    tensors = toy_model(Precision.FLOAT32).manifest.tensors
    assert {(each["dtype"], each["scale"]) for each in tensors.values()} == {("float32", 0.0)}


def test_float16_halves_the_weights():
    encoder = Encoder.of(keras_network(width=48))
    representative = encode(traces(1, 1))
    sizes = {
        each: len(to_tflite(encoder, each, representative)) for each in (Precision.FLOAT16, Precision.FLOAT32)
    }
    assert sizes[Precision.FLOAT16] < 0.7 * sizes[Precision.FLOAT32]


def test_an_operation_without_an_int8_form_is_refused():
    import keras

    inputs = keras.Input((256, CHANNELS))
    vector = keras.layers.GlobalAveragePooling1D()(inputs)
    network = keras.Model(inputs, {"vector": keras.ops.erf(vector)})
    with pytest.raises(ConversionError, match="does not convert to int8; received"):
        to_tflite(Encoder.of(network), Precision.INT8, encode(traces(2, 2)))


def test_pick_spreads_evenly():
    assert pick(np.arange(10), 4).tolist() == [0, 3, 6, 9]
    assert pick(np.arange(3), 4).tolist() == [0, 1, 2]
