"""Checkpoints: weights and optimizer after an epoch, and where the run stood."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from sigverify.errors import TrainingError
from sigverify.training.config import ValidationConfig
from sigverify.training.run.json_file import read_object
from sigverify.training.run.run import CHECKPOINTS, STATE, Run
from sigverify.training.run.writing import writing
from sigverify.whole_file import write_whole

KEPT: Final = 2
"""Checkpoints kept: the last, and the one before should the last turn out broken."""


@dataclass
class RunState:
    """Where a run stands; what a checkpoint holds beside weights and optimizer.

    Attributes:
        epoch: epochs done.
        best: lowest monitored value so far; infinite before the first.
        best_epoch: when that was, from 1; 0 before the first, or while the start is still the best.
        waited: validations since then.
    """

    epoch: int = 0
    best: float = math.inf
    best_epoch: int = 0
    waited: int = 0


def write_checkpoint(run: Run, network: Any, state: RunState) -> None:
    """Write weights and optimizer first, then the state that points to them; then drop the oldest.

    Raises:
        TrainingError: it cannot be written, as on a full disk; the checkpoints before are as they were.
    """
    from sigverify.training.weights import save_weights  # it loads keras

    folder, file = run.path / CHECKPOINTS, weights_file(run, state.epoch)
    with writing(file):
        folder.mkdir(exist_ok=True)
        save_weights(network, file)
        write_whole(folder / STATE, json.dumps(asdict(state)))
        for old in sorted(folder.glob("epoch-*.weights.h5"))[:-KEPT]:
            old.unlink()


def has_stopped(validation: ValidationConfig, state: RunState) -> bool:
    """Whether patience has run out: so many validations without a better value."""
    return 0 < validation.patience <= state.waited


def weights_file(run: Run, epoch: int) -> Path:
    """Where the checkpoint after `epoch` lies."""
    return run.path / CHECKPOINTS / f"epoch-{epoch:05d}.weights.h5"


def read_state(run: Run) -> RunState:
    """Read where the run stands.

    Raises:
        TrainingError: no checkpoint, or a broken one.
    """
    file = run.path / CHECKPOINTS / STATE
    if not file.is_file():
        raise TrainingError(
            f"{run.path} holds no checkpoint to resume from",
            expected=f"{CHECKPOINTS}/{STATE}",
            received="no such file",
            hint="If it was stopped before its first one, remove the folder and start without --resume",
        )
    state = _checked(file, read_object(file))
    if not weights_file(run, state.epoch).is_file():
        raise TrainingError(
            f"the checkpoint of epoch {state.epoch} is missing", expected=str(weights_file(run, state.epoch))
        )
    return state


def _checked(file: Path, values: Mapping[str, Any]) -> RunState:
    """Check what a state file says.

    Raises:
        TrainingError: it is not of that form.
    """
    known = {each.name for each in fields(RunState)}
    counts = [values.get(name) for name in known - {"best"}]
    best = values.get("best")
    whole = all(type(count) is int and count >= 0 for count in counts)
    if set(values) != known or not whole or type(best) not in (int, float) or math.isnan(best or 0):
        raise TrainingError(
            f"{file} is damaged",
            expected=f"{', '.join(sorted(known))}: numbers, not negative",
            received=json.dumps(values),
            hint="Start a new run with --init-from",
        )
    return RunState(**values)
