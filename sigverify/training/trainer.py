"""`train`: from corpora to a run directory."""

import json
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from sigverify.corpora import Corpus
from sigverify.errors import MissingExtra, TrainingError
from sigverify.plotting.figure import lay_out
from sigverify.plotting.learning_curves import History, learning_curves
from sigverify.plotting.style import styled
from sigverify.training.backend import keras
from sigverify.training.callbacks import (
    Averaging,
    Checkpoint,
    CsvLog,
    EpochCounter,
    ProgressReport,
    Validation,
)
from sigverify.training.config import TrainConfig, ValidationConfig
from sigverify.training.data.trace_set import TraceSet
from sigverify.training.data.training_data import TrainingData, prepare
from sigverify.training.devices import Devices, find_devices
from sigverify.training.needs import check_needs
from sigverify.training.pair.stage import train_pair
from sigverify.training.pair.writers import check_pairs
from sigverify.training.plan import Plan, make_plan, with_fitting_losses
from sigverify.training.progress import Progress
from sigverify.training.run import run as layout
from sigverify.training.run.checkpoint import RunState, has_stopped, read_state, weights_file
from sigverify.training.run.origin import Origin
from sigverify.training.run.provenance import provenance
from sigverify.training.run.run import Run
from sigverify.training.run.transfer import after_training, before_training
from sigverify.training.run.writing import writing
from sigverify.training.weights import load_weights, save_whole
from sigverify.whole_file import replacing, write_whole

logger = logging.getLogger(__name__)

REPRESENTATIVE_TRACES: Final = 400
"""Traces kept for quantization; about 200 are needed."""
CALIBRATION_WRITERS: Final = 400
"""Most held-out writers kept for scores and thresholds: 10 forgeries of each resolve FMR 0.1 %."""


def train(
    config: TrainConfig,
    corpora: Sequence[Corpus | TraceSet],
    out: str | os.PathLike[str],
    *,
    validation: Sequence[Corpus | TraceSet] | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    callbacks: Sequence[Any] = (),
) -> Run:
    """Train an encoder and leave a run directory (see `Run`).

    The backend that keras is set to trains, on all accelerators that it sees (see `Devices`).

    A run that starts from another network never ends with a worse one, by the monitored error rate on the
    held-out writers: while no epoch beats the start, the start is what is kept, as epoch 0.

    Args:
        config: all settings.
        corpora: what to learn from. Unless `validation` is given, `config.validation.fraction` of the
            writers of each is held out for validation and calibration.
        out: the run directory; new or empty, or a run to `resume`.
        validation: other writers to validate on, instead of a held-out part.
        resume: go on from the last checkpoint in `out`; all settings but `epochs` must be as before. A run
            that stopped early, its patience at an end, has nothing to go on with.
        on_progress: called from the training threads a few times a second.
        callbacks: further keras callbacks.

    Raises:
        ConfigError: an encoder, a loss or an option that does not exist or fit.
        CorpusError: too few writers or signatures.
        SplitLeak: a writer or signature stands in `corpora` and in `validation`.
        TrainingError: `out` holds something else, nothing to resume or files that are damaged; it cannot be
            written, as on a full disk; or a loss is no longer finite.
    """
    if not resume:
        Run(path=Path(out)).check_new()
    if validation is None:
        check_needs(config, corpora)
    data = prepare(config, corpora, validation)
    if config.pair.epochs:
        check_pairs(data)
    devices = find_devices(at_most=min(config.batch.writers, len(data.train.writers)))
    run = Run(path=_own_path(Path(out), devices))
    origin = Origin.find(config.init_from) if config.init_from and not resume else None
    if resume and config.init_from:
        config = with_fitting_losses(config.fitted_to({"config": run.config.to_dict()}))
    elif origin:
        config = with_fitting_losses(config.fitted_to(origin.facts))
    keras.utils.set_random_seed(config.seed)
    plan = make_plan(config, data, devices, origin)
    if resume:
        _check_same(run.config, config)
        state = read_state(run)
        _check_same_people(run.provenance, data)
    else:
        _create(run, config, data, plan, origin)
        state = _start(run, config, data, plan, origin)
    started, before = time.monotonic(), state.epoch
    progress = ProgressReport(config.epochs, config.steps_per_epoch, on_progress)
    _fit(config, plan, run, state, [progress, *callbacks])
    # Otherwise nothing was left to do of this stage, and that is written down already.
    if state.epoch > before or run.provenance.get("epochs_done") != state.epoch:
        _conclude(
            run, config, state, progress, time.monotonic() - started, validates=data.held_out is not None
        )
        if plan.validator is not None:
            _note(run, validation_trials=plan.validator.trials)
    if not devices.process:
        _second_stage(run, config, data, on_progress)
    return run


def _second_stage(
    run: Run,
    config: TrainConfig,
    data: TrainingData,
    on_progress: Callable[[Progress], None] | None,
) -> None:
    """Train the pair network, starting from that of the run's origin; without training keep the origin's."""
    start = run.path / layout.PAIR_START
    if config.pair.epochs:
        begin = start if start.is_file() else None
        _note(run, pair=train_pair(config, data, run, start=begin, on_progress=on_progress))
    elif start.is_file():
        with writing(run.pair_path):
            write_whole(run.pair_path, start.read_bytes())
        _note(run, pair={"kept_from": str(config.init_from)})


def _own_path(out: Path, devices: Devices) -> Path:
    """Where this process writes: `out`, or, of several, a copy beside it."""
    return out.with_name(f"{out.name}.process-{devices.process}") if devices.process else out


def _create(run: Run, config: TrainConfig, data: TrainingData, plan: Plan, origin: Origin | None) -> None:
    """Make the directory with all that is known beforehand.

    Raises:
        TrainingError: there is something in it, or it cannot be written.
    """
    run.check_new()
    facts = provenance(config, data, plan.devices, origin)
    rng = np.random.default_rng(config.seed)
    rows = np.sort(rng.permutation(len(data.train))[:REPRESENTATIVE_TRACES])
    with writing(run.path):
        run.path.mkdir(parents=True, exist_ok=True)
        write_whole(run.path / layout.PROVENANCE, json.dumps(facts, indent=2))
        with replacing(run.path / layout.REPRESENTATIVE) as draft:
            np.savez(draft, traces=data.train.traces[rows])
        if data.held_out is not None:
            _spread(data.held_out, CALIBRATION_WRITERS).save(run.path / layout.CALIBRATION)
        if origin is not None and origin.pair_network is not None:
            # A copy: the second stage begins with it, and where the run is resumed the origin may be gone.
            write_whole(run.path / layout.PAIR_START, origin.pair_network.read_bytes())
        write_whole(run.path / layout.CONFIG, config.to_toml())


def _start(run: Run, config: TrainConfig, data: TrainingData, plan: Plan, origin: Origin | None) -> RunState:
    """Score the weights that the run starts from, if they come from elsewhere, and keep them until beaten."""
    state = RunState()
    if origin is None or plan.validator is None:
        return state
    rates = plan.validator(plan.twin)
    record = before_training(origin, data, rates, fresh=plan.fresh, writers=plan.validator.writers)
    if record["may_have_seen"]:
        logger.warning(
            "%s may have been trained on writers held out here (of %s): its error rates flatter it",
            origin.source,
            ", ".join(record["may_have_seen"]),
        )
    _note(run, transfer=record)
    if config.validation.monitor in record["before"]:
        state.best = float(record["before"][config.validation.monitor])
        with writing(run.model_path):
            save_whole(plan.twin, run.model_path)
    return state


def _conclude(
    run: Run,
    config: TrainConfig,
    state: RunState,
    progress: ProgressReport,
    wall_s: float,
    *,
    validates: bool,
) -> None:
    """Record speed and result, and draw the learning curves."""
    facts = {
        "steps_per_second": round(progress.steps_per_second, 3),
        "wall_s": round(wall_s, 1),
        "epochs_done": state.epoch,
        "best_epoch": state.best_epoch,
        "best": {config.validation.monitor if validates else "loss": state.best},
    }
    if record := run.provenance.get("transfer"):
        facts["transfer"] = after_training(record, run.history, state.best_epoch)
    _note(run, **facts)
    try:
        with styled():
            figure = learning_curves(History.of(run.history), best_epoch=state.best_epoch)
            lay_out(figure)
            with writing(run.path / layout.CURVES), replacing(run.path / layout.CURVES) as draft:
                figure.savefig(draft, dpi=110)
    except MissingExtra as error:
        logger.warning("%s", error)


def _note(run: Run, **facts: Any) -> None:
    """Add to the provenance."""
    content = json.dumps(dict(run.provenance) | facts, indent=2)
    with writing(run.path / layout.PROVENANCE):
        write_whole(run.path / layout.PROVENANCE, content)


def _spread(traces: TraceSet, writers: int) -> TraceSet:
    """Keep at most so many writers, evenly over their names and so over the corpora."""
    picked = np.unique(np.linspace(0, len(traces.writers) - 1, min(writers, len(traces.writers))).astype(int))
    return traces.select(traces.writers[index] for index in picked)


def _check_same(before: TrainConfig, now: TrainConfig) -> None:
    """Refuse to resume with other settings; only the number of epochs and workers may change."""
    alike = replace(now, epochs=before.epochs, batch=replace(now.batch, workers=before.batch.workers))
    if alike.to_dict() != TrainConfig.from_dict(before.to_dict()).to_dict():
        old, new = before.to_dict(), alike.to_dict()
        changed = [key for key in old if old[key] != new[key]]
        raise TrainingError(
            "the run was started with other settings",
            expected="those of its config.toml",
            received=f"another {', '.join(changed)}",
            hint="Resume with the same settings, or start a new run with --init-from",
        )


def _check_same_people(before: Mapping[str, Any], data: TrainingData) -> None:
    """Refuse to resume with other signatures: who was held out would be trained on, and not recorded."""
    held_out = None if data.held_out is None else data.held_out.record()
    now = json.loads(json.dumps({"train": data.train.record(), "held_out": held_out}))
    changed = [name for name, record in now.items() if record != before.get(name)]
    if changed:
        raise TrainingError(
            "the run was started with other signatures",
            expected="the corpora that its provenance.json names, unchanged",
            received="others to train on" if "train" in changed else "others held out",
            hint="Resume with the same corpora, or start a new run with --init-from",
        )


def _patience(config: TrainConfig, plan: Plan) -> ValidationConfig:
    """Validation settings; of several processes none may stop before the others, so none stops early."""
    if plan.devices.processes == 1 or not config.validation.patience:
        return config.validation
    logger.warning("several processes train together: the run will not stop early")
    return replace(config.validation, patience=0)


def _fit(config: TrainConfig, plan: Plan, run: Run, state: RunState, callbacks: Sequence[Any]) -> None:
    """Train; `state` says where to start and is kept up to date. A run that stopped early stays as it is."""
    validation = _patience(config, plan)
    stages: list[Any] = [EpochCounter(plan.batches), Averaging()]
    if plan.validator is not None:
        stages.append(Validation(plan.validator, plan.twin, config.validation.every, plan.devices))
    stages += [
        Checkpoint(run, plan.twin, validation, state, validates=plan.validator is not None),
        CsvLog(run, epochs_done=state.epoch),
        *callbacks,
    ]
    try:
        if has_stopped(validation, state):
            logger.info("the run has stopped early: nothing is left to train of it")
            return
        with plan.devices.fit():
            if state.epoch:
                load_weights(plan.network, weights_file(run, state.epoch))
            plan.network.fit(
                plan.batches,
                validation_data=plan.held_out,
                validation_freq=config.validation.every,
                epochs=config.epochs,
                initial_epoch=state.epoch,
                callbacks=stages,
                verbose=0,
                shuffle=False,
            )
    finally:
        plan.batches.close()
