"""`TrainConfig`: everything that decides what a training run does, as a value and as TOML."""

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from sigverify.corpora.toml import to_toml
from sigverify.errors import ConfigError
from sigverify.training.distortion import Distortion, augmentation_class

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

PEN: Final = "pen"
"""Modality of a config that names none."""

MONITORS: Final = ("val_eer", "val_loss")
DECAYS: Final = ("cosine", "constant")

SEEDS: Final = 2**32
"""How many seeds Keras takes, from 0."""

MOST_WORKERS: Final = 64
"""Threads that prepare batches. Each holds two batches ready, of pictures 25 MB each: 3 GB at the most."""
MOST_SLOTS: Final = 1000
"""Signatures of a kind that a batch holds of one writer; a batch of more does not fit into memory."""

Built = TypeVar("Built", bound="DataclassInstance")


def _require(holds: bool, rule: str, received: object) -> None:
    if not holds:
        raise ConfigError(rule, received=str(received))


@dataclass(frozen=True, kw_only=True)
class LossConfig:
    """One loss and its weight in the sum.

    Attributes:
        name: "contrastive", "triplet", "classification" (on the vector) or "alignment" (on the sequence).
        weight: above 0, finite.
        options: arguments of the loss, by name.
    """

    name: str
    weight: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the weight; the name and the options are checked where the loss is made."""
        fits = 0 < self.weight < math.inf
        _require(fits, "the weight of a loss must be above 0 and finite", self.weight)


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """Shape of a batch: `writers` x (`genuine` + `skilled`) signatures.

    Attributes:
        forged: share of the forgeries of writers without any that `PulseForger` makes of their own genuine
            signatures; the rest are genuine signatures of others.
        shares: share of a batch's writers by corpus name; the corpora left out share the rest. Of a corpus
            with a share of 0 no writer is learned, its signatures are random forgeries of others alone.
        workers: threads that prepare batches while the network trains, at most `MOST_WORKERS`; 0 prepares
            them in between.
    """

    writers: int = 32
    genuine: int = 4
    skilled: int = 4
    forged: float = 0.0
    shares: Mapping[str, float] = field(default_factory=dict)
    workers: int = 2

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require(self.writers >= 2, "a batch needs at least 2 writers", self.writers)
        _require(self.genuine >= 2, "a writer needs at least 2 genuine signatures in a batch", self.genuine)
        _require(self.skilled >= 0, "skilled must not be negative", self.skilled)
        slots = max(self.genuine, self.skilled)
        _require(slots <= MOST_SLOTS, f"a batch holds at most {MOST_SLOTS} signatures of a kind", slots)
        _require(0 <= self.forged <= 1, "forged must lie from 0 to 1", self.forged)
        rule = f"batch workers must not be negative, and at most {MOST_WORKERS}"
        _require(0 <= self.workers <= MOST_WORKERS, rule, self.workers)
        shares = self.shares.values()
        fits = all(_is_number(share) and 0 <= share <= 1 for share in shares) and sum(shares) <= 1 + 1e-9
        _require(fits, "shares must be numbers from 0 to 1 that sum to at most 1", dict(self.shares))

    @property
    def size(self) -> int:
        """Signatures in a batch."""
        return self.writers * (self.genuine + self.skilled)


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig:
    """AdamW, its learning rate (linear warm-up, then cosine decay or none) and the averaging of weights.

    Attributes:
        warmup: share of all steps in which the rate rises from 0.
        final: last learning rate as a share of the highest (cosine).
        clip_norm: largest norm of the whole gradient; 0 does not clip.
        ema: how much of the average of the weights stays at a step, 0 to below 1; the averaged weights are
            what is validated and kept. It reaches back 1 / (1 - ema) steps, at most a tenth of the run. 0
            does not average.
    """

    learning_rate: float = 2e-3
    decay: str = "cosine"
    warmup: float = 0.05
    final: float = 0.02
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    ema: float = 0.99

    def __post_init__(self) -> None:
        """Check the ranges."""
        rate = self.learning_rate
        _require(0 < rate < math.inf, "the learning rate must be above 0 and finite", rate)
        _require(self.decay in DECAYS, f"decay must be {' or '.join(DECAYS)}", self.decay)
        _require(0 <= self.warmup < 1, "warmup must lie from 0 to below 1", self.warmup)
        _require(0 <= self.final <= 1, "final must lie from 0 to 1", self.final)
        decay = self.weight_decay
        _require(0 <= decay < math.inf, "weight_decay must be finite and not negative", decay)
        clip = self.clip_norm
        _require(0 <= clip < math.inf, "clip_norm must be finite and not negative", clip)
        _require(0 <= self.ema < 1, "ema must lie from 0 to below 1", self.ema)


@dataclass(frozen=True, kw_only=True)
class ValidationConfig:
    """What is held out, and when to stop.

    Attributes:
        fraction: share of each corpus's writers held out; 0 holds nobody out, and the last epoch is kept.
        writers: most writers scored after an epoch (spread over the held-out ones); more take longer.
        genuine, skilled: most signatures of each scored.
        references: genuine signatures a probe is compared with.
        every: epochs from one validation to the next.
        monitor: "val_eer" (see `Validator`) or "val_loss"; lower is better.
        patience: validations without a better one before the run stops; 0 never stops early.
    """

    fraction: float = 0.15
    writers: int = 60
    genuine: int = 10
    skilled: int = 10
    references: int = 4
    every: int = 1
    monitor: str = "val_eer"
    patience: int = 10

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require(0 <= self.fraction < 1, "fraction must lie from 0 to below 1", self.fraction)
        _require(self.writers >= 1, "writers must be at least 1", self.writers)
        _require(self.references >= 1, "references must be at least 1", self.references)
        _require(self.genuine > self.references, "genuine must exceed references", self.genuine)
        _require(self.skilled >= 0, "skilled must not be negative", self.skilled)
        _require(self.every >= 1, "every must be at least 1", self.every)
        _require(self.monitor in MONITORS, f"monitor must be {' or '.join(MONITORS)}", self.monitor)
        _require(self.patience >= 0, "patience must not be negative", self.patience)


@dataclass(frozen=True, kw_only=True)
class PairConfig:
    """The network that looks at two aligned signatures, trained after the encoder; see `training.pair`.

    Attributes:
        epochs: how long; 0: the model gets none.
        steps_per_epoch: from one validation, and checkpoint, to the next.
        writers: in a batch; of each all pairs of `pair.trials`.
        width, stride, dilations, dropout: of the network; see `pair.network.build`.
        learning_rate: of AdamW, highest; falls to a fiftieth, as a cosine.
        weight_decay: of AdamW.
        ema: how much of the average of the weights stays at a step; the averages are what is kept.
        noise: standard deviation of white noise on what the network sees.
        channel_drop: share of (writer, channel) of which the network does not see the difference.
        sensor_drop: share of writers whose signatures lack what a device may lack, such as pressure.
        held_out: most held-out writers to validate on.
    """

    epochs: int = 0
    steps_per_epoch: int = 400
    writers: int = 12
    width: int = 48
    stride: int = 4
    dilations: tuple[int, ...] = (1, 2, 4)
    dropout: float = 0.0
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    ema: float = 0.995
    noise: float = 0.05
    channel_drop: float = 0.08
    sensor_drop: float = 0.3
    held_out: int = 240

    def __post_init__(self) -> None:
        """Check the ranges."""
        given: object = self.dilations
        whole = isinstance(given, list | tuple) and all(type(each) is int for each in given)
        _require(whole, "pair dilations must be a list of whole numbers", repr(given))
        object.__setattr__(self, "dilations", tuple(self.dilations))
        _require(self.epochs >= 0, "pair epochs must not be negative", self.epochs)
        least = min(self.steps_per_epoch, self.width, self.stride, self.held_out, *self.dilations, 1)
        _require(least == 1 and bool(self.dilations), "pair sizes must be at least 1", least)
        _require(self.writers >= 2, "a batch of pairs needs at least 2 writers", self.writers)
        rate = self.learning_rate
        _require(0 < rate < math.inf, "the learning rate must be above 0 and finite", rate)
        decay = self.weight_decay
        _require(0 <= decay < math.inf, "weight_decay must be finite and not negative", decay)
        _require(0 <= self.noise < math.inf, "noise must be finite and not negative", self.noise)
        for name in ("dropout", "ema", "channel_drop", "sensor_drop"):
            _require(
                0 <= getattr(self, name) < 1, f"pair {name} must lie from 0 to below 1", getattr(self, name)
            )


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """All settings of a training run.

    Attributes:
        modality: kind of capture that is trained on; encoder, augmentation and corpora must be of it.
        encoder, encoder_options: architecture by name (`encoders.ENCODERS`) and its options.
        losses: summed by weight; those on an output that the encoder lacks are an error.
        augmentation: strengths of the modality's distortions; its defaults if not given.
        pair: the network that looks at two aligned signatures.
        epochs, steps_per_epoch: length of the run; "epoch" only says how often to validate and save.
        seed: of weights, splits, batches and distortions.
        mixed_precision: compute in bfloat16; outputs and losses stay float32.
        init_from: a run directory, a `.keras` file or the name of a model that ships, whose weights the
            run starts from. With `encoder` and `encoder_options` left alone, those of the source hold.

    Raises:
        ConfigError: a value out of range.

    >>> TrainConfig.from_toml(TrainConfig(epochs=3).to_toml()).epochs
    3
    """

    modality: str = PEN
    encoder: str = "tdnn"
    encoder_options: Mapping[str, Any] = field(default_factory=dict)
    losses: tuple[LossConfig, ...] = (LossConfig(name="triplet"), LossConfig(name="alignment"))
    batch: BatchConfig = field(default_factory=BatchConfig)
    augmentation: Distortion | None = None
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    pair: PairConfig = field(default_factory=PairConfig)
    epochs: int = 40
    steps_per_epoch: int = 100
    seed: int = 0
    mixed_precision: bool = False
    init_from: str = ""

    def __post_init__(self) -> None:
        """Check the ranges, and fill in the modality's augmentation."""
        kind = augmentation_class(self.modality)
        if self.augmentation is None:
            object.__setattr__(self, "augmentation", kind())
        right = isinstance(self.augmentation, kind)
        _require(right, f"the augmentation must be that of modality {self.modality}", self.augmentation)
        _require(self.epochs >= 1, "epochs must be at least 1", self.epochs)
        _require(self.steps_per_epoch >= 1, "steps_per_epoch must be at least 1", self.steps_per_epoch)
        rule = f"seed must not be negative, and at most {SEEDS - 1}"
        _require(0 <= self.seed < SEEDS, rule, self.seed)
        _require(bool(self.losses), "at least one loss is needed", "none")
        names = [loss.name for loss in self.losses]
        _require(len(set(names)) == len(names), "a loss is listed twice", ", ".join(names))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from nested plain values, as TOML and JSON have them; what is left out keeps its default.

        Raises:
            ConfigError: an unknown key, a value of another type or out of range.
        """
        parts: dict[str, Any] = dict(values)
        nested: dict[str, type[Any]] = {
            "batch": BatchConfig,
            "augmentation": augmentation_class(str(parts.get("modality", PEN))),
            "schedule": ScheduleConfig,
            "validation": ValidationConfig,
            "pair": PairConfig,
        }
        for key, kind in nested.items():
            if key in parts:
                parts[key] = _build(kind, parts[key], key)
        if "losses" in parts:
            if not isinstance(parts["losses"], list | tuple):
                raise ConfigError("losses must be a list of tables", received=str(parts["losses"]))
            parts["losses"] = tuple(_build(LossConfig, item, "losses") for item in parts["losses"])
        return _build(cls, parts, "")

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Parse TOML.

        Raises:
            ConfigError: not TOML, an unknown key, a value of another type or out of range.
        """
        try:
            return cls.from_dict(tomllib.loads(text))
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise ConfigError("the configuration is not TOML", received=str(error)) from error

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a TOML file.

        Raises:
            ConfigError: no such file, or one that `from_toml` refuses.
        """
        try:
            text = Path(path).read_text("utf-8-sig")  # some editors begin a file by a byte order mark
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{path} cannot be read", expected="a TOML file", received=str(error)
            ) from error
        return cls.from_toml(text)

    def fitted_to(self, facts: Mapping[str, Any]) -> Self:
        """Take over the encoder of the run with this provenance, where none is chosen here.

        Raises:
            ConfigError: that run was of another modality.
        """
        config = facts.get("config", {})
        if (modality := config.get("modality", PEN)) != self.modality:
            raise ConfigError(
                "the network to start from is of another modality",
                expected=self.modality,
                received=str(modality),
            )
        encoder, options = (config.get(key) for key in ("encoder", "encoder_options"))
        chosen = (self.encoder, self.encoder_options) != ("tdnn", {})
        if chosen or not isinstance(encoder, str) or not isinstance(options, Mapping):
            return self
        return replace(self, encoder=encoder, encoder_options=dict(options))

    def to_dict(self) -> dict[str, Any]:
        """Return nested plain values; `from_dict` takes them back."""
        values = asdict(self)
        values["losses"] = [asdict(loss) for loss in self.losses]
        return values

    def to_toml(self) -> str:
        """Return TOML; `from_toml` takes it back."""
        return to_toml(self.to_dict())

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        return self.epochs * self.steps_per_epoch


def _build(kind: type[Built], values: object, where: str) -> Built:
    """Make the dataclass `kind` from a table, checking names and types."""
    if isinstance(values, kind):
        return values
    place = f"[{where}]" if where else "the configuration"
    if not isinstance(values, Mapping):
        raise ConfigError(f"{place} must be a table", received=str(values))
    known = {item.name: item for item in fields(kind)}
    if unknown := sorted(set(values) - set(known)):
        raise ConfigError(f"{place} has no such key", expected=", ".join(known), received=", ".join(unknown))
    needed = [
        name for name, item in known.items() if item.default is MISSING and item.default_factory is MISSING
    ]
    if missing := [name for name in needed if name not in values]:
        raise ConfigError(
            f"{place} lacks a key", expected=", ".join(missing), received=", ".join(values) or "none"
        )
    return kind(
        **{key: _typed(f"{where}.{key}".lstrip("."), known[key].type, value) for key, value in values.items()}
    )


def _typed(key: str, kind: object, value: Any) -> Any:
    """Check a plain value against its declared type; an int is a float, but a bool is no int."""
    plain: dict[object, tuple[type, ...]] = {int: (int,), float: (int, float), str: (str,), bool: (bool,)}
    accepted = plain.get(kind)
    if accepted is None:
        if isinstance(value, Mapping) or not str(kind).startswith("collections.abc.Mapping"):
            return value
        raise ConfigError(f"{key} must be a table", received=repr(value))
    if type(value) not in accepted:
        raise ConfigError(
            f"{key} has another type", expected=getattr(kind, "__name__", str(kind)), received=repr(value)
        )
    try:
        return float(value) if kind is float else value
    except OverflowError:
        raise ConfigError(
            f"{key} is too large", expected="a float", received="a larger whole number"
        ) from None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
