"""`CsvLog`: the learning curves as a table, and for TensorBoard."""

from collections.abc import Mapping

from sigverify.plotting.learning_curves import HISTORY_FILE
from sigverify.training.backend import keras
from sigverify.training.callbacks.tensorboard import given_up, open_tensorboard
from sigverify.training.run.run import TENSORBOARD, Run
from sigverify.training.run.writing import writing
from sigverify.whole_file import write_whole


class CsvLog(keras.callbacks.Callback):
    """Rewrites history.csv after every epoch, and logs the same to TensorBoard where it is installed."""

    def __init__(self, run: Run, *, epochs_done: int) -> None:
        """Continue after the rows of the first `epochs_done` epochs."""
        super().__init__()
        self.run = run
        self.rows: list[dict[str, float]] = [row for row in run.history if row["epoch"] <= epochs_done]
        self._tensorboard = open_tensorboard(run.path / TENSORBOARD)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Add one row."""
        values = {key: float(value) for key, value in (logs or {}).items()}
        values["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        self.rows.append({"epoch": epoch + 1, **values})
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        lines = [",".join(names)]
        lines += [",".join(f"{row[name]:.9g}" if name in row else "" for name in names) for row in self.rows]
        with writing(self.run.path / HISTORY_FILE):
            write_whole(self.run.path / HISTORY_FILE, "\n".join(lines) + "\n")
        if self._tensorboard is not None:
            try:
                self._tensorboard.write(epoch + 1, values)
            except Exception as error:  # noqa: BLE001 - TensorBoard's own errors are no system's errors
                given_up(error)
                self._tensorboard = None

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Close the TensorBoard log."""
        del logs
        if self._tensorboard is not None:
            try:
                self._tensorboard.close()
            except Exception as error:  # noqa: BLE001 - as above
                given_up(error)
