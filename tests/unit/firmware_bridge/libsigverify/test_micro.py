"""With tflite-micro, where it is installed (pip install --pre tflite-micro)."""

import sys

import numpy as np
import pytest
from builders import model, signature
from toy_networks import toy_model

from firmware_bridge.libsigverify.micro import MicroNetwork, arena_bytes
from sigverify.errors import MissingExtra, ModelError
from sigverify.modality.pen.features import features
from sigverify.modality.pen.pen import PEN
from sigverify.runtime.embedder import Embedder
from sigverify.runtime.pair_network import pair_shape

NEEDED = "no tflite-micro: pip install --pre tflite-micro"
LARGEST_ARENA = 36 << 10
"""docs/native.md says 34.5 kB; a nightly build may need a little more or less."""


def test_without_tflite_micro_the_error_says_how_to_get_it(monkeypatch, base):
    monkeypatch.setitem(sys.modules, "tflite_micro", None)
    monkeypatch.setitem(sys.modules, "tflite_micro.python.tflite_micro", None)
    with pytest.raises(MissingExtra, match="pip install --pre tflite-micro"):
        MicroNetwork(base)


def both(its):
    """Run 20 signatures there and with LiteRT's reference kernels: outputs, int8 as stored."""
    pytest.importorskip("tflite_micro", reason=NEEDED)
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    reference = interpreter.Interpreter(
        model_content=its.network,
        experimental_op_resolver_type=interpreter.OpResolverType.BUILTIN_REF,
    )
    reference.allocate_tensors()
    names = its.manifest.tensors.keys() & {"vector", "sequence"}
    positions = [its.manifest.tensors[name]["position"] for name in names]
    embedder, micro = Embedder.open(its), MicroNetwork(its)
    for writer in range(20):
        embedder._input.to_stored(features(signature(writer)), embedder._scratch, embedder._stored[0])
        reference.set_tensor(reference.get_input_details()[0]["index"], embedder._stored)
        reference.invoke()
        there, here = micro.run(embedder._stored), reference.get_output_details()
        for position in positions:
            yield there[position], reference.get_tensor(here[position]["index"])


@pytest.mark.parametrize("name", ["base", "toy"])
def test_it_computes_what_the_reference_kernels_compute(base, name):
    """The toy has the MEAN that "base" lacks."""
    for one, other in both(toy_model() if name == "toy" else base):
        np.testing.assert_array_equal(one, other)


def test_a_model_without_a_pair_network_has_none_to_run():
    with pytest.raises(ModelError, match="without a pair network"):
        MicroNetwork(model(), pair=True)


def test_the_pair_network_computes_what_the_reference_kernels_compute(base):
    pytest.importorskip("tflite_micro", reason=NEEDED)
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    reference = interpreter.Interpreter(
        model_content=base.pair_network,
        experimental_op_resolver_type=interpreter.OpResolverType.BUILTIN_REF,
    )
    reference.allocate_tensors()
    micro = MicroNetwork(base, pair=True)
    rng = np.random.default_rng(0)
    for _ in range(20):
        stored = rng.integers(-128, 128, (1, *pair_shape(PEN)), np.int8)
        reference.set_tensor(reference.get_input_details()[0]["index"], stored)
        reference.invoke()
        said = reference.get_tensor(reference.get_output_details()[0]["index"])
        np.testing.assert_array_equal(micro.run(stored)[0], said)


def test_the_arena_is_measured(base):
    pytest.importorskip("tflite_micro", reason=NEEDED)
    needed = arena_bytes(base)
    assert 0 < needed <= LARGEST_ARENA
    MicroNetwork(base, arena_bytes=needed)
    with pytest.raises(ModelError):
        MicroNetwork(base, arena_bytes=needed - 1024)
