"""`EpochClock`: which epoch it is."""

from collections.abc import Mapping

from sigverify.training.backend import keras
from sigverify.training.data.batches import WriterBatches


class EpochClock(keras.callbacks.Callback):
    """Tells the batches which epoch it is, so that resuming goes on with the right ones."""

    def __init__(self, batches: WriterBatches) -> None:
        """Watch over `batches`."""
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Set the epoch, from 0."""
        del logs
        self.batches.epoch = epoch
