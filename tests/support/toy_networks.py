"""Untrained Keras networks of the network contract, their model files, and run folders around them."""

import functools
import json

import numpy as np
from builders import signature

from sigverify.manifest import Manifest, Precision
from sigverify.modality.pen.features import CHANNELS, FRAMES, encode, trace
from sigverify.model_file import Model
from sigverify.training import TraceSet

VECTOR_SIZE = 64
SEQUENCE_SHAPE = (FRAMES // 2, 16)


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


def traces(writers=4, each=4, *, noise=0.02):
    """`(writers * each, frames, 4)` traces, the repetitions of a writer side by side."""
    made = [signature(writer, number, noise=noise) for writer in range(writers) for number in range(each)]
    return np.stack([trace(each) for each in made])


@functools.cache
def toy_model(precision=Precision.INT8, *, sequence=True):
    """A model that runs, converted from `keras_network` and not calibrated."""
    from converter.encoder import Encoder
    from converter.quantize import convert_encoder
    from converter.tensors import describe

    encoder = Encoder.of(keras_network(sequence=sequence))
    network = convert_encoder(encoder, precision, encode(traces(15, 4)))
    shape = encoder.sequence_shape
    manifest = Manifest(
        name="toy",
        encoder="toy",
        precision=precision,
        modality="pen",
        vector_size=encoder.vector_size,
        sequence_shape=shape,
        tensors=describe(network, encoder.input_shape, encoder.vector_size, shape),
    )
    return Model(manifest=manifest, network=network)


def write_run(folder, network, *, writers=12, genuine=6, forgeries=4):
    """Write what a training run leaves behind, as far as the converter reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    network.save(folder / "model.keras")
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
