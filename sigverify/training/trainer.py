"""`train`: from corpora to a run directory."""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from sigverify.corpora import Corpus
from sigverify.errors import ConfigError, CorpusError, MissingExtra, TrainingError
from sigverify.training import run as layout
from sigverify.training.backend import backend_name, keras
from sigverify.training.batches import WriterBatches
from sigverify.training.callbacks import EpochClock, Keeper, Recorder, Reporter, Validation
from sigverify.training.checkpoint import RunState, read_state, weights_file
from sigverify.training.config import TrainConfig
from sigverify.training.curves import draw_curves
from sigverify.training.encoders import build_encoder
from sigverify.training.losses import build_loss, output_of
from sigverify.training.progress import Progress
from sigverify.training.provenance import provenance
from sigverify.training.run import Run, write_whole
from sigverify.training.trace_set import TraceSet
from sigverify.training.validator import Validator
from sigverify.training.weights import start_from

logger = logging.getLogger(__name__)

REPRESENTATIVE_TRACES: Final = 400
"""Traces kept for quantization; about 200 are needed."""
CALIBRATION_WRITERS: Final = 400
"""Most held-out writers kept for scores and thresholds: 10 forgeries of each resolve FMR 0.1 %."""
VALIDATION_STEPS: Final = 8
"""Undistorted batches of held-out writers behind ``val_loss``."""


@dataclass(frozen=True, kw_only=True)
class _Data:
    corpora: tuple[TraceSet, ...]
    train: TraceSet
    held_out: TraceSet | None


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """All that a run needs, made before anything is written, so that a mistake leaves nothing behind."""

    network: Any
    twin: Any
    batches: WriterBatches
    held_out: WriterBatches | None
    validator: Validator | None


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

    The backend that keras is set to trains, on its accelerator where it sees one.

    Args:
        config: all settings.
        corpora: what to learn from. Unless `validation` is given, `config.validation.fraction` of the
            writers of each is held out for validation and calibration.
        out: the run directory; new or empty, or a run to `resume`.
        validation: other writers to validate on, instead of a held-out part.
        resume: go on from the last checkpoint in `out`; all settings but `epochs` must be as before.
        on_progress: called from the training threads a few times a second.
        callbacks: further keras callbacks.

    Raises:
        ConfigError: an encoder, a loss or an option that does not exist or fit.
        CorpusError: too few writers or signatures.
        SplitLeak: a writer or signature stands in `corpora` and in `validation`.
        TrainingError: `out` holds something else, nothing to resume, or a loss that is no longer finite.
    """
    data = _prepare(config, corpora, validation)
    keras.utils.set_random_seed(config.seed)
    plan = _plan(config, data)
    run = Run(path=Path(out))
    state = _open_directory(run, config, data, resume=resume)
    if state.epoch:
        plan.network.load_weights(weights_file(run, state.epoch))
    started = time.monotonic()
    reporter = Reporter(config.epochs, config.steps_per_epoch, on_progress)
    _fit(config, plan, run, state, [reporter, *callbacks])
    facts = dict(run.provenance) | {
        "steps_per_second": round(reporter.steps_per_second, 3),
        "wall_s": round(time.monotonic() - started, 1),
        "epochs_done": state.epoch,
        "best_epoch": state.best_epoch,
        "best": {config.validation.monitor if data.held_out else "loss": state.best},
    }
    write_whole(run.path / layout.PROVENANCE, json.dumps(facts, indent=2))
    try:
        draw_curves(run.history, run.path / layout.CURVES, best_epoch=state.best_epoch)
    except MissingExtra as error:
        logger.warning("%s", error)
    return run


def _prepare(
    config: TrainConfig, corpora: Sequence[Corpus | TraceSet], validation: Sequence[Corpus | TraceSet] | None
) -> _Data:
    """Resample, split by writer and refuse a leak."""
    if not corpora:
        raise CorpusError("nothing to train on", expected="at least one corpus")
    sets = tuple(_traces(corpus) for corpus in corpora)
    if validation:
        train_part, held_out = TraceSet.join(sets), TraceSet.join([_traces(corpus) for corpus in validation])
    elif config.validation.fraction:
        parts = [corpus.split(config.validation.fraction, config.seed) for corpus in sets]
        train_part, held_out = (TraceSet.join(side) for side in zip(*parts, strict=True))
    else:
        return _Data(corpora=sets, train=TraceSet.join(sets), held_out=None)
    train_part.require_disjoint(held_out)
    return _Data(corpora=sets, train=train_part, held_out=held_out)


def _traces(corpus: Corpus | TraceSet) -> TraceSet:
    return corpus if isinstance(corpus, TraceSet) else TraceSet.from_corpus(corpus)


def _plan(config: TrainConfig, data: _Data) -> _Plan:
    """Make network, losses, batches and trials.

    Raises:
        ConfigError: an encoder, a loss or an option that does not exist or fit.
        CorpusError: too few writers or signatures.
        TrainingError: the network to start from cannot be loaded or is another.
    """
    outputs = tuple(dict.fromkeys(output_of(loss.name) for loss in config.losses))
    twin = _network(config, outputs)
    with _precision(mixed=config.mixed_precision):
        network = _network(config, outputs)
    _compile(network, config)
    if config.init_from:
        start_from(network, config.init_from)
    return _Plan(
        network=network,
        twin=twin,
        batches=_batches(config, data.train, outputs, config.steps_per_epoch, distort=True),
        held_out=None if data.held_out is None else _validation_batches(config, data.held_out, outputs),
        validator=None if data.held_out is None else Validator(data.held_out, config.validation),
    )


def _network(config: TrainConfig, trained: tuple[str, ...]) -> Any:
    """Build the encoder without a sequence that no loss trains; an untrained vector stays, frozen."""
    network = build_encoder(config.encoder, config.encoder_options)
    if missing := set(trained) - set(network.output):
        raise ConfigError(
            f"the {config.encoder} encoder does not fit the losses",
            expected=f"losses on {' or '.join(sorted(network.output))}",
            received=f"one on {missing.pop()}",
            hint="Leave that loss out, or choose another encoder",
        )
    if "vector" not in trained:
        logger.warning("no loss trains the vector: identification with this network will be poor")
        network.get_layer("vector").trainable = False
    if "sequence" in network.output and "sequence" not in trained:
        return keras.Model(network.input, {"vector": network.output["vector"]}, name=network.name)
    return network


def _open_directory(run: Run, config: TrainConfig, data: _Data, *, resume: bool) -> RunState:
    """Create the directory with all that is known beforehand, or check that it can be resumed."""
    if resume:
        _check_same(run.config, config)
        return read_state(run)
    if run.path.exists() and (not run.path.is_dir() or any(run.path.iterdir())):
        raise TrainingError(
            f"{run.path} is not empty",
            expected="a new or empty directory",
            hint="Choose another, or go on with the run in it by --resume",
        )
    run.path.mkdir(parents=True, exist_ok=True)
    facts = provenance(config, data.corpora, data.train, data.held_out)
    write_whole(run.path / layout.PROVENANCE, json.dumps(facts, indent=2))
    rng = np.random.default_rng(config.seed)
    rows = np.sort(rng.permutation(len(data.train))[:REPRESENTATIVE_TRACES])
    np.savez(run.path / layout.REPRESENTATIVE, traces=data.train.traces[rows])
    if data.held_out is not None:
        _spread(data.held_out, CALIBRATION_WRITERS).save(run.path / layout.CALIBRATION)
    write_whole(run.path / layout.CONFIG, config.to_toml())
    return RunState()


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


def _fit(config: TrainConfig, plan: _Plan, run: Run, state: RunState, callbacks: Sequence[Any]) -> None:
    """Train; `state` says where to start and is kept up to date."""
    validates = plan.validator is not None
    stages: list[Any] = [EpochClock(plan.batches)]
    if plan.validator is not None:
        stages.append(Validation(plan.validator, plan.twin, config.validation.every))
    stages += [
        Keeper(run, plan.twin, config.validation, state, validates=validates),
        Recorder(run, epochs_done=state.epoch),
        *callbacks,
    ]
    try:
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


def _validation_batches(
    config: TrainConfig, held_out: TraceSet, outputs: tuple[str, ...]
) -> WriterBatches | None:
    """Fixed, undistorted batches of held-out writers; None where a single writer is held out."""
    try:
        return _batches(config, held_out, outputs, VALIDATION_STEPS, distort=False)
    except CorpusError:
        logger.info("too few held-out writers for val_loss")
        return None


def _batches(
    config: TrainConfig, traces: TraceSet, outputs: tuple[str, ...], steps: int, *, distort: bool
) -> WriterBatches:
    return WriterBatches(
        traces,
        outputs=outputs,
        writers=config.batch.writers,
        genuine=config.batch.genuine,
        skilled=config.batch.skilled,
        steps=steps,
        seed=config.seed,
        augmentation=config.augmentation if distort else None,
        shares=config.batch.shares if distort else None,
        workers=config.batch.workers if distort else 0,
    )


def _compile(network: Any, config: TrainConfig) -> None:
    """Attach losses by output, summed by weight, and the optimizer, built so that a checkpoint fits."""
    by_output: dict[str, list[tuple[float, Any]]] = {}
    for item in config.losses:
        loss = build_loss(item.name, item.options, genuine=config.batch.genuine, skilled=config.batch.skilled)
        by_output.setdefault(output_of(item.name), []).append((item.weight, loss))
    losses = {name: WeightedSum(parts, name=name) for name, parts in by_output.items()}
    optimizer = keras.optimizers.AdamW(
        learning_rate=learning_rate(config),
        weight_decay=config.schedule.weight_decay,
        global_clipnorm=config.schedule.clip_norm or None,
    )
    # Biases and normalisation are no weights to be kept small.
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    # Tensorflow's XLA compiles for half a minute and then trains no faster (measured on CPU, both losses).
    jit = False if backend_name() == "tensorflow" else "auto"
    network.compile(optimizer=optimizer, loss=losses, jit_compile=jit)
    optimizer.build(network.trainable_variables)


def learning_rate(config: TrainConfig) -> Any:
    """Learning rate by step: warm-up, then cosine decay or none."""
    schedule, total = config.schedule, config.total_steps
    warmup = round(schedule.warmup * total)
    if schedule.decay == "constant" and not warmup:
        return schedule.learning_rate
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else schedule.learning_rate,
        decay_steps=max(1, total - warmup),
        alpha=1.0 if schedule.decay == "constant" else schedule.final,
        warmup_target=schedule.learning_rate if warmup else None,
        warmup_steps=warmup,
    )


class WeightedSum(keras.losses.Loss):
    """Several losses on one output, summed by weight."""

    def __init__(self, parts: Sequence[tuple[float, Any]], name: str) -> None:
        """Sum `(weight, loss)` pairs."""
        super().__init__(name=name)
        self.parts = tuple(parts)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the scalar sum."""
        return sum(weight * loss.call(y_true, y_pred) for weight, loss in self.parts)


@contextmanager
def _precision(*, mixed: bool) -> Iterator[None]:
    """Let layers made inside compute in bfloat16, which needs no loss scaling; variables stay float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if mixed else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
