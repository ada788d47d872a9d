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
from sigverify.evaluation.page.folder import check_replaceable, publish, read_style
from sigverify.evaluation.protocol import find_protocol
from sigverify.evaluation.report import Report
from sigverify.evaluation.selection import select_unseen
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
    references: Sequence[int] | None = None,
    out: str | Path | None = None,
    baseline: Baseline | str | None = None,
    draws: int = 10,
    protocol: str = "standard",
    runtime: Runtime | str = Runtime.AUTO,
    history: str | Path | None = None,
    writers: str | Path | None = None,
    all_writers: bool = False,
    style: str | Path | None = None,
    progress: Progress | None = None,
) -> Evaluated:
    """Measure a model, a baseline or both on each corpus, and write the report.

    Args:
        model: a model, its file, or the name of one that ships; None for the baseline alone.
        corpora: as `open_corpus` takes them, or opened.
        references: numbers of references to try; None: those of `REFERENCES` that the corpus allows.
        out: report folder to write; None writes nothing.
        baseline: what to measure beside the model.
        draws: how many times references are drawn.
        protocol: name in `PROTOCOLS`.
        runtime: what runs the network.
        history: a `history.csv` or run folder, for the learning curves.
        writers: a file that names whom to measure: a split, of which the held-out side is taken, or a list.
        all_writers: measure those whom the model has seen, too.
        style: a CSS file that the report's page has after its own style.
        progress: told how far it is; the stage is named after system and corpus.

    Raises:
        ConfigError: neither model nor baseline, no corpus, one of captures that the model does not take, an
            unknown name, `out` is taken, `style` cannot be read, or `style` or `history` is given for a page
            that is not written.
        CorpusError: a corpus cannot be read or is too small.
        SplitLeak: the model has seen all of the writers, or it is not known whom.
        ModelError, RuntimeUnavailable: the model cannot be run.
        MissingExtra: an evaluation package is not installed.
    """
    chosen = find_protocol(protocol)
    loaded = None if model is None else model if isinstance(model, Model) else Model.read(model)
    systems = _systems(loaded, baseline, runtime)
    if not corpora:
        raise ConfigError("no corpus to evaluate on", hint="Name one with --corpus")
    if out is not None:
        check_replaceable(Path(out))
    elif style is not None or history is not None:
        raise ConfigError("style and history are for a page", expected="out, which writes one")
    css = "" if style is None else read_style(style)
    curves = None if history is None else History.read(history)
    opened = [each if isinstance(each, Corpus) else open_corpus(each) for each in corpora]
    if loaded is not None:
        _require_kind(opened, loaded)
    provenance = None if loaded is None else loaded.manifest.provenance
    selected = select_unseen(opened, provenance, writers=writers, all_writers=all_writers)
    reports = tuple(
        evaluate(
            system,
            corpus,
            selection=selection,
            references=references,
            draws=draws,
            protocol=chosen,
            progress=_named(progress, system, corpus),
        )
        for corpus, selection in selected
        for system in systems
    )
    page = (
        None
        if out is None
        else publish(reports, out, corpora=[corpus for corpus, _ in selected], history=curves, style=css)
    )
    return Evaluated(reports=reports, page=page)


def _require_kind(corpora: Sequence[Corpus], model: Model) -> None:
    """Refuse captures that a model does not take, before it says so of the first of them."""
    if others := sorted({corpus.modality.name for corpus in corpora} - {model.manifest.modality}):
        raise ConfigError(
            "corpora of another kind of capture",
            expected=f"{model.manifest.modality}, which the model {model.manifest.name} takes",
            received=", ".join(others),
        )


def _systems(
    model: Model | None, baseline: Baseline | str | None, runtime: Runtime | str
) -> list[System[Any]]:
    if model is None and baseline is None:
        raise ConfigError("nothing to evaluate", expected="a model, a baseline, or both")
    systems: list[System[Any]] = []
    if model is not None:
        systems.append(SdkSystem(Matcher.open(model, runtime=runtime)))
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
