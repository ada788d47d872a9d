"""`Validation`: error rates on held-out writers after an epoch."""

from typing import Any

from sigverify.training.backend import keras
from sigverify.training.validator import Validator


class Validation(keras.callbacks.Callback):
    """Copies the weights into a float32 twin of the network and adds the `Validator`'s rates to the logs."""

    def __init__(self, validator: Validator, twin: Any, every: int) -> None:
        """Validate `twin` every so many epochs."""
        super().__init__()
        self.validator, self.twin, self.every = validator, twin, every

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Add ``val_eer`` and its parts to `logs`."""
        if logs is None or (epoch + 1) % self.every:
            return
        self.twin.set_weights(self.model.get_weights())
        logs.update(self.validator(self.twin))
