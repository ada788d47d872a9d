"""With tflite-micro, where it is installed (pip install --pre tflite-micro)."""

import sys

import numpy as np
import pytest
from builders import signature

from firmware_bridge.native.micro import MicroNetwork, arena_bytes
from sigverify.errors import MissingExtra, ModelError
from sigverify.features import features
from sigverify.runtime import Embedder

NEEDED = "no tflite-micro: pip install --pre tflite-micro"
LARGEST_ARENA = 64 << 10
"""A Cortex-M4 of the middle class has 128 kB."""
MOST_UNEQUAL = 0.001
"""Share of outputs that may differ by one step: TANH rounds its table otherwise there."""


def test_without_tflite_micro_the_error_says_how_to_get_it(monkeypatch, base):
    monkeypatch.setitem(sys.modules, "tflite_micro", None)
    monkeypatch.setitem(sys.modules, "tflite_micro.python.tflite_micro", None)
    with pytest.raises(MissingExtra, match="pip install --pre tflite-micro"):
        MicroNetwork(base)


def test_it_computes_what_the_reference_kernels_compute(base):
    pytest.importorskip("tflite_micro", reason=NEEDED)
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    reference = interpreter.Interpreter(
        model_content=base.network,
        experimental_op_resolver_type=interpreter.OpResolverType.BUILTIN_REF,
    )
    reference.allocate_tensors()
    embedder, micro = Embedder.open(base), MicroNetwork(base)
    unequal = []
    for writer in range(20):
        its = features(signature(writer))
        embedder._input.to_stored(its, embedder._scratch, embedder._stored[0])
        reference.set_tensor(reference.get_input_details()[0]["index"], embedder._stored)
        reference.invoke()
        expected = [reference.get_tensor(each["index"]) for each in reference.get_output_details()]
        for one, other in zip(micro.run(embedder._stored), expected, strict=True):
            apart = np.abs(one.astype(int) - other)
            assert apart.max() <= 1
            unequal.append(apart.ravel())
    assert np.concatenate(unequal).mean() <= MOST_UNEQUAL


def test_the_arena_is_measured(base):
    pytest.importorskip("tflite_micro", reason=NEEDED)
    needed = arena_bytes(base)
    assert 0 < needed <= LARGEST_ARENA
    MicroNetwork(base, arena_bytes=needed)
    with pytest.raises(ModelError):
        MicroNetwork(base, arena_bytes=needed - 1024)
