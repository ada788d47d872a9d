"""What happens around the epochs of a run: validate, keep the best, checkpoint, write down, report."""

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from sigverify.errors import TrainingError
from sigverify.training.backend import keras
from sigverify.training.batches import WriterBatches
from sigverify.training.config import ValidationConfig
from sigverify.training.progress import Progress
from sigverify.training.run import CHECKPOINTS, HISTORY, MODEL, TENSORBOARD, Run
from sigverify.training.validation import Validator
from sigverify.training.weights import save_whole

logger = logging.getLogger(__name__)

KEPT_CHECKPOINTS: Final = 2
_STATE: Final = "state.json"
_REPORT_EVERY_S: Final = 0.2


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


@dataclass
class RunState:
    """Where a run stands; what a checkpoint holds beside weights and optimizer.

    Attributes:
        epoch: epochs done.
        best: lowest monitored value so far; infinite before the first.
        best_epoch: when that was, from 1; 0 before the first.
        waited: validations since then.
    """

    epoch: int = 0
    best: float = math.inf
    best_epoch: int = 0
    waited: int = 0


class Keeper(keras.callbacks.Callback):
    """Saves the best network, a checkpoint after every epoch, and stops the run when it no longer improves."""

    def __init__(self, run: Run, twin: Any, config: ValidationConfig, state: RunState, *, validates: bool) -> None:
        """Keep into `run`; without validation the last epoch is the best."""
        super().__init__()
        self.run, self.twin, self.config, self.state, self.validates = run, twin, config, state, validates

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Look at the monitored value, save, and stop if it is time."""
        values = logs or {}
        if not math.isfinite(values.get("loss", 0.0)):
            raise TrainingError(
                f"the loss is not finite after epoch {epoch + 1}",
                received=str(values.get("loss")),
                hint="Lower the learning rate, or turn mixed precision off; then go on from the last checkpoint",
            )
        self.state.epoch = epoch + 1
        self._judge(epoch, values)
        self._checkpoint()
        if self.config.patience and self.state.waited >= self.config.patience:
            self.model.stop_training = True

    def _judge(self, epoch: int, values: Mapping[str, float]) -> None:
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
        self.twin.set_weights(self.model.get_weights())
        save_whole(self.twin, self.run.path / MODEL)

    def _checkpoint(self) -> None:
        """Write weights and optimizer first, then the state that points to them; then drop the oldest."""
        folder = self.run.path / CHECKPOINTS
        folder.mkdir(exist_ok=True)
        file = weights_file(self.run, self.state.epoch)
        partial = folder / f"partial-{file.name}"
        self.model.save_weights(partial)
        partial.replace(file)
        write_whole(folder / _STATE, json.dumps(asdict(self.state)))
        for old in sorted(folder.glob("epoch-*.weights.h5"))[:-KEPT_CHECKPOINTS]:
            old.unlink()


def weights_file(run: Run, epoch: int) -> Path:
    """Where the checkpoint after `epoch` lies."""
    return run.path / CHECKPOINTS / f"epoch-{epoch:05d}.weights.h5"


def read_state(run: Run) -> RunState:
    """Read where the run stands.

    Raises:
        TrainingError: no checkpoint, or a broken one.
    """
    try:
        state = RunState(**json.loads((run.path / CHECKPOINTS / _STATE).read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(
            f"{run.path} holds no checkpoint to resume from",
            expected=f"{CHECKPOINTS}/{_STATE}",
            received=str(error),
            hint="Start without --resume",
        ) from error
    if not weights_file(run, state.epoch).is_file():
        raise TrainingError(f"the checkpoint of epoch {state.epoch} is missing", expected=str(weights_file(run, state.epoch)))
    return state


class Recorder(keras.callbacks.Callback):
    """Rewrites history.csv after every epoch, whole or not at all; mirrors it to TensorBoard where that is installed."""

    def __init__(self, run: Run, *, epochs_done: int) -> None:
        """Go on after the rows of the first `epochs_done` epochs."""
        super().__init__()
        self.run = run
        self.rows: list[dict[str, float]] = [row for row in run.history if row["epoch"] <= epochs_done]
        self._board = _open_board(run.path / TENSORBOARD)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Add one row."""
        values = {key: float(value) for key, value in (logs or {}).items()}
        values["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self.rows.append({"epoch": epoch + 1, **values})
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        lines = [",".join(names)]
        lines += [",".join(f"{row[name]:.9g}" if name in row else "" for name in names) for row in self.rows]
        write_whole(self.run.path / HISTORY, "\n".join(lines) + "\n")
        if self._board is not None:
            self._board(epoch + 1, values)

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Close the board."""
        del logs
        if self._board is not None:
            self._board.close()


class _Board:
    """Scalars in TensorBoard's event files, by its own writer: needs no tensorflow."""

    def __init__(self, folder: Path) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._event, self._summary = Event, Summary
        self._writer = EventFileWriter(str(folder))

    def __call__(self, step: int, values: Mapping[str, float]) -> None:
        scalars = [self._summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        event = self._event(wall_time=time.time(), step=step, summary=self._summary(value=scalars))
        self._writer.add_event(event)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


def _open_board(folder: Path) -> _Board | None:
    try:
        return _Board(folder)
    except ImportError:
        logger.info("tensorboard is not installed: history.csv alone holds the learning curves")
        return None


class Reporter(keras.callbacks.Callback):
    """Calls back with `Progress`, at most five times a second within an epoch, and times the steps."""

    async_safe = True
    """Keras may call `on_train_batch_end` from threads, and need not wait for the device at every step."""

    def __init__(self, epochs: int, steps: int, on_progress: Callable[[Progress], None] | None) -> None:
        """Report on `epochs` x `steps` to `on_progress`."""
        super().__init__()
        self.epochs, self.steps, self.on_progress = epochs, steps, on_progress
        self.steps_per_second = 0.0
        self._lock = threading.Lock()
        self._epoch = 0
        self._reported = 0.0
        self._started = self._epoch_began = time.monotonic()
        self._busy_s, self._timed_steps = 0.0, 0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Start the clock of the epoch."""
        del logs
        self._epoch, self._epoch_began = epoch + 1, time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Report now and then."""
        now = time.monotonic()
        with self._lock:
            if batch + 1 == self.steps:
                self._time_epoch(now)
            if self.on_progress is None or now - self._reported < _REPORT_EVERY_S:
                return
            self._reported = now
            elapsed = max(now - self._epoch_began, 1e-9)
            speed = self.steps_per_second or (batch + 1) / elapsed
            self.on_progress(self._progress(batch + 1, logs or {}, speed, {}))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Report the metrics of the epoch."""
        del epoch
        if self.on_progress is not None:
            values = {key: float(value) for key, value in (logs or {}).items()}
            self.on_progress(self._progress(self.steps, values, self.steps_per_second, values))

    def _time_epoch(self, now: float) -> None:
        """Count the epoch, but for the first, in which the graph is compiled, if there is another."""
        if self._timed_steps == 0 and self._busy_s == 0.0:
            self._busy_s = -1.0
            self.steps_per_second = self.steps / max(now - self._epoch_began, 1e-9)
            return
        self._busy_s = max(self._busy_s, 0.0) + now - self._epoch_began
        self._timed_steps += self.steps
        self.steps_per_second = self._timed_steps / max(self._busy_s, 1e-9)

    def _progress(
        self, step: int, logs: Mapping[str, float], speed: float, metrics: Mapping[str, float]
    ) -> Progress:
        return Progress(
            epoch=self._epoch,
            epochs=self.epochs,
            step=step,
            steps=self.steps,
            loss=float(logs.get("loss", math.nan)),
            steps_per_second=speed,
            metrics=metrics,
        )


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, "utf-8")
    partial.replace(path)
