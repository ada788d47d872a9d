"""`Checkpoint`: saves the best network and the state to resume from, and stops the run."""

import math
from collections.abc import Mapping
from typing import Any

from sigverify.errors import TrainingError
from sigverify.training.backend import keras
from sigverify.training.callbacks.averaging import averaged
from sigverify.training.config import ValidationConfig
from sigverify.training.run.checkpoint import RunState, has_stopped, write_checkpoint
from sigverify.training.run.run import Run
from sigverify.training.run.writing import writing
from sigverify.training.weights import copy_weights, save_whole


class Checkpoint(keras.callbacks.Callback):
    """Saves the best network and a checkpoint after each epoch; stops a run that no longer improves."""

    def __init__(
        self, run: Run, twin: Any, config: ValidationConfig, state: RunState, *, validates: bool
    ) -> None:
        """Save into `run`; without validation the last epoch is the best."""
        super().__init__()
        self.run, self.twin, self.config, self.state, self.validates = run, twin, config, state, validates

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Compare the monitored value with the best, save, and stop when patience has run out."""
        values = logs or {}
        if not math.isfinite(values.get("loss", 0.0)):
            raise TrainingError(
                f"the loss is not finite after epoch {epoch + 1}",
                received=str(values.get("loss")),
                hint="Lower the learning rate, or turn mixed precision off",
            )
        self.state.epoch = epoch + 1
        self._compare(epoch, values)
        write_checkpoint(self.run, self.model, self.state)
        if has_stopped(self.config, self.state):
            self.model.stop_training = True

    def _compare(self, epoch: int, values: Mapping[str, float]) -> None:
        if not self.validates:
            self._save_best(epoch, values.get("loss", math.nan))
        elif self.config.monitor in values:
            value = values[self.config.monitor]
            if value < self.state.best:
                self._save_best(epoch, value)
            else:
                self.state.waited += 1

    def _save_best(self, epoch: int, value: float) -> None:
        self.state.best, self.state.best_epoch, self.state.waited = float(value), epoch + 1, 0
        with averaged(self.model):
            copy_weights(self.model, self.twin)
        with writing(self.run.model_path):
            save_whole(self.twin, self.run.model_path)
