"""`ProgressReport`: calls back with the progress and the speed of a run."""

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from sigverify.training.backend import keras
from sigverify.training.progress import Progress

_REPORT_EVERY_S: Final = 0.2
"""Five times a second: smooth for a progress bar, and nothing against the time of a step."""


class ProgressReport(keras.callbacks.Callback):
    """Calls back with `Progress`, at most once in `_REPORT_EVERY_S` within an epoch, and times the steps."""

    async_safe = True
    """Keras may call `on_train_batch_end` from threads, and need not wait for the device at every step."""

    def __init__(self, epochs: int, steps: int, on_progress: Callable[[Progress], None] | None) -> None:
        """Report on `epochs` x `steps` to `on_progress`."""
        super().__init__()
        self.epochs, self.steps, self.on_progress = epochs, steps, on_progress
        self._lock = threading.Lock()
        self._epoch = 0
        self._reported = 0.0
        self._epoch_began = time.monotonic()
        self._epoch_s: list[float] = []

    @property
    def steps_per_second(self) -> float:
        """Training steps a second, without validation and the first epoch, which compiles."""
        timed = self._epoch_s[1:] or self._epoch_s
        return len(timed) * self.steps / max(sum(timed), 1e-9)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Start timing the epoch."""
        del logs
        self._epoch, self._epoch_began = epoch + 1, time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Report, unless the last report is too recent."""
        now = time.monotonic()
        with self._lock:
            if batch + 1 == self.steps:
                self._epoch_s.append(now - self._epoch_began)
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
