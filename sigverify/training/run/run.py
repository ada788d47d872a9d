"""`Run`: a directory that holds one training run."""

import csv
import io
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from sigverify.arrays import Float32Array
from sigverify.errors import TrainingError, one_line
from sigverify.modality.registry import find_modality
from sigverify.plotting.learning_curves import HISTORY_FILE
from sigverify.training.config import TrainConfig
from sigverify.training.data.trace_set import TraceSet
from sigverify.training.run.json_file import read_object
from sigverify.training.run.unreadable import UNREADABLE
from sigverify.whole_file import is_draft, obstacle

CONFIG: Final = "config.toml"
PROVENANCE: Final = "provenance.json"
MODEL: Final = "model.keras"
PAIR_MODEL: Final = "pair.keras"
PAIR_START: Final = "pair-start.keras"
PAIR_HISTORY: Final = "pair-history.csv"
CURVES: Final = "curves.png"
CHECKPOINTS: Final = "checkpoints"
STATE: Final = "state.json"
"""Of the newest checkpoint, within `CHECKPOINTS`."""
TENSORBOARD: Final = "tensorboard"
REPRESENTATIVE: Final = "representative.npz"
CALIBRATION: Final = "calibration.npz"
EPOCH: Final = "epoch"
"""Column of the history."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished (or stopped) training run on disk.

    ======================  ========================================================================
    config.toml             the resolved `TrainConfig`
    provenance.json         versions, devices, seed, config, fingerprints, speed
    model.keras             the best network, float32, without optimizer
    pair.keras              the best pair network, where one was trained
    pair-start.keras        the one that it began with, where the run started from another
    pair-history.csv        one row an epoch of it
    history.csv             one row an epoch
    curves.png              the same, drawn
    checkpoints/            the last two states that `resume` can go on from
    tensorboard/            the same as history.csv, for TensorBoard
    representative.npz      "traces" `(n, *trace_shape)` of training writers, for quantization
    calibration.npz         a `TraceSet` of held-out writers, for scores and thresholds
    ======================  ========================================================================
    """

    path: Path

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Open a run directory that holds a trained network.

        Raises:
            TrainingError: no such directory, or no network in it.
        """
        run = cls(path=Path(path))
        if not run.model_path.is_file():
            raise TrainingError(
                f"{path} is not a finished training run",
                expected=f"a directory with {MODEL}",
                hint="Train one with `sigverify train --out DIR`, or go on with --resume",
            )
        return run

    def is_unstarted(self) -> bool:
        """Whether this was begun, and stopped before its first checkpoint: nothing of it has been learned."""
        if not self.path.is_dir() or (self.path / CHECKPOINTS / STATE).exists():
            return False
        names = {each.name for each in self.path.iterdir()}
        began = PROVENANCE in names or any(is_draft(each) for each in self.path.iterdir())
        return began and HISTORY_FILE not in names

    def check_new(self) -> None:
        """Refuse to begin a run where there is something.

        Raises:
            TrainingError: there is, or the folder cannot be made.
        """
        if self.is_unstarted():
            raise TrainingError(
                f"{self.path} holds a run that was stopped before its first checkpoint",
                hint="Nothing was learned yet: unless a training is at work there, remove it and start again",
            )
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise TrainingError(
                f"{self.path} is not empty",
                expected="a new or empty directory",
                hint="Choose another, or go on with the run in it by --resume",
            )
        if (above := obstacle(self.path)) is not None:
            raise TrainingError(f"{self.path} cannot be made", received=f"{above} cannot be written to")

    @property
    def model_path(self) -> Path:
        """The best network."""
        return self.path / MODEL

    @property
    def pair_path(self) -> Path:
        """The best pair network; there may be none."""
        return self.path / PAIR_MODEL

    @property
    def config(self) -> TrainConfig:
        """Settings of the run."""
        return TrainConfig.read(self.path / CONFIG)

    @property
    def encoder(self) -> str:
        """Architecture.

        Raises:
            TrainingError: config.toml is missing, or does not name it; a default would be a guess.
        """
        try:
            name = tomllib.loads(self.existing(CONFIG).read_text("utf-8-sig")).get("encoder")
        except (OSError, ValueError, RecursionError) as error:
            raise TrainingError(
                f"{self.path / CONFIG} cannot be read", expected="TOML, in UTF-8", received=one_line(error)
            ) from error
        if not isinstance(name, str) or not name:
            raise TrainingError(f"{CONFIG} does not say which encoder was trained", expected="encoder")
        return name

    @property
    def provenance(self) -> Mapping[str, Any]:
        """What went into the run.

        Raises:
            TrainingError: the file is missing, no JSON object, or holds something else than a run writes.
        """
        return read_facts(self.existing(PROVENANCE))

    @property
    def history(self) -> list[dict[str, float]]:
        """One row an epoch; `epoch` counts from 1. Empty before the end of the first.

        Raises:
            TrainingError: the file is no table of numbers with a column `epoch`.
        """
        path = self.path / HISTORY_FILE
        if not path.is_file():
            return []
        try:
            with path.open(newline="", encoding="utf-8") as file:
                rows = [
                    {str(key): float(value) for key, value in row.items() if value}
                    for row in csv.DictReader(file)
                ]
        except (OSError, ValueError, TypeError, csv.Error) as error:
            raise TrainingError(
                f"{path} is damaged", expected="a table of numbers, a row an epoch", received=one_line(error)
            ) from error
        if not rows or not all(EPOCH in row for row in rows):
            raise TrainingError(
                f"{path} is damaged", expected=f"a table of numbers, with the column {EPOCH}",
                received=f"{len(rows)} rows",
            )  # fmt: skip
        return rows

    @property
    def calibration(self) -> TraceSet:
        """The held-out writers.

        Raises:
            TrainingError: there are none.
            CorpusError: the file is damaged.
        """
        return TraceSet.load(self.existing(CALIBRATION))

    @property
    def representative(self) -> Float32Array:
        """Traces of training writers `(n, *trace_shape)`, for quantization.

        Raises:
            TrainingError: the file is missing, damaged, or holds something else.
        """
        path = self.existing(REPRESENTATIVE)
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
                traces = file["traces"]
        except UNREADABLE as error:
            raise TrainingError(
                f"{path.name} cannot be read", expected='an .npz file with "traces"', received=one_line(error)
            ) from error
        shape = find_modality(self.config.modality).trace_shape
        if traces.shape[1:] != shape or traces.dtype.kind != "f" or not len(traces):
            raise TrainingError(
                f"{path.name} holds no traces",
                expected=f"float (n, {', '.join(map(str, shape))})",
                received=f"{traces.dtype} {traces.shape}",
            )
        if not np.isfinite(traces).all():
            raise TrainingError(f"traces of {path.name} are not finite", expected="finite numbers")
        return np.asarray(traces, np.float32)

    def existing(self, name: str) -> Path:
        """Return the path of a file of the run.

        Raises:
            TrainingError: it is not there.
        """
        if not self.path.is_dir():
            raise TrainingError("no such training run", expected="a folder", received=str(self.path))
        path = self.path / name
        if not path.is_file():
            raise TrainingError(
                "the training run is incomplete", expected=name, received=f"nothing in {self.path}"
            )
        return path

    def load_network(self) -> Any:
        """Load the best network, a `keras.Model` from features to "vector" and perhaps "sequence".

        Raises:
            TrainingError: the file is missing or broken.
        """
        from sigverify.training.weights import load_network

        return load_network(self.model_path)


def read_facts(path: Path) -> Mapping[str, Any]:
    """Read a provenance file.

    Raises:
        TrainingError: the file is missing, no JSON object, or holds something else than a run writes.
    """
    facts = read_object(path)
    for name, (kind, said) in _FACTS.items():
        value = facts.get(name)
        missing = value is None and (name not in facts or name in _MAY_BE_NULL)
        if not missing and not isinstance(value, kind):
            raise TrainingError(
                f"{path} is damaged", expected=f"{name}: {said}", received=type(value).__name__
            )
    for name, (kind, said) in _ITEMS.items():
        if wrong := [each for each in facts.get(name, ()) if not isinstance(each, kind)]:
            raise TrainingError(
                f"{path} is damaged", expected=f"{name}: a list of {said}", received=type(wrong[0]).__name__
            )
    transfer = facts.get("transfer", {})
    before, seen = transfer.get("before", {}), transfer.get("may_have_seen", [])
    if not isinstance(before, dict) or not isinstance(seen, list):
        raise TrainingError(
            f"{path} is damaged",
            expected="transfer: an object with the object before, and a list may_have_seen",
            received=f"{type(before).__name__}, {type(seen).__name__}",
        )
    trials = facts.get("validation_trials", {})
    if trials and not all(type(trials.get(name)) is int for name in _TRIALS):
        raise TrainingError(
            f"{path} is damaged", expected=f"validation_trials: numbers {', '.join(_TRIALS)}",
            received=", ".join(trials),
        )  # fmt: skip
    return facts


_OBJECT: Final = (dict, "an object")
_LIST: Final = (list, "a list")
_FACTS: Final[Mapping[str, tuple[Any, str]]] = {
    "config": _OBJECT,
    "train": _OBJECT,
    "held_out": _OBJECT,
    "init_from": _OBJECT,
    "transfer": _OBJECT,
    "validation_trials": _OBJECT,
    "pair": _OBJECT,
    "best": _OBJECT,
    "trained_on": _LIST,
    "corpora": _LIST,
    "licence_note": (str, "text"),
    "epochs_done": (int, "a number"),
    "best_epoch": (int, "a number"),
}
"""What is looked up in a provenance file; all may be missing, in one of an older version, or made by hand."""
_TRIALS: Final = ("references", "genuine", "skilled", "random")
_MAY_BE_NULL: Final = ("held_out", "init_from")
_ITEMS: Final[Mapping[str, tuple[type, str]]] = {"trained_on": (str, "names"), "corpora": (dict, "objects")}
