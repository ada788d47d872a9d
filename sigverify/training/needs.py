"""`check_needs`: whether there are people and signatures enough for a run, told by counting alone.

It loads no keras and traces nothing, so that a run which would fail after an hour fails in its first second.
"""

from collections.abc import Sequence
from typing import Final

from sigverify.corpora import Corpus
from sigverify.errors import CorpusError
from sigverify.training.config import TrainConfig
from sigverify.training.data.trace_set import TraceSet
from sigverify.training.data.training_data import other_modality

Counts = list[int]
"""Genuine signatures of each writer."""

MIN_BATCH: Final = 2
"""Writers: a batch needs somebody else."""


def check_needs(config: TrainConfig, corpora: Sequence[Corpus | TraceSet]) -> None:
    """Refuse corpora that are too small for what the config asks, before the long part.

    Raises:
        CorpusError: too few writers or signatures to train on, to validate on or for the pair network; it
            says how many there are and what would do.
        ConfigError: a corpus of another modality than the config's.
    """
    for corpus in corpora:
        name = corpus.modality if isinstance(corpus, TraceSet) else corpus.modality.name
        if name != config.modality:
            raise other_modality(corpus.name, config.modality, name)
    counts = {corpus.name: _genuine_counts(corpus) for corpus in corpora}
    forged = any(_has_forgeries(corpus) for corpus in corpora)
    for name, own in counts.items():
        if config.validation.fraction and len(own) < MIN_BATCH:
            raise CorpusError(
                f"corpus {name} is too small to split", expected="at least 2 writers", received=str(len(own))
            )
    held = {name: _held_out(len(own), config.validation.fraction) for name, own in counts.items()}
    total, out = sum(map(len, counts.values())), sum(held.values())
    there = f"{total} writers, of whom a fraction of {config.validation.fraction:g} holds out {out}"
    if total - out < MIN_BATCH:
        raise CorpusError(
            "too few writers to train on",
            expected=f"at least {MIN_BATCH} that are not held out",
            received=there,
        )
    if config.validation.fraction:
        _check_validation(config, [n for own in counts.values() for n in own], out, there, forged=forged)
    if config.pair.epochs:
        _check_pair(config, [n for own in counts.values() for n in own], total, out, there)


def _check_validation(config: TrainConfig, genuine: Counts, out: int, there: str, *, forged: bool) -> None:
    references = config.validation.references
    able = sum(count > references for count in genuine)
    if not able:
        raise CorpusError(
            "nobody can be validated on",
            expected=f"writers with more than {references} genuine signatures",
            received=f"{max(genuine)} at most",
            hint="Lower [validation] references, or collect more signatures of each",
        )
    if out < MIN_BATCH and not forged:
        raise CorpusError(
            "too few held-out writers to validate on: without forgeries they are tried on each other",
            expected=f"at least {MIN_BATCH} held out",
            received=there,
            hint=_fraction_for(MIN_BATCH, len(genuine)),
        )


def _check_pair(config: TrainConfig, genuine: Counts, total: int, out: int, there: str) -> None:
    from sigverify.training.pair.trials import GENUINE, STRANGERS

    least = STRANGERS + 1
    able = sum(count >= GENUINE for count in genuine)
    needed = f"at least {least} writers with {GENUINE} genuine signatures to train on, and as many held out"
    if able < 2 * least if config.validation.fraction else able < least:
        raise CorpusError(
            "too few writers for a pair network",
            expected=needed,
            received=f"{total} writers, {able} of them with {GENUINE} or more",
            hint="Set [pair] epochs = 0, or add writers",
        )
    if config.validation.fraction and min(out, total - out) < least:
        raise CorpusError(
            "too few writers for a pair network",
            expected=needed,
            received=there,
            hint=_fraction_for(least, total) + ", or [pair] epochs = 0",
        )


def _fraction_for(writers: int, total: int) -> str:
    """Say what fraction holds out so many of all."""
    return f"Set [validation] fraction = {-(-100 * writers // total) / 100:g}" if total else "Add writers"


def _held_out(writers: int, fraction: float) -> int:
    """As many as `split_writers` holds out of a corpus."""
    return min(max(round(writers * fraction), 1), writers - 1) if fraction else 0


def _genuine_counts(corpus: Corpus | TraceSet) -> Counts:
    if isinstance(corpus, Corpus):
        return [len(corpus.genuine(writer)) for writer in corpus.writers]
    return [
        int((corpus.genuine & (corpus.writer_index == number)).sum()) for number in range(len(corpus.writers))
    ]


def _has_forgeries(corpus: Corpus | TraceSet) -> bool:
    if isinstance(corpus, Corpus):
        return any(corpus.skilled(writer) for writer in corpus.writers)
    return not corpus.genuine.all()
