"""Checkpoints: weights and optimizer after an epoch, and where the run stood."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from sigverify.errors import TrainingError
from sigverify.training.run.run import CHECKPOINTS, STATE, Run
from sigverify.whole_file import replacing, write_whole

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
    """Write weights and optimizer first, then the state that points to them; then drop the oldest."""
    folder = run.path / CHECKPOINTS
    folder.mkdir(exist_ok=True)
    file = weights_file(run, state.epoch)
    with replacing(file) as draft:
        network.save_weights(draft)
    write_whole(folder / STATE, json.dumps(asdict(state)))
    for old in sorted(folder.glob("epoch-*.weights.h5"))[:-KEPT]:
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
        state = RunState(**json.loads((run.path / CHECKPOINTS / STATE).read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(
            f"{run.path} holds no checkpoint to resume from",
            expected=f"{CHECKPOINTS}/{STATE}",
            received=str(error),
            hint="If it was stopped before its first one, remove the folder and start without --resume",
        ) from error
    if not weights_file(run, state.epoch).is_file():
        raise TrainingError(
            f"the checkpoint of epoch {state.epoch} is missing", expected=str(weights_file(run, state.epoch))
        )
    return state
