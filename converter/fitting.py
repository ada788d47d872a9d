"""Fit the scorer of a model on signatures its network was not trained on."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, Float32Array, FloatArray, IndexArray, Int8Array
from sigverify.errors import ConversionError
from sigverify.evaluation.protocol import TrialKind
from sigverify.evaluation.tables import WriterTables, tabulate
from sigverify.evaluation.trials import KINDS
from sigverify.matching.cue import Cue
from sigverify.matching.cues import PAIR
from sigverify.matching.distances import distances, spread
from sigverify.matching.embedding import Embedding, References
from sigverify.matching.pairing import PLAIN, Engine
from sigverify.matching.scoring import (
    MAX_REFERENCES,
    Impostor,
    ScoreRow,
    Scoring,
    evidence,
    learned_columns,
)

REFERENCE_COUNTS: Final = (1, 2, 3, 4, 5, 8, MAX_REFERENCES)
"""Numbers of references that get a row of weights, where the writers have signatures enough."""

FALSE_MATCH_RATES: Final = (0.1, 0.05, 0.03, 0.01, 0.003, 0.001)
"""Rates whose thresholds stand in the model file."""

MOST_ODDS: Final = 30.0
"""Log odds of a threshold, either way."""

DRAWS: Final = 5
"""Random choices of references per writer and number of references, and as many sittings."""

RANDOM_SHARE: Final = 0.2
"""Weight of random forgeries among the impostors: the rest are skilled."""

MAX_RANDOM: Final = 40
"""Random forgeries tried on one writer, evenly taken from the others."""

TAIL_COUNT: Final = 10
"""A quantile with fewer impostor scores beyond it is extrapolated, not read off."""

PENALTY: Final = 0.01
"""Ridge penalty on the weights of standardized evidence, for trials whose weights sum to 1."""

LEARNED_DOUBT: Final = 5.0
"""The weights of learned cues are held this many times as tightly as those of measured ones.

A network trained on the same kind of writers as the scores are fitted on looks better than it will be on
strangers. This and `PENALTY` were chosen on NISDCC, with scores fitted on synthetic writers, where 3 to 10
and 0.003 to 0.03 do alike; without them EER there is 1.2 and 1.7 times as high at R = 1 and 2."""


_Pair = tuple[Embedding, Embedding]
"""One signature as a probe and as a reference."""


@dataclass(frozen=True, eq=False)
class WeightedTrials:
    """Evidence `(n, f)` of trials, their kind as an index into `KINDS`, and weight, each `(n,)`."""

    evidence: FloatArray
    kind: Int8Array
    weight: FloatArray

    def of(self, kind: TrialKind) -> BoolArray:
        """Tell which trials are of that kind, `(n,)`."""
        return np.asarray(self.kind == KINDS.index(kind))


def measure(
    embeddings: Sequence[Embedding],
    writers: Sequence[str],
    genuine: Sequence[bool],
    cues: Sequence[Cue],
    engine: Engine = PLAIN,
) -> list[WriterTables]:
    """Compare by those cues, once, everything that some draw of references will ask for.

    Args:
        embeddings: the calibration signatures.
        writers: of each, as "corpus/writer"; of a forgery the writer forged.
        genuine: of each.
        cues: the columns of the distances.
        engine: what compares.

    Raises:
        ConversionError: fewer than two writers with at least two genuine signatures.
    """
    tables = list(
        tabulate(
            _Unrounded(cues, engine), embeddings, writers, genuine,
            least_genuine=2, most_random=MAX_RANDOM, as_stored=False,
        )
    )  # fmt: skip
    if len(tables) < 2:
        raise ConversionError(
            "too few calibration writers",
            expected="at least 2 with 2 genuine signatures each",
            received=str(len(tables)),
            hint="train with more writers or a larger validation fraction",
        )
    return tables


def measure_reduced(
    embeddings: Sequence[Embedding],
    reduced: Sequence[Embedding],
    writers: Sequence[str],
    genuine: Sequence[bool],
    cues: Sequence[Cue],
    engine: Engine = PLAIN,
) -> list[WriterTables]:
    """Compare, as `measure` does, where a device lacked a sensor: the probe's, the references', or both.

    Args:
        embeddings: of the calibration signatures.
        reduced: of the same, had they been captured without optional sensors.
        writers: of each.
        genuine: of each.
        cues: the columns of the distances.
        engine: what compares.
    """
    # A whole capture compared with a reduced one: its series without what that lacks, the rest as it is.
    part = [replace(whole, series=less.series) for whole, less in zip(embeddings, reduced, strict=True)]
    both = list(_measured(reduced, reduced, writers, genuine, cues, engine))
    # Which side lacked it shows in what the network says of each capture alone, and in nothing else.
    own = [cue for cue in cues if cue.learned and cue != PAIR]
    columns = [cues.index(cue) for cue in own]
    mixed = [
        known.with_columns(columns, other)
        for probes, references in ((reduced, part), (part, reduced))
        if own
        for known, other in zip(
            both, _measured(probes, references, writers, genuine, own, engine), strict=True
        )
    ]
    return both + mixed


def _measured(
    probes: Sequence[Embedding],
    references: Sequence[Embedding],
    writers: Sequence[str],
    genuine: Sequence[bool],
    cues: Sequence[Cue],
    engine: Engine,
) -> Iterator[WriterTables]:
    """Compare signatures as they are as probes with the same as they are as references."""
    return tabulate(
        _Pairs(cues, engine), list(zip(probes, references, strict=True)), writers, genuine,
        least_genuine=2, most_random=MAX_RANDOM,
    )  # fmt: skip


def fit_scoring(measured: Sequence[WriterTables], cues: Sequence[Cue], *, seed: int = 0) -> Scoring:
    """Fit one row for each of `REFERENCE_COUNTS` that at least two writers have signatures for.

    All rows have thresholds for the same impostors: a number for which nobody who was forged has signatures
    enough takes the row of a lower one.
    """
    rows: dict[int, ScoreRow] = {}
    wanted: set[TrialKind] = set()
    for count in REFERENCE_COUNTS:
        able = [writer for writer in measured if writer.genuine > count]
        wanted = wanted or _tried(able)
        if len(able) >= 2 and _tried(able) == wanted:
            rows[count] = _fit_row(gather(able, cues, count, seed=seed), learned_columns(cues))
    return Scoring(cues=tuple(cues), rows=rows)


def _tried(measured: Sequence[WriterTables]) -> set[TrialKind]:
    """Return of what kinds there are trials."""
    return {kind for writer in measured for kind, probes in writer.probes.items() if len(probes.rows)}


def gather(
    measured: Sequence[WriterTables], cues: Sequence[Cue], references: int, *, seed: int = 0
) -> WeightedTrials:
    """Draw references and collect the trials; corpora, and genuine and impostors, weigh the same."""
    rng = np.random.default_rng([seed, references])
    parts = [part for writer in measured for part in _draw(writer, cues, references, rng)]
    values = np.concatenate([part[1] for part in parts])
    kind = np.concatenate([np.full(len(part[1]), KINDS.index(part[2]), np.int8) for part in parts])
    corpus = np.concatenate([np.full(len(part[1]), part[0], object) for part in parts]).astype(str)
    # Half of a corpus's weight is genuine, half impostors; within a kind all of its trials weigh the same.
    shares = {
        TrialKind.GENUINE: 0.5,
        TrialKind.SKILLED: 0.5 * (1 - RANDOM_SHARE),
        TrialKind.RANDOM: 0.5 * RANDOM_SHARE,
    }
    weight = np.zeros(len(kind))
    for name in np.unique(corpus):
        for value, share in shares.items():
            chosen = (corpus == name) & (kind == KINDS.index(value))
            if chosen.any():
                weight[chosen] = share / chosen.sum()
    return WeightedTrials(values, kind, weight * len(weight) / weight.sum())


class _Unrounded:
    """Compares embeddings as they are, without the rounding of stored references."""

    def __init__(self, cues: Sequence[Cue], engine: Engine) -> None:
        """Compare by these cues."""
        self._cues, self._engine = cues, engine

    def distances(self, probes: Sequence[Embedding], references: Sequence[Embedding]) -> Float32Array:
        """Compare each probe with all references: `(p, r, k)`."""
        stacked = References.stack(references)
        return np.stack([distances(probe, stacked, self._cues, engine=self._engine) for probe in probes])

    def spread(self, references: Sequence[Embedding]) -> Float32Array:
        """Compare references with each other: `(r, r, k)`."""
        return spread(References.stack(references), self._cues, engine=self._engine)


class _Pairs:
    """Compares signatures that are given twice: as they are as probes, and as references."""

    def __init__(self, cues: Sequence[Cue], engine: Engine) -> None:
        """Compare by these cues."""
        self._plain = _Unrounded(cues, engine)

    def distances(self, probes: Sequence[_Pair], references: Sequence[_Pair]) -> Float32Array:
        """Compare each probe with all references: `(p, r, k)`."""
        return self._plain.distances(
            [probe for probe, _ in probes], [reference for _, reference in references]
        )

    def spread(self, references: Sequence[_Pair]) -> Float32Array:
        """Compare references with each other: `(r, r, k)`."""
        return self._plain.spread([reference for _, reference in references])


def _draw(
    writer: WriterTables, cues: Sequence[Cue], references: int, rng: np.random.Generator
) -> Iterator[tuple[str, FloatArray, TrialKind]]:
    """Yield the writer's corpus, evidence and kind of the trials of every choice of references."""
    corpus = writer.writer.rpartition("/")[0]
    for chosen in _choices(writer.genuine, references, rng):
        rest = np.setdiff1d(np.arange(writer.genuine), chosen)
        for kind, _, to_references, between in writer.trials(chosen, rest):
            yield corpus, evidence(to_references, between, cues), kind


def _choices(genuine: int, references: int, rng: np.random.Generator) -> Iterator[IndexArray]:
    """Choose references among `genuine` signatures in the order signed: at random, and in one sitting.

    People enroll in one go and come back another day. Scores fitted on random choices alone have never seen
    references that lie closer together than the person does from day to day.
    """
    for _ in range(DRAWS):
        yield rng.permutation(genuine)[:references]
    for _ in range(DRAWS):
        start = rng.integers(genuine - references + 1)
        yield np.arange(start, start + references)


def _fit_row(trials: WeightedTrials, learned: BoolArray) -> ScoreRow:
    from sklearn.linear_model import LogisticRegression

    # Standardize, so that one penalty fits all columns; one that never varies gets no weight.
    mean, deviation = trials.evidence.mean(axis=0), trials.evidence.std(axis=0)
    scale = np.where(deviation > 1e-9, deviation, np.inf) * np.where(learned, LEARNED_DOUBT, 1)
    model = LogisticRegression(C=1 / (PENALTY * len(trials.kind)), max_iter=2000)
    model.fit((trials.evidence - mean) / scale, trials.of(TrialKind.GENUINE), sample_weight=trials.weight)
    # Back to the raw evidence, which is what a device has.
    weights = model.coef_[0] / scale
    bias = float(model.intercept_[0] - weights @ mean)
    odds = trials.evidence @ weights + bias
    kinds = {Impostor.SKILLED: TrialKind.SKILLED, Impostor.RANDOM: TrialKind.RANDOM}
    thresholds = {
        impostor: _thresholds(odds[tried], trials.weight[tried])
        for impostor, kind in kinds.items()
        if (tried := trials.of(kind)).any()
    }
    return ScoreRow(weights=tuple(weights.tolist()), bias=bias, thresholds=thresholds)


def _thresholds(odds: FloatArray, weight: FloatArray) -> tuple[tuple[float, float], ...]:
    """Score thresholds for `FALSE_MATCH_RATES` from impostors' log odds and weights, both `(n,)`.

    Weighted, so that a corpus with many easy forgeries does not set them alone. Where fewer than `TAIL_COUNT`
    impostors lie beyond, the tail above the 90 % quantile is taken as exponential (a generalized Pareto tail
    of shape 0; J. Pickands, 1975).
    """
    # Impostors from the most to the least alike, and the share of their weight down to each.
    order = np.argsort(-odds)
    falling, beyond = odds[order], np.cumsum(weight[order]) / weight.sum()
    # The tail: those above the quantile of the highest rate; its slope is their mean excess over it.
    first = int(np.searchsorted(beyond, FALSE_MATCH_RATES[0]))
    start = float(falling[first])
    slope = float(np.average(falling[:first] - start, weights=weight[order][:first])) if first else 1.0
    table, last = [], -math.inf
    for rate in FALSE_MATCH_RATES:
        index = int(np.searchsorted(beyond, rate))
        tail = start + slope * math.log(FALSE_MATCH_RATES[0] / rate)
        # Read off where enough impostors lie beyond; thresholds never fall as rates do.
        last = max(last, float(falling[index]) if index >= TAIL_COUNT else tail)
        # A table holds thresholds strictly between 0 and 1, and a float ends there 36 log odds from 0.5.
        table.append((rate, 1 / (1 + math.exp(-min(max(last, -MOST_ODDS), MOST_ODDS)))))
    return tuple(table)
