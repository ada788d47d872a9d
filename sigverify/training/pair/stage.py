"""`train_pair`: the second stage of a run, which trains its pair network."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from sigverify.errors import TrainingError, one_line
from sigverify.training.backend import backend_name, keras
from sigverify.training.callbacks import Averaging, EpochCounter, ProgressReport
from sigverify.training.callbacks.averaging import averaged
from sigverify.training.config import TrainConfig
from sigverify.training.data.training_data import TrainingData
from sigverify.training.optimization import build_reports
from sigverify.training.pair.backup import Backup
from sigverify.training.pair.batches import PairBatches, held_out_batches
from sigverify.training.pair.network import SmallLoss, TrialLoss, build, in_score
from sigverify.training.pair.offset import Offset
from sigverify.training.pair.writers import WriterPairs
from sigverify.training.progress import Progress
from sigverify.training.run.json_file import read_object
from sigverify.training.run.run import PAIR_HISTORY, Run
from sigverify.training.run.writing import writing
from sigverify.training.weights import save_whole, start_from
from sigverify.whole_file import write_whole

logger = logging.getLogger(__name__)

BACKUP: Final = "pair-checkpoint"
"""Folder of what `resume` goes on from. It stays: a run that ended is not begun again."""
BEST: Final = "best.json"
MONITOR: Final = "val_odds_loss"
"""The log loss of the trials of held-out writers."""


def train_pair(
    config: TrainConfig,
    data: TrainingData,
    run: Run,
    *,
    start: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Mapping[str, Any]:
    """Train the pair network of a run, or go on with it, and leave the best one in `run.pair_path`.

    It is the best by the log loss on held-out writers; where nobody is held out, the last one. `start` is a
    `.keras` file whose weights a new network begins with. Returns what goes into the provenance.

    Raises:
        CorpusError: too few writers or signatures.
        TrainingError: the loss is no longer finite, `start` is another architecture, or the run cannot be
            written or holds damaged files.
    """
    started = time.monotonic()
    pair = config.pair
    keras.utils.set_random_seed(config.seed)
    writers = WriterPairs(data.train, config.augmentation)
    offset = Offset.fit(writers, config.seed)
    network = build(
        writers.shape, width=pair.width, dilations=pair.dilations, dropout=pair.dropout, stride=pair.stride
    )
    if start is not None:
        start_from(network, start)
    model = in_score(network)
    compile_in_score(model, config)
    batches = PairBatches(writers, offset, pair, config.seed)
    held_out, alone = None, None
    if data.held_out is not None:
        held_out, alone = held_out_batches(WriterPairs(data.held_out, None), offset, pair, config.seed)
    folder = run.path / BACKUP
    with writing(folder):
        folder.mkdir(exist_ok=True)
    keep = _KeepBest(run, network, folder, validates=held_out is not None)
    backup = Backup(folder)
    epochs_done = backup.restore(model)
    log = _Log(run.path / PAIR_HISTORY, append=(folder / BEST).exists())
    try:
        model.fit(
            batches,
            validation_data=held_out,
            validation_batch_size=pair.writers,
            epochs=pair.epochs,
            initial_epoch=epochs_done,
            verbose=0,
            shuffle=False,
            callbacks=[
                EpochCounter(batches),
                Averaging(),
                keep,
                backup,  # after the best: stopped between the two, the epoch is done once more
                log,
                keras.callbacks.TerminateOnNaN(),
                ProgressReport(pair.epochs, pair.steps_per_epoch, on_progress),
            ],
        )
    finally:
        batches.close()
        log.on_train_end()  # closes the file, which keras leaves open where a run is stopped
    if model.stop_training or not run.pair_path.is_file():
        raise TrainingError(
            "the loss of the pair network is no longer finite", hint="Lower [pair] learning_rate"
        )
    facts = {"epochs": pair.epochs, "parameters": int(network.count_params()), "best": keep.best}
    facts |= {"measured_alone": alone, "seconds": round(time.monotonic() - started, 1)}
    return facts


def compile_in_score(model: Any, config: TrainConfig) -> None:
    """Attach the losses, the optimizer, and the means that keras reports, to what `in_score` made."""
    pair = config.pair
    steps = pair.epochs * pair.steps_per_epoch
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(pair.learning_rate, steps, alpha=0.02),
        weight_decay=pair.weight_decay,
        global_clipnorm=1.0,
        use_ema=pair.ema > 0,
        ema_momentum=min(pair.ema, 1 - 1 / max(1.0, 0.1 * steps)),
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "column"])
    jit = False if backend_name() == "tensorflow" else "auto"
    model.compile(optimizer, loss={"odds": TrialLoss(), "said": SmallLoss()}, jit_compile=jit)
    optimizer.build(model.trainable_variables)
    build_reports(model, {name: (1, *output.shape[1:]) for name, output in model.output.items()})


class _KeepBest(keras.callbacks.Callback):
    """Saves the network, with averaged weights, where it is better than all before."""

    def __init__(self, run: Run, network: Any, folder: Any, *, validates: bool) -> None:
        super().__init__()
        self._run, self._network, self._file = run, network, folder / BEST
        self._validates = validates
        self.best = _read_best(self._file) if self._file.exists() else {}

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        loss = float((logs or {}).get(MONITOR if self._validates else "loss", np.nan))
        if np.isfinite(loss) and (not self._validates or loss < self.best.get("loss", np.inf)):
            self.best = {"epoch": epoch + 1, "loss": round(loss, 6)}
            with averaged(self.model), writing(self._run.pair_path):
                save_whole(self._network, self._run.pair_path)
            with writing(self._file):
                write_whole(self._file, json.dumps(self.best))
        logger.info("pair network, epoch %d: %s", epoch + 1, logs)


def _read_best(file: Path) -> dict[str, float]:
    """Read which epoch was the best so far, and its loss.

    Raises:
        TrainingError: the file is damaged.
    """
    values = dict(read_object(file))
    numbers = all(type(each) in (int, float) for each in values.values())
    if not numbers or not {"epoch", "loss"} <= set(values):
        raise TrainingError(
            f"{file} is damaged", expected="epoch and loss, both numbers", received=json.dumps(values)
        )
    return values


class _Log(keras.callbacks.CSVLogger):
    """Writes a row an epoch."""

    def __init__(self, path: Path, *, append: bool) -> None:
        super().__init__(path, append=append)
        self._path = path

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Open the file."""
        try:
            with writing(self._path):
                super().on_train_begin(logs)
        except UnicodeDecodeError as error:
            raise TrainingError(
                f"{self._path} is damaged", expected="a table, in UTF-8", received=one_line(error)
            ) from error

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Add a row."""
        with writing(self._path):
            super().on_epoch_end(epoch, logs)
