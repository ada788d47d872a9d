"""Networks of arithmetic, from bytes to bytes: the same in Python and in C, without any interpreter."""

import numpy as np

from sigverify.manifest import Manifest
from sigverify.matcher import Matcher
from sigverify.matching.scoring import Scoring
from sigverify.modality.pen.features import CHANNELS, FRAMES
from sigverify.modality.pen.pen import PEN
from sigverify.model_file import Model
from sigverify.runtime.embedder import Embedder
from sigverify.runtime.interpreters import Runtime
from sigverify.runtime.pair_network import PairNetwork, pair_shape

VECTOR_SIZE = 64
SEQUENCE_SHAPE = (FRAMES // 2, 8)
PAIR_SHAPE = pair_shape(PEN)
SHAPES = {
    "input": (FRAMES, CHANNELS),
    "pair": (1,),
    "pair_input": PAIR_SHAPE,
    "sequence": SEQUENCE_SHAPE,
    "vector": (VECTOR_SIZE,),
}
SCALES = {"input": 1 / 32, "pair": 1 / 16, "pair_input": 1 / 31, "sequence": 1 / 127, "vector": 1 / 64}
ZERO_POINTS = {"input": -1, "pair": 5, "pair_input": 2, "sequence": 0, "vector": 3}
POSITIONS = {"sequence": 1}
IN_PAIR = ("pair", "pair_input")

_rng = np.random.default_rng(0)
_GLOBAL = _rng.integers(-3, 4, (FRAMES * CHANNELS, VECTOR_SIZE))
_LOCAL = _rng.integers(-3, 4, (2 * CHANNELS, SEQUENCE_SHAPE[1]))


def embed(stored):
    """From the input's bytes to those of vector and sequence."""
    values = np.frombuffer(stored, np.int8).astype(np.int64)
    local = np.clip(values.reshape(FRAMES // 2, -1) @ _LOCAL // 4, -127, 127)
    return (
        np.clip(values @ _GLOBAL // 16, -127, 127).astype(np.int8).tobytes(),
        local.astype(np.int8).tobytes(),
    )


def judge(stored):
    """From the pair network's input to its output: the more they differ the more it says."""
    values = np.frombuffer(stored, np.int8).astype(np.int64).reshape(PAIR_SHAPE)
    return (
        np.array([np.clip(values[:, :CHANNELS].sum() // 256 + 3 * values[:, -1].mean() - 60, -127, 127)])
        .astype(np.int8)
        .tobytes()
    )


def judge_float(stored):
    """The same, as a network says it whose output is float32."""
    said = np.frombuffer(judge(stored), np.int8).astype(np.float32)
    return ((said - np.float32(ZERO_POINTS["pair"])) * np.float32(SCALES["pair"])).tobytes()


def tensors(*, pair=True, floats=()):
    """Return what a manifest says of the tensors; those of these names are float32."""
    return {
        name: {
            "dtype": "float32" if name in floats else "int8",
            "position": POSITIONS.get(name, 0),
            "scale": 0.0 if name in floats else SCALES[name],
            "shape": [1, *shape],
            "zero_point": 0 if name in floats else ZERO_POINTS[name],
        }
        for name, shape in SHAPES.items()
        if pair or name not in IN_PAIR
    }


def arithmetic_model(names=None, *, floats=(), scoring=None):
    """Return a model of such networks, with cues of these names; None: with all."""
    cues = [cue for cue in PEN.cues if names is None or cue.name in names]
    cues.sort(key=lambda cue: 0 if names is None else list(names).index(cue.name))
    pair = any(cue.name == "pair" for cue in cues)
    manifest = Manifest(
        name="arithmetic",
        encoder="arithmetic",
        precision="int8",
        modality="pen",
        vector_size=VECTOR_SIZE,
        sequence_shape=SEQUENCE_SHAPE,
        cues=tuple(cues),
        tensors=tensors(pair=pair, floats=floats),
        scoring=Scoring.from_dict(cues, {"1": row_of(cues)} if scoring is None else scoring),
    )
    return Model(manifest=manifest, network=b"no network", pair_network=b"no pair network" * pair)


def row_of(cues, seed=0):
    """Return a row of weights that tells genuine from forged, more or less."""
    rng = np.random.default_rng(seed)
    weights = -rng.uniform(0.3, 1.5, sum(cue.columns for cue in cues))
    thresholds = {kind: [[0.1, 0.3], [0.01, 0.6], [0.001, 0.9]] for kind in ("random", "skilled")}
    return {"bias": 3.0, "thresholds": thresholds, "weights": weights.tolist()}


def arithmetic_matcher(model, *, embed=embed, judge=judge):
    """Return Python's matcher around these networks, all else in numpy."""
    its = model.manifest.tensors
    embedder = Embedder(
        model, Runtime.LITERT, Interpreter(embed, [its["input"]], [its["vector"], its["sequence"]])
    )
    paired = None
    if model.pair_network:
        both = Interpreter(lambda stored: (judge(stored),), [its["pair_input"]], [its["pair"]])
        paired = PairNetwork(model, both)
    return Matcher.around(embedder, judge=paired)


class Interpreter:
    """What an `Embedder` asks of TFLite's interpreter."""

    def __init__(self, function, inputs, outputs):
        self._function, self._inputs, self._outputs = function, inputs, outputs
        self._said = ()

    def get_input_details(self):
        return [_details(0, self._inputs[0])]

    def get_output_details(self):
        return [_details(number, port) for number, port in enumerate(self._outputs)]

    def set_tensor(self, _, stored):
        self._stored = stored.tobytes()

    def invoke(self):
        self._said = self._function(self._stored)

    def get_tensor(self, index):
        port = self._outputs[index]
        return np.frombuffer(self._said[index], port["dtype"]).reshape(port["shape"]).copy()


def _details(index, port):
    its = {"index": index, "shape": port["shape"], "dtype": np.dtype(port["dtype"]).type}
    return its | {"quantization": (port["scale"], port["zero_point"])}
