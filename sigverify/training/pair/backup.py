"""`Backup`: what the second stage goes on from after it was stopped, in files that Keras makes too."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sigverify.errors import TrainingError
from sigverify.training.backend import keras
from sigverify.training.run.json_file import read_object
from sigverify.training.run.writing import writing
from sigverify.training.weights import load_weights, save_weights
from sigverify.whole_file import write_whole

WEIGHTS: Final = "latest.weights.h5"
STATE: Final = "training_metadata.json"


class Backup(keras.callbacks.Callback):
    """Saves weights and optimizer after each epoch, each file whole or not at all.

    `keras.callbacks.BackupAndRestore` writes over its files, so that a full disk leaves none to go on from.
    """

    def __init__(self, folder: Path) -> None:
        """Save into `folder`, which must exist."""
        super().__init__()
        self._folder = folder

    def restore(self, model: Any) -> int:
        """Load what was saved into a compiled model, if anything was; return how many epochs were done.

        Raises:
            TrainingError: the files are damaged, or of another network.
        """
        state = self._folder / STATE
        if not state.is_file():
            return 0
        epochs = read_object(state).get("epoch")
        if type(epochs) is not int or epochs < 0:
            raise TrainingError(
                f"{state} is damaged", expected='"epoch", a number of epochs', received=repr(epochs)
            )
        load_weights(model, self._folder / WEIGHTS)
        return epochs

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Write the weights first, then how many epochs they have."""
        del logs
        with writing(self._folder / WEIGHTS):
            save_weights(self.model, self._folder / WEIGHTS)
            write_whole(self._folder / STATE, json.dumps({"epoch": epoch + 1, "batch": 0}))
