import os
import subprocess
import sys

import numpy as np
import pytest
from in_threads import in_threads
from toy_networks import keras_network, toy_model, traces

from converter import tensorflow_backend
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


@pytest.mark.parametrize("precision", Precision)
def test_outputs_are_named_for_programs_that_have_no_manifest(precision):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=toy_model(precision).network)
    signature = {"inputs": ["features"], "outputs": ["sequence", "vector"]}
    assert interpreter.get_signature_list() == {"serving_default": signature}
    by_name = {each["name"]: each["shape"].tolist()[1:] for each in interpreter.get_output_details()}
    described = {name: toy_model(precision).manifest.tensors[name]["shape"][1:] for name in by_name}
    assert by_name == described


def test_float_tensors_have_no_scale():
    tensors = toy_model(Precision.FLOAT32).manifest.tensors
    assert {(each["dtype"], each["scale"]) for each in tensors.values()} == {("float32", 0.0)}


def test_float16_halves_the_weights():
    network = keras_network(width=48)
    sizes = {each: len(to_tflite(network, precision=each)) for each in (Precision.FLOAT16, Precision.FLOAT32)}
    assert sizes[Precision.FLOAT16] < 0.7 * sizes[Precision.FLOAT32]


def test_an_operation_without_an_int8_form_is_refused():
    import keras

    inputs = keras.Input((256, CHANNELS))
    vector = keras.layers.GlobalAveragePooling1D()(inputs)
    network = keras.Model(inputs, {"vector": keras.ops.erf(vector)})
    with pytest.raises(ConversionError, match="does not convert to int8; received"):
        to_tflite(network, encode(traces(2, 2)))


def test_a_layer_that_cannot_be_computed_is_refused():
    """Of somebody's own: that its shapes fit together says nothing yet of what it does."""
    import keras

    class Failing(keras.layers.Layer):
        def compute_output_shape(self, shape):
            return shape

        def call(self, _):
            raise ValueError("the reason")

    inputs = keras.Input((256, CHANNELS))
    vector = keras.layers.GlobalAveragePooling1D()(Failing()(inputs))
    with pytest.raises(ConversionError, match=r"not convert to float32; received .* calling Failing"):
        to_tflite(keras.Model(inputs, {"vector": vector}), precision=Precision.FLOAT32)


def test_pick_spreads_evenly():
    assert pick(np.arange(10), 4).tolist() == [0, 3, 6, 9]
    assert pick(np.arange(3), 4).tolist() == [0, 1, 2]


def test_a_plain_function_of_network_and_data():
    network, inputs = keras_network(), encode(traces(2, 2))
    before = [weights.copy() for weights in network.get_weights()]
    first, second = (to_tflite(network, inputs) for _ in range(2))
    assert first == second
    assert all((old == new).all() for old, new in zip(before, network.get_weights(), strict=True))


def test_any_input_shape_will_do():
    import keras

    keras.utils.set_random_seed(1)
    inputs = keras.Input((8, 12, 1))
    vector = keras.layers.Dense(4)(keras.layers.Flatten()(inputs))
    network = keras.Model(inputs, {"vector": vector})
    data = np.random.default_rng(0).normal(size=(20, 8, 12, 1)).astype(np.float32)
    assert to_tflite(network, data)[4:8] == b"TFL3"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: None, "needs representative inputs"),
        (lambda inputs: inputs[:0], "needs representative inputs"),
        (lambda inputs: inputs[..., :-1], "needs representative inputs"),
        (lambda inputs: np.full_like(inputs, np.nan), "not finite"),
        (lambda inputs: np.full_like(inputs, np.inf), "not finite"),
        (lambda inputs: np.full_like(inputs, 3e38), "not finite"),
    ],
)
def test_data_that_gives_no_range_is_refused(change, message):
    """TensorFlow leaves such a network in floating point without a word, or crashes."""
    with pytest.raises(ConversionError, match=message):
        to_tflite(keras_network(), change(encode(traces(2, 2))))


def test_weights_that_are_not_finite_are_refused():
    network = keras_network()
    network.set_weights([np.full_like(weights, np.nan) for weights in network.get_weights()])
    with pytest.raises(ConversionError, match="weights are not finite"):
        to_tflite(network, encode(traces(2, 2)))


def test_weights_too_large_for_a_range_are_refused():
    network = keras_network()
    network.set_weights([1e30 * weights for weights in network.get_weights()])
    with pytest.raises(ConversionError, match="does not convert to int8"):
        to_tflite(network, encode(traces(2, 2)))


def test_an_error_without_a_message_keeps_what_was_printed(monkeypatch):
    """TensorFlow's quantizer may raise an empty RuntimeError, and say why on stderr, natively."""
    import tensorflow as tf

    def fail(_self):
        os.write(2, b"I0000 a notice\nE0000 Failed to quantize: the reason\n")
        raise RuntimeError

    monkeypatch.setattr(tf.lite.TFLiteConverter, "convert", fail)
    with pytest.raises(ConversionError, match="received E0000 Failed to quantize: the reason") as caught:
        to_tflite(keras_network(), encode(traces(2, 2)))
    assert "a notice" not in str(caught.value)


def test_threads_redirect_stderr_one_after_the_other(capfd):
    """The descriptor belongs to the process: each must find what it wrote, and the terminal afterwards."""

    def write(number):
        for _ in range(20):
            with tensorflow_backend.quiet() as printed:
                os.write(2, f"thread {number}\n".encode())
            assert printed.text == f"thread {number}\n"

    in_threads(4, write)
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_a_process_that_loaded_usearch_first_is_told_so():
    pytest.importorskip("usearch")
    code = (
        "import usearch.index\n"
        "from converter import tensorflow_backend\n"
        "from sigverify.errors import ConversionError\n"
        "try:\n    tensorflow_backend.load()\nexcept ConversionError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "expected TensorFlow loaded first" in done.stdout
