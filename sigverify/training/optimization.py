"""Losses and optimizer of a run, attached to its network."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from sigverify.training.backend import backend_name, keras, ops
from sigverify.training.config import TrainConfig
from sigverify.training.losses import build_loss, output_of

LONGEST_AVERAGE: Final = 0.1
"""Share of a run that the average of weights reaches back at most; else a short one averages its start."""


def compile_network(network: Any, config: TrainConfig) -> None:
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
        use_ema=config.schedule.ema > 0,
        ema_momentum=momentum(config),
    )
    # Biases and normalization are no weights to be kept small, and of directions the length does not matter.
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "directions"])
    # Tensorflow's XLA compiles for half a minute and then trains no faster (measured on CPU, both losses).
    jit = False if backend_name() == "tensorflow" else "auto"
    network.compile(optimizer=optimizer, loss=losses, jit_compile=jit)
    optimizer.build(network.trainable_variables)


def least_outputs(network: Any, config: TrainConfig) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the least that the losses take: two writers, and sequences of two frames."""
    slots = 2 * (config.batch.genuine + config.batch.skilled)
    shapes = {name: (slots, *output.shape[1:]) for name, output in network.output.items()}
    if "sequence" in network.loss:
        strides = [loss.stride for _, loss in network.loss["sequence"].parts]
        shapes["sequence"] = slots, 2 * max(strides), shapes["sequence"][2]
    return shapes


def build_reports(network: Any, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Have keras make the means that it reports of losses on several outputs, which have these shapes.

    It makes them when it first computes the losses. Within a step, that has tensorflow trace the step a
    second time, for seconds; so losses of nothing come first. Elsewhere keras does so by itself.
    """
    if len(network.loss) > 1 and backend_name() == "tensorflow":
        network.compute_loss(
            y={name: np.zeros((shapes[name][0], 2), np.int32) for name in network.loss},
            y_pred={name: ops.zeros(shape) for name, shape in shapes.items()},
        )
        network.reset_metrics()


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


def momentum(config: TrainConfig) -> float:
    """How much of the average of the weights stays at a step."""
    return min(config.schedule.ema, 1 - 1 / max(1.0, LONGEST_AVERAGE * config.total_steps))


class WeightedSum(keras.losses.Loss):
    """Several losses on one output, summed by weight."""

    def __init__(self, parts: Sequence[tuple[float, Any]], name: str) -> None:
        """Sum `(weight, loss)` pairs."""
        super().__init__(name=name)
        self.parts = tuple(parts)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the sum, `(1,)`: bare scalars keras does not average over tensorflow's devices but sums."""
        return ops.reshape(sum(weight * loss.call(y_true, y_pred) for weight, loss in self.parts), (1,))
