"""`TrainingData`: what a run learns from, and whom it holds out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sigverify.corpora import Corpus, require_disjoint, split_writers
from sigverify.errors import ConfigError, CorpusError
from sigverify.training.config import TrainConfig
from sigverify.training.data.trace_set import TraceSet


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Corpora, split by writer.

    Attributes:
        corpora: what to learn from, held-out writers included.
        train: those to learn from.
        held_out: those to validate on; None where nobody is held out.
        validation: the corpora of the held-out writers.
        split: how the held-out part was drawn from `corpora`: seed and fraction, 0 where it was not.
    """

    corpora: tuple[TraceSet, ...]
    train: TraceSet
    held_out: TraceSet | None
    validation: tuple[TraceSet, ...]
    split: Mapping[str, Any]


def prepare(
    config: TrainConfig, corpora: Sequence[Corpus | TraceSet], validation: Sequence[Corpus | TraceSet] | None
) -> TrainingData:
    """Resample, split by writer and refuse a leak.

    Raises:
        CorpusError: nothing to train on, or too few writers.
        ConfigError: a corpus of another modality than the config's.
        SplitLeak: a writer or signature stands on both sides.
    """
    if not corpora:
        raise CorpusError("nothing to train on", expected="at least one corpus")
    sets = tuple(_traces(corpus) for corpus in corpora)
    others = tuple(_traces(corpus) for corpus in validation or ())
    if wrong := [each for each in (*sets, *others) if each.modality != config.modality]:
        raise other_modality(wrong[0].name, config.modality, wrong[0].modality)
    fraction = 0.0 if validation else config.validation.fraction
    split = {"seed": config.seed, "fraction": fraction}
    if not validation and not fraction:
        return TrainingData(
            corpora=sets, train=TraceSet.join(sets), held_out=None, validation=(), split=split
        )
    if others:
        train, held_out = TraceSet.join(sets), TraceSet.join(others)
    else:
        parts = [split_writers(corpus, fraction, config.seed) for corpus in sets]
        train, held_out = (TraceSet.join(side) for side in zip(*parts, strict=True))
    require_disjoint(train, held_out)
    return TrainingData(corpora=sets, train=train, held_out=held_out, validation=others or sets, split=split)


def other_modality(corpus: str, expected: str, received: str) -> ConfigError:
    """Return what is said of a corpus of another kind of capture than the config's."""
    return ConfigError(
        f"corpus {corpus} is of another modality",
        expected=expected,
        received=received,
        hint="Set modality in the training config, or leave the corpus out",
    )


def _traces(corpus: Corpus | TraceSet) -> TraceSet:
    return corpus if isinstance(corpus, TraceSet) else TraceSet.from_corpus(corpus)
