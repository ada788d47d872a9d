"""Training in a few lines, for the tutorials; `sigverify.training.train` is the whole of it."""

import numpy as np
from showing import SMALL

from sigverify.modality.image.image import IMAGE
from sigverify.training.backend import keras
from sigverify.training.callbacks import EpochCounter
from sigverify.training.data.batches import WriterBatches

MOST_STEPS = 2
"""Of an epoch of the short course. So few are sooner taken than tensorflow has traced one of them."""

__all__ = ["batches", "keras", "learn", "vectors_of"]


def batches(traces, *, steps, writers=10, genuine=4, skilled=0, augmentation=None, output="vector", seed=0):
    """Return `steps` batches an epoch, of so many writers with so many signatures each."""
    return WriterBatches(
        traces,
        outputs=(output,),
        writers=writers,
        genuine=genuine,
        skilled=skilled,
        steps=min(steps, MOST_STEPS) if SMALL else steps,
        augmentation=augmentation,
        seed=seed,
    )


def learn(network, loss, learned, *, epochs, held_out=None, output="vector", rate=2e-3, after_epoch=None):
    """Train a network by a loss on one of its outputs; return one row of numbers an epoch."""
    losses = dict.fromkeys(network.output) | {output: loss}
    # Compiling by XLA would take longer than all of the training here.
    optimizer = keras.optimizers.AdamW(rate)
    network.compile(optimizer=optimizer, loss=losses, jit_compile=False, run_eagerly=SMALL)
    callbacks = [EpochCounter(learned)]
    if after_epoch is not None:
        callbacks.append(keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: after_epoch()))
    history = network.fit(
        learned, validation_data=held_out, epochs=epochs, callbacks=callbacks, verbose=0
    ).history
    names = ("loss", "val_loss") if held_out is not None else ("loss",)
    return [{"epoch": epoch + 1} | {name: history[name][epoch] for name in names} for epoch in range(epochs)]


def vectors_of(network, traces, output="vector"):
    """Embed a trace set: `(n, e)`, in the order of its signatures."""
    parts = np.array_split(IMAGE.encode(traces.traces), -(-len(traces) // 100))
    return np.concatenate([np.asarray(network(part, training=False)[output]) for part in parts])
