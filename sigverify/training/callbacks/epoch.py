"""`EpochCounter`: tells the batches the number of the epoch."""

from collections.abc import Mapping
from typing import Protocol

from sigverify.training.backend import keras


class Batches(Protocol):
    """Batches of one epoch after the other."""

    epoch: int


class EpochCounter(keras.callbacks.Callback):
    """Sets `epoch` of batches, so that a resumed run continues with the right batches."""

    def __init__(self, batches: Batches) -> None:
        """Set the epoch of `batches`."""
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Set the epoch; keras counts from 0."""
        del logs
        self.batches.epoch = epoch
