"""`evaluate`: a system, a corpus and a protocol in, a `Report` out."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np

from sigverify.corpora import Corpus, Kind
from sigverify.errors import ConfigError, CorpusError
from sigverify.evaluation.protocol import REFERENCES, STANDARD, Protocol
from sigverify.evaluation.report import Latency, Report, describe
from sigverify.evaluation.selection import Selection
from sigverify.evaluation.summary import summarize
from sigverify.evaluation.system import System
from sigverify.evaluation.tables import WriterTables, tabulate
from sigverify.evaluation.trials import Rows, Trials, make_rows
from sigverify.matching.scoring import Impostor

Progress = Callable[[str, int, int], None]
"""Called with the name of the stage, and how much of how much of it is done."""

MAX_REFERENCES: Final = 100
MAX_DRAWS: Final = 1000
LATENCY_REFERENCES: Final = 5
LATENCY_PROBES: Final = 50

_IMPOSTORS: Final = (Impostor.SKILLED, Impostor.RANDOM)


@dataclass(frozen=True, eq=False)
class Measured:
    """All that takes time: the distances between the signatures of a corpus, as one network sees them.

    Attributes:
        corpus: the corpus.
        tables: one for each writer with a genuine signature; rows are positions in `corpus.samples`.
        latency: medians.
    """

    corpus: Corpus
    tables: tuple[WriterTables, ...]
    latency: Latency


def measure(system: System[Any], corpus: Corpus, *, progress: Progress | None = None) -> Measured:
    """Embed a corpus and compute every distance that some draw of references will look up."""
    report = progress or (lambda _stage, _done, _total: None)
    embedded, embed_ms = _embed(system, corpus, report)
    writers = [sample.writer for sample in corpus.samples]
    genuine = [sample.kind is Kind.GENUINE for sample in corpus.samples]
    tables = []
    for each in tabulate(system, embedded, writers, genuine, cohort=system.cohort()):
        tables.append(each)
        report("matching", len(tables), len(corpus.writers))
    latency = Latency(embed_ms=embed_ms, match_ms=_match_ms(system, embedded))
    return Measured(corpus, tuple(tables), latency)


def evaluate(
    system: System[Any],
    corpus: Corpus,
    *,
    references: Sequence[int] | None = None,
    draws: int = 10,
    protocol: Protocol = STANDARD,
    progress: Progress | None = None,
    measured: Measured | None = None,
    selection: Selection | None = None,
) -> Report:
    """Measure the error rates of a system.

    Every distance is computed once; draws and numbers of references are look-ups.

    Args:
        system: what to measure.
        corpus: with what; it must not have been trained on, which is for the caller to see to.
        references: numbers of references to try; None: those of `REFERENCES` that the corpus allows.
        draws: how many times references are drawn, with seeds 0, 1, 2 …
        protocol: which signatures may be references and genuine trials.
        progress: told how far it is.
        measured: what `measure` returned for this corpus and the same network, perhaps with another scoring.
        selection: how the writers were chosen, for the report to say.

    Raises:
        ConfigError: a number of references or of draws is out of range, or `measured` is of another corpus.
        CorpusError: no writer has enough genuine signatures, or there are no impostors at all.
    """
    counts = _checked(_possible(corpus, protocol) if references is None else references, draws)
    draws = 1 if protocol.ordered else draws  # the others would be the same
    report = progress or (lambda _stage, _done, _total: None)
    known = measured or measure(system, corpus, progress=progress)
    if known.corpus is not corpus:
        raise ConfigError("measured on another corpus", expected=corpus.name, received=known.corpus.name)
    rows = list(_trials(system, known, counts, draws, protocol))
    _require_trials(corpus, rows, counts, protocol)
    report("error rates", 0, 1)
    trials = Trials.of(corpus.writers, np.concatenate(rows))
    conditions = summarize(trials, calibrated=system.calibrated, promised=system.thresholds)
    report("error rates", 1, 1)
    return describe(
        system,
        corpus,
        protocol=protocol,
        draws=draws,
        conditions=conditions,
        latency=known.latency,
        trials=trials,
        selection=selection,
    )


def _possible(corpus: Corpus, protocol: Protocol) -> tuple[int, ...]:
    """Return those of `REFERENCES` that leave some writer a genuine trial; the first of them at least."""
    most = {writer: len(corpus.genuine(writer)) for writer in corpus.writers}
    return tuple(
        count
        for count in REFERENCES
        if count == REFERENCES[0]
        or any(protocol.draw(writer, genuine, count, 0) is not None for writer, genuine in most.items())
    )


def _checked(references: Sequence[int], draws: int) -> tuple[int, ...]:
    counts = tuple(sorted(set(references)))
    if not counts or not 1 <= counts[0] <= counts[-1] <= MAX_REFERENCES:
        raise ConfigError(
            "numbers of references out of range", expected=f"1 to {MAX_REFERENCES}", received=str(references)
        )
    if not 1 <= draws <= MAX_DRAWS:
        raise ConfigError("draws out of range", expected=f"1 to {MAX_DRAWS}", received=str(draws))
    return counts


def _embed(system: System[Any], corpus: Corpus, report: Progress) -> tuple[list[Any], float]:
    """Embed all samples in order, and return the median milliseconds it took too."""
    embedded, times = [], []
    for done, sample in enumerate(corpus.samples, start=1):
        start = time.perf_counter()
        embedded.append(system.embed(sample.capture))
        times.append(time.perf_counter() - start)
        report("embedding", done, len(corpus))
    return embedded, float(np.median(times)) * 1000


def _trials(
    system: System[Any], measured: Measured, counts: Sequence[int], draws: int, protocol: Protocol
) -> Iterator[Rows]:
    """Score the trials of every writer in every draw."""
    corpus = measured.corpus
    index = {writer: number for number, writer in enumerate(corpus.writers)}
    author = np.array([index[sample.writer] for sample in corpus.samples])
    number = np.array([sample.number for sample in corpus.samples])
    for tables in measured.tables:
        for count, seed in product(counts, range(draws)):
            drawn = protocol.draw(tables.writer, tables.genuine, count, seed)
            if drawn is None:
                continue
            met = tables.met(drawn[0])
            for kind, rows, distances, spread in tables.trials(*drawn):
                score = system.score(distances, spread)
                skilled, random = (system.decided(score, distances, each) for each in _IMPOSTORS)
                yield make_rows(
                    references=count,
                    draw=seed,
                    writer=index[tables.writer],
                    kind=kind,
                    probe_writer=author[rows],
                    probe=number[rows],
                    score=score,
                    decided=skilled,
                    limited=random if met is None else system.limited(score, distances, spread, met),
                )


def _require_trials(corpus: Corpus, rows: Sequence[Rows], counts: Sequence[int], protocol: Protocol) -> None:
    tried = {int(part["references"][0]) for part in rows if len(part)}
    if missing := [count for count in counts if count not in tried]:
        raise _too_small(corpus, missing[0], protocol)
    kinds = {int(part["kind"][0]) for part in rows if len(part)}
    if len(kinds) == 1:
        raise CorpusError(
            f"corpus {corpus.name} has no impostors", expected="skilled forgeries, or a second writer"
        )


def _too_small(corpus: Corpus, references: int, protocol: Protocol) -> CorpusError:
    """Return what to say where no writer has a trial: how many signatures the protocol needs for one."""
    most = max(len(corpus.genuine(writer)) for writer in corpus.writers)
    enough = range(1, protocol.held_back + MAX_REFERENCES + 2)
    least = next((count for count in enough if protocol.draw("", count, references, 0) is not None), None)
    fewer = [count for count in range(1, references) if protocol.draw("", most, count, 0) is not None]
    by = "" if protocol == STANDARD else f" by protocol {protocol.name}"
    some = f"{references} reference{'s' if references > 1 else ''}"
    hint = f"Ask for {fewer[-1]} references or fewer" if fewer else "Give it more genuine signatures"
    hint += ", or choose another protocol" if by else ""
    return CorpusError(
        f"corpus {corpus.name} is too small for {some}{by}",
        expected=f"a writer with at least {least} genuine signatures to draw from" if least else "fewer",
        received=f"at most {most}",
        hint=hint,
    )


def _match_ms(system: System[Any], embedded: Sequence[Any]) -> float:
    """Median milliseconds to match one probe with `LATENCY_REFERENCES` references and score it."""
    samples = embedded[: LATENCY_PROBES + LATENCY_REFERENCES]
    references = samples[:LATENCY_REFERENCES]
    spread = system.spread(references)
    times = []
    for probe in samples[LATENCY_REFERENCES:] or samples:
        start = time.perf_counter()
        system.score(system.distances([probe], references), spread)
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1000
