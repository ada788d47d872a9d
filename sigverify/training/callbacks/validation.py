"""`Validation`: error rates on held-out writers after an epoch."""

from typing import Any

from sigverify.training.backend import keras
from sigverify.training.callbacks.averaging import averaged
from sigverify.training.devices import Devices
from sigverify.training.validator import Validator
from sigverify.training.weights import copy_weights


class Validation(keras.callbacks.Callback):
    """Copies the averaged weights into a float32 twin of the network and adds its error rates to the logs."""

    def __init__(self, validator: Validator, twin: Any, every: int, devices: Devices) -> None:
        """Validate `twin` every so many epochs, on one of the `devices`."""
        super().__init__()
        self.validator, self.twin, self.every, self.devices = validator, twin, every, devices

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Add ``val_eer`` and its parts to `logs`."""
        if logs is None or (epoch + 1) % self.every:
            return
        with averaged(self.model):
            copy_weights(self.model, self.twin)
        with self.devices.alone():
            logs.update(self.validator(self.twin))
