import numpy as np
import pytest
from toy_networks import toy_model

from converter import tensorflow_backend
from converter.edge_tpu import operations
from converter.pointwise import pointwise


def converted(build, size):
    """Return the int8 network of what `build` makes of a `(1, size)` tensor, as TensorFlow converts it."""
    tf, keras = tensorflow_backend.load()
    keras.utils.set_random_seed(2)
    inputs = keras.Input(batch_shape=(1, size))
    network = keras.Model(inputs, build(keras, inputs))
    rng = np.random.default_rng(2)
    network.set_weights([rng.normal(size=each.shape) for each in network.get_weights()])
    converter = tf.lite.TFLiteConverter.from_keras_model(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    samples = rng.uniform(-1, 1, (50, 1, size)).astype(np.float32)
    converter.representative_dataset = lambda: ([each] for each in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    with tensorflow_backend.quiet():
        return converter.convert()


@pytest.fixture(scope="module")
def several():
    """Without bias and with a fused activation; on rows of three; on one row."""

    def build(keras, x):
        x = keras.layers.Dense(12, activation="relu", use_bias=False)(x)
        x = keras.layers.Dense(5)(keras.layers.Reshape((3, 4))(x))
        return keras.layers.Dense(6)(keras.layers.Flatten()(x))

    return converted(build, size=8)


@pytest.fixture(scope="module")
def one():
    """One FULLY_CONNECTED, of 64 units on one value: all that it can compute is 256 times 64 outputs."""
    return converted(lambda keras, x: keras.layers.Dense(64)(x), size=1)


def interpreter(network, kernels="AUTO"):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    its = Interpreter(
        model_content=network, experimental_op_resolver_type=getattr(OpResolverType, kernels), num_threads=1
    )
    its.allocate_tensors()
    return its


def run(network, stored, kernels):
    its, outputs = interpreter(network, kernels), []
    for each in stored:
        its.set_tensor(its.get_input_details()[0]["index"], each)
        its.invoke()
        outputs.append(its.get_tensor(its.get_output_details()[0]["index"]))
    return np.concatenate(outputs)


def names(network):
    return [each.name for each in operations(network)]


def test_every_dense_layer_becomes_a_convolution(several):
    assert names(several).count("FULLY_CONNECTED") == 3
    after = names(pointwise(several))
    assert after.count("CONV_2D") == 3
    assert "FULLY_CONNECTED" not in after


def test_the_list_of_what_to_link_names_no_more_than_that(several):
    from tensorflow.lite.tools import flatbuffer_utils

    after = pointwise(several)
    listed = flatbuffer_utils.convert_bytearray_to_object(after).operatorCodes
    assert len(listed) == len(set(names(after)))


def test_an_int8_model_has_no_other():
    assert "FULLY_CONNECTED" not in names(toy_model().network)


@pytest.mark.parametrize("kernels", ["AUTO", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"])
def test_the_fast_kernels_give_the_same_bytes(several, kernels):
    stored = np.random.default_rng(1).integers(-128, 128, (500, 1, 8)).astype(np.int8)
    before, after = (run(each, stored, kernels) for each in (several, pointwise(several)))
    assert len(np.unique(before)) > 100
    np.testing.assert_array_equal(after, before)


def test_the_reference_kernels_round_twice_in_integers_as_those_of_tflite_micro(one):
    """The smallest case there is: one operation, every input it can have."""
    every = np.arange(-128, 128).astype(np.int8).reshape(256, 1, 1)
    expected = rounded_twice(one, every.reshape(256, 1))
    # Were these equal, LiteRT would be mended, and `pointwise` could go.
    assert 0 < (run(one, every, "BUILTIN_REF") != expected).sum() < 0.01 * expected.size
    np.testing.assert_array_equal(run(pointwise(one), every, "BUILTIN_REF"), expected)


def rounded_twice(network, stored):
    """Compute the dense layer on `(n, 1)`: to 32 bits, a half upward; then to steps, a half away from 0."""
    its = interpreter(network)
    by_shape = {tuple(each["shape"]): each for each in its.get_tensor_details()}
    weights, bias = by_shape[64, 1], by_shape[(64,)]
    (source,), (target,) = its.get_input_details(), its.get_output_details()
    values = stored.astype(np.int64) - source["quantization"][1]
    sums = values @ its.get_tensor(weights["index"]).T.astype(np.int64) + its.get_tensor(bias["index"])
    scales = weights["quantization_parameters"]["scales"].astype(float)
    fraction, exponent = np.frexp(source["quantization"][0] * scales / target["quantization"][0])
    assert (exponent < 0).all()
    high = (sums * np.rint(fraction * 2**31).astype(np.int64) + (1 << 30)) >> 31
    steps = np.sign(high) * ((np.abs(high) + (1 << (-exponent - 1))) >> -exponent)
    return np.clip(steps + target["quantization"][1], -128, 127).astype(np.int8)


def test_a_network_without_dense_layers_stays_as_it_is(several):
    once = pointwise(several)
    assert pointwise(once) is once


def test_what_multiplies_two_activations_stays():
    """No convolution has filters that change with the input."""

    def build(keras, x):
        square = keras.layers.Reshape((4, 4))(x)
        return keras.ops.matmul(square[0], keras.ops.transpose(keras.ops.tanh(square)[0]))

    network = converted(build, size=16)
    assert "FULLY_CONNECTED" in names(network)
    assert pointwise(network) == network
