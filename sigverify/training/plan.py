"""`Plan`: all that a run needs, made before anything is written: an error in the settings leaves no files."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from sigverify.errors import ConfigError, CorpusError
from sigverify.training.backend import keras
from sigverify.training.config import TrainConfig
from sigverify.training.data.batches import WriterBatches
from sigverify.training.data.trace_set import TraceSet
from sigverify.training.data.training_data import TrainingData
from sigverify.training.devices import Devices
from sigverify.training.encoders import build_encoder
from sigverify.training.losses import output_of
from sigverify.training.optimization import build_reports, compile_network, least_outputs
from sigverify.training.run.origin import Origin
from sigverify.training.validator import Validator
from sigverify.training.weights import copy_weights, start_from
from sigverify.training.writer_head import OUTPUT, with_writer_head

logger = logging.getLogger(__name__)

VALIDATION_STEPS: Final = 8
"""Undistorted batches of held-out writers behind ``val_loss``."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The parts of a run.

    Attributes:
        network: what is trained, compiled.
        twin: the same in float32 and on one device, without what only training needs; what is kept.
        fresh: outputs that the network to start from does not have.
        batches, held_out: to train on, and for ``val_loss``.
        validator: None where nobody is held out.
        devices: what the network is spread over.
    """

    network: Any
    twin: Any
    fresh: tuple[str, ...]
    batches: WriterBatches
    held_out: WriterBatches | None
    validator: Validator | None
    devices: Devices


def make_plan(config: TrainConfig, data: TrainingData, devices: Devices, origin: Origin | None) -> Plan:
    """Make network, losses, batches and trials; network and twin hold the weights to start with.

    Raises:
        ConfigError: an encoder, a loss or an option that does not exist or fit.
        CorpusError: too few writers or signatures.
        TrainingError: the network to start from cannot be loaded or is another.
    """
    outputs = tuple(dict.fromkeys(output_of(loss.name) for loss in config.losses))
    heads = {"vector" if name == OUTPUT else name for name in outputs}
    twin = _network(config, heads)
    with devices.build(), _precision(mixed=config.mixed_precision):
        network = _network(config, heads)
        fresh = start_from(network, origin.network) if origin else ()
        copy_weights(network, twin)
        if OUTPUT in outputs:
            network = with_writer_head(network, len(data.train.writers))
        compile_network(network, config)
    if len(network.loss) > 1 and devices.count == 1:
        build_reports(network, least_outputs(network, config))
    held_out = None if data.held_out is None else _validation_batches(config, data, outputs, devices)
    if data.held_out is not None and held_out is None and config.validation.monitor == "val_loss":
        raise CorpusError(
            "too few held-out writers for val_loss",
            expected=f"at least {max(2, devices.count)}",
            hint="Hold out more, or monitor val_eer",
        )
    return Plan(
        network=network,
        twin=twin,
        fresh=fresh,
        batches=_batches(config, data.train, outputs, devices, config.steps_per_epoch, distort=True),
        held_out=held_out,
        validator=None if data.held_out is None else Validator(data.held_out, config.validation),
        devices=devices,
    )


def with_fitting_losses(config: TrainConfig) -> TrainConfig:
    """Leave out of the default losses those on an output that the encoder lacks; chosen losses stay.

    Whoever starts from a network need not know what it has.
    """
    if config.losses != TrainConfig(modality=config.modality).losses:
        return config
    outputs = build_encoder(config.encoder, config.encoder_options, modality=config.modality).output
    fitting = tuple(loss for loss in config.losses if output_of(loss.name) in outputs)
    return replace(config, losses=fitting or config.losses)


def _network(config: TrainConfig, trained: set[str]) -> Any:
    """Build the encoder without a sequence that no loss trains; an untrained vector stays, frozen."""
    network = build_encoder(config.encoder, config.encoder_options, modality=config.modality)
    if missing := trained - set(network.output):
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


def _validation_batches(
    config: TrainConfig, data: TrainingData, outputs: tuple[str, ...], devices: Devices
) -> WriterBatches | None:
    """Fixed, undistorted batches of held-out writers; None where too few are held out."""
    if data.held_out is None:
        return None
    labels = len(data.train.writers)
    try:
        return _batches(
            config, data.held_out, outputs, devices, VALIDATION_STEPS, distort=False, first_label=labels
        )
    except CorpusError:
        logger.info("too few held-out writers for val_loss")
        return None


def _batches(
    config: TrainConfig,
    traces: TraceSet,
    outputs: tuple[str, ...],
    devices: Devices,
    steps: int,
    *,
    distort: bool,
    first_label: int = 0,
) -> WriterBatches:
    return WriterBatches(
        traces,
        outputs=outputs,
        writers=config.batch.writers,
        genuine=config.batch.genuine,
        skilled=config.batch.skilled,
        forged=config.batch.forged if distort else 0.0,
        steps=steps,
        seed=config.seed,
        augmentation=config.augmentation if distort else None,
        shares=config.batch.shares if distort else None,
        workers=config.batch.workers if distort else 0,
        parts=devices.count,
        share=(devices.process, devices.processes),
        first_label=first_label,
    )


@contextmanager
def _precision(*, mixed: bool) -> Iterator[None]:
    """Let layers made inside compute in bfloat16, which needs no loss scaling; variables stay float32."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if mixed else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
