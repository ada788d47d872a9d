"""`run_evaluation`: what `sigverify evaluate` does."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sigverify.corpora import Corpus, open_corpus
from sigverify.errors import ConfigError
from sigverify.evaluation.baseline import DtwBaseline
from sigverify.evaluation.evaluate import Progress, evaluate
from sigverify.evaluation.page.folder import check_replaceable, publish
from sigverify.evaluation.protocol import find_protocol
from sigverify.evaluation.report import Report
from sigverify.evaluation.system import SdkSystem, System
from sigverify.matcher import Matcher
from sigverify.model_file import Model
from sigverify.plotting.learning_curves import History
from sigverify.runtime.interpreters import Runtime


class Baseline(StrEnum):
    """Systems to measure beside a model."""

    DTW = "dtw"
    """Elastic matching of hand-made functions, nothing learned."""


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """What `run_evaluation` found, and where it is.

    Attributes:
        reports: one for each corpus and system.
        page: the report for people; None where none was asked for.
    """

    reports: tuple[Report, ...]
    page: Path | None


def run_evaluation(
    model: str | Path | Model | None,
    corpora: Sequence[str | Corpus],
    *,
    references: Sequence[int] = (1, 4, 5),
    out: str | Path | None = None,
    baseline: Baseline | str | None = None,
    draws: int = 10,
    protocol: str = "standard",
    runtime: Runtime | str = Runtime.AUTO,
    history: str | Path | None = None,
    progress: Progress | None = None,
) -> Evaluated:
    """Measure a model, a baseline or both on each corpus, and write the report.

    Args:
        model: a model, its file, or the name of one that ships; None for the baseline alone.
        corpora: as `open_corpus` takes them, or opened.
        references: numbers of references to try.
        out: report folder to write; None writes nothing.
        baseline: what to measure beside the model.
        draws: how many times references are drawn.
        protocol: name in `PROTOCOLS`.
        runtime: what runs the network.
        history: a `history.csv` or run folder, for the learning curves.
        progress: told how far it is; the stage is named after system and corpus.

    Raises:
        ConfigError: neither model nor baseline, no corpus, an unknown name, or `out` is taken.
        CorpusError: a corpus cannot be read or is too small.
        ModelError, RuntimeUnavailable: the model cannot be run.
        MissingExtra: an evaluation package is not installed.
    """
    chosen = find_protocol(protocol)
    systems = _systems(model, baseline, runtime)
    if not corpora:
        raise ConfigError("no corpus to evaluate on", hint="Name one with --corpus")
    if out is not None:
        check_replaceable(Path(out))
    curves = None if history is None else History.read(history)
    opened = [each if isinstance(each, Corpus) else open_corpus(each) for each in corpora]
    reports = tuple(
        evaluate(
            system,
            corpus,
            references=references,
            draws=draws,
            protocol=chosen,
            progress=_named(progress, system, corpus),
        )
        for corpus in opened
        for system in systems
    )
    page = None if out is None else publish(reports, out, corpora=opened, history=curves)
    return Evaluated(reports=reports, page=page)


def _systems(
    model: str | Path | Model | None, baseline: Baseline | str | None, runtime: Runtime | str
) -> list[System[Any]]:
    if model is None and baseline is None:
        raise ConfigError("nothing to evaluate", expected="a model, a baseline, or both")
    systems: list[System[Any]] = []
    if model is not None:
        loaded = model if isinstance(model, Model) else Model.read(model)
        systems.append(SdkSystem(Matcher.open(loaded, runtime=runtime)))
    if baseline is not None:
        systems.append(_baseline(baseline))
    return systems


def _baseline(name: Baseline | str) -> System[Any]:
    try:
        chosen = Baseline(name)
    except ValueError as error:
        raise ConfigError("unknown baseline", expected=" or ".join(Baseline), received=repr(name)) from error
    match chosen:
        case Baseline.DTW:
            return DtwBaseline()


def _named(progress: Progress | None, system: System[Any], corpus: Corpus) -> Progress | None:
    if progress is None:
        return None
    report = progress
    return lambda stage, done, total: report(f"{corpus.name}, {system.name}: {stage}", done, total)
