"""Untrained Keras networks of the network contract, their model files, and run folders around them."""

import functools
import json

import numpy as np
from builders import signature

from sigverify.manifest import Manifest, Precision
from sigverify.matching.cues import PAIR
from sigverify.matching.embedding import Embedding, References
from sigverify.matching.pair_inputs import pair_inputs
from sigverify.matching.pairing import Pairing
from sigverify.modality.pen.features import CHANNELS, FRAMES, encode, trace
from sigverify.modality.pen.pen import PEN
from sigverify.model_file import Model
from sigverify.runtime.pair_network import pair_shape
from sigverify.training import TraceSet

VECTOR_SIZE = 64
SEQUENCE_SHAPE = (FRAMES // 2, 16)
PAIR_SHAPE = pair_shape(PEN)


def keras_network(*, sequence=True, channels=CHANNELS, dtype=None, width=16, seed=1):
    """A time-delay network of 5,000 weights, every operation of it mappable to the Edge TPU."""
    from converter import tensorflow_backend

    _, keras = tensorflow_backend.load()
    layers = keras.layers
    keras.utils.set_random_seed(seed)
    same = {"padding": "same", "dtype": dtype}
    inputs = keras.Input((FRAMES, channels), name="features")
    x = layers.Reshape((1, FRAMES, channels), dtype=dtype)(inputs)
    x = layers.Conv2D(width, (1, 5), strides=(1, 2), activation="relu", **same)(x)
    x = layers.Conv2D(width, (1, 3), dilation_rate=(2, 2), activation="relu", **same)(x)
    pooled = layers.GlobalAveragePooling2D(dtype=dtype)(x)
    outputs = {"vector": layers.Dense(VECTOR_SIZE, dtype=dtype)(pooled)}
    if sequence:
        local = layers.Conv2D(SEQUENCE_SHAPE[1], (1, 1), activation="tanh", **same)(x)
        outputs["sequence"] = layers.Reshape(SEQUENCE_SHAPE, dtype=dtype)(local)
    return keras.Model(inputs, outputs)


def keras_pair_network(shape=PAIR_SHAPE, *, outputs=1, seed=2):
    """A pair network of 1,300 weights."""
    from converter import tensorflow_backend

    _, keras = tensorflow_backend.load()
    layers = keras.layers
    keras.utils.set_random_seed(seed)
    inputs = keras.Input(shape, name="pairs")
    x = layers.Reshape((1, *shape))(inputs)
    x = layers.Conv2D(8, (1, 8), strides=(1, 4), padding="same", activation="relu")(x)
    return keras.Model(inputs, layers.Dense(outputs)(layers.GlobalAveragePooling2D()(x)))


def toy_pairs(writers=12, each=4):
    """Pairs of the traces of `traces`, laid out: of every one with the first, `(n, *PAIR_SHAPE)`."""
    inputs = encode(traces(writers, each))
    embeddings = [
        Embedding.from_floats(series, detail, None, np.ones(1), 1000)
        for series, detail in zip(PEN.series(inputs), PEN.detail(inputs), strict=True)
    ]
    return pair_inputs(Pairing(embeddings[0], References.stack(embeddings)), PEN.pair_layout)


def traces(writers=4, each=4, *, noise=0.02):
    """`(writers * each, frames, 4)` traces, the repetitions of a writer side by side."""
    made = [signature(writer, number, noise=noise) for writer in range(writers) for number in range(each)]
    return np.stack([trace(each) for each in made])


@functools.cache
def toy_model(precision=Precision.INT8, *, sequence=True, pair=False):
    """A model that runs, converted from `keras_network` (and `keras_pair_network`) and not calibrated."""
    from converter.encoder import Encoder, rebuilt
    from converter.pair import PairEncoder
    from converter.quantize import convert_encoder
    from converter.tensors import describe, describe_pair

    encoder = Encoder.of(keras_network(sequence=sequence))
    network = convert_encoder(encoder, precision, encode(traces(15, 4)))
    shape = encoder.sequence_shape
    tensors = describe(network, encoder.input_shape, encoder.vector_size, shape)
    cues, pair_network = tuple(cue for cue in PEN.cues if pair or cue != PAIR), b""
    if pair:
        trained = keras_pair_network()
        its = PairEncoder(trained=trained, network=rebuilt(trained, PAIR_SHAPE), input_shape=PAIR_SHAPE)
        pair_network = convert_encoder(its, precision, toy_pairs())
        tensors |= describe_pair(pair_network, PAIR_SHAPE)
    manifest = Manifest(
        name="toy",
        encoder="toy",
        precision=precision,
        modality="pen",
        vector_size=encoder.vector_size,
        sequence_shape=shape,
        cues=cues,
        tensors=tensors,
    )
    return Model(manifest=manifest, network=network, pair_network=pair_network)


def write_run(folder, network, *, pair=None, writers=12, genuine=6, forgeries=4):
    """Write what a training run leaves behind, as far as the converter reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    network.save(folder / "model.keras")
    if pair is not None:
        pair.save(folder / "pair.keras")
    (folder / "config.toml").write_text('encoder = "toy"\n')
    record = {"seed": 1, "trained_on": ["synthetic"], "licence_note": "free", "created": "2024-02-29"}
    (folder / "provenance.json").write_text(json.dumps(record))
    np.savez(folder / "representative.npz", traces=traces(15, 4))
    made = [
        (
            signature(writer, number, noise=0.02 if number < genuine else 0.3),
            f"toy/{writer}",
            number < genuine,
        )
        for writer in range(50, 50 + writers)
        for number in range(genuine + forgeries)
    ]
    held_out = TraceSet(
        name="toy",
        traces=np.stack([trace(each) for each, _, _ in made]),
        extent=np.array([each.repaired.duration_ms for each, _, _ in made]),
        writer=np.array([writer for _, writer, _ in made]),
        genuine=np.array([real for _, _, real in made]),
    )
    held_out.save(folder / "calibration.npz")
    return folder
