"""Fit the scorer of a model on signatures its network was not trained on."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, Float32Array, FloatArray, IndexArray, Int8Array, IntArray
from sigverify.errors import ConversionError
from sigverify.matching.cue import Cue
from sigverify.matching.distances import distances, spread
from sigverify.matching.embedding import Embedding, References
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

FALSE_MATCH_RATES: Final = (0.1, 0.03, 0.01, 0.003, 0.001)
"""Rates whose thresholds stand in the model file."""

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


@dataclass(frozen=True, eq=False)
class WriterDistances:
    """All distances of one writer that draws need.

    Attributes:
        corpus: part of the writer's name before the slash; corpora weigh the same in the fit.
        between: `(g, g, k)` between the genuine.
        skilled, random: `(s, g, k)` and `(o, g, k)` from impostors to the genuine.
    """

    corpus: str
    between: Float32Array
    skilled: Float32Array
    random: Float32Array


@dataclass(frozen=True, eq=False)
class Trials:
    """Evidence `(n, f)` of trials, their kind (0 genuine, 1 skilled, 2 random) and weight, each `(n,)`."""

    evidence: FloatArray
    kind: Int8Array
    weight: FloatArray


def measure(
    embeddings: Sequence[Embedding],
    writers: Sequence[str],
    genuine: Sequence[bool],
    cues: Sequence[Cue],
) -> list[WriterDistances]:
    """Compare by those cues, once, everything that some draw of references will ask for.

    Raises:
        ConversionError: fewer than two writers with at least two genuine signatures.
    """
    owner, real = np.asarray(writers), np.asarray(genuine, np.bool_)
    own = {name: np.flatnonzero((owner == name) & real) for name in sorted(set(owner[real].tolist()))}
    own = {name: indices for name, indices in own.items() if len(indices) >= 2}
    if len(own) < 2:
        raise ConversionError(
            "too few calibration writers",
            expected="at least 2 with 2 genuine signatures each",
            received=str(len(own)),
            hint="train with more writers or a larger validation fraction",
        )
    firsts = {name: int(indices[0]) for name, indices in own.items()}
    return [
        _measure_writer(name, indices, np.flatnonzero((owner == name) & ~real), firsts, embeddings, cues)
        for name, indices in own.items()
    ]


def fit_scoring(measured: Sequence[WriterDistances], cues: Sequence[Cue], *, seed: int = 0) -> Scoring:
    """Fit one row for each of `REFERENCE_COUNTS` that at least two writers have signatures for."""
    rows = {}
    for count in REFERENCE_COUNTS:
        able = [writer for writer in measured if len(writer.between) > count]
        if len(able) >= 2:
            rows[count] = _fit_row(gather(able, cues, count, seed=seed), learned_columns(cues))
    return Scoring(cues=tuple(cues), rows=rows)


def gather(
    measured: Sequence[WriterDistances], cues: Sequence[Cue], references: int, *, seed: int = 0
) -> Trials:
    """Draw references and collect the trials; corpora, and genuine and impostors, weigh the same."""
    rng = np.random.default_rng([seed, references])
    parts = [part for writer in measured for part in _draw(writer, cues, references, rng)]
    values = np.concatenate([part[1] for part in parts])
    kind = np.concatenate([np.full(len(part[1]), part[2], np.int8) for part in parts])
    corpus = np.concatenate([np.full(len(part[1]), part[0], object) for part in parts]).astype(str)
    weight = np.zeros(len(kind))
    for name in np.unique(corpus):
        for value, share in enumerate((0.5, 0.5 * (1 - RANDOM_SHARE), 0.5 * RANDOM_SHARE)):
            chosen = (corpus == name) & (kind == value)
            if chosen.any():
                weight[chosen] = share / chosen.sum()
    return Trials(values, kind, weight * len(weight) / weight.sum())


def _measure_writer(
    name: str,
    own: IndexArray,
    forged: IndexArray,
    firsts: dict[str, int],
    embeddings: Sequence[Embedding],
    cues: Sequence[Cue],
) -> WriterDistances:
    references = References.stack([embeddings[index] for index in own])
    others = [index for other, index in firsts.items() if other != name]
    others = [others[i] for i in np.unique(np.linspace(0, len(others) - 1, MAX_RANDOM).astype(int))]
    between = spread(references, cues)

    def compare(indices: Sequence[int]) -> Float32Array:
        rows = [distances(embeddings[index], references, cues) for index in indices]
        return np.stack(rows) if rows else np.zeros((0, *between.shape[1:]), np.float32)

    return WriterDistances(name.rpartition("/")[0], between, compare(forged.tolist()), compare(others))


def _draw(
    writer: WriterDistances, cues: Sequence[Cue], references: int, rng: np.random.Generator
) -> Iterator[tuple[str, FloatArray, int]]:
    for chosen in _choices(len(writer.between), references, rng):
        rest = np.setdiff1d(np.arange(len(writer.between)), chosen)
        apart = writer.between[np.ix_(chosen, chosen)]
        yield writer.corpus, evidence(writer.between[np.ix_(rest, chosen)], apart, cues), 0
        yield writer.corpus, evidence(writer.skilled[:, chosen], apart, cues), 1
        yield writer.corpus, evidence(writer.random[:, chosen], apart, cues), 2


def _choices(genuine: int, references: int, rng: np.random.Generator) -> Iterator[IntArray]:
    """Choose references among `genuine` signatures in the order signed: at random, and in one sitting.

    People enroll in one go and come back another day. Scores fitted on random choices alone have never seen
    references that lie closer together than the person does from day to day.
    """
    for _ in range(DRAWS):
        yield rng.permutation(genuine)[:references]
    for _ in range(DRAWS):
        start = rng.integers(genuine - references + 1)
        yield np.arange(start, start + references)


def _fit_row(trials: Trials, learned: BoolArray) -> ScoreRow:
    from sklearn.linear_model import LogisticRegression

    mean, deviation = trials.evidence.mean(axis=0), trials.evidence.std(axis=0)
    scale = np.where(deviation > 1e-9, deviation, np.inf) * np.where(learned, LEARNED_DOUBT, 1)
    model = LogisticRegression(C=1 / (PENALTY * len(trials.kind)), max_iter=2000)
    model.fit((trials.evidence - mean) / scale, trials.kind == 0, sample_weight=trials.weight)
    weights = model.coef_[0] / scale
    bias = float(model.intercept_[0] - weights @ mean)
    odds = trials.evidence @ weights + bias
    kinds = {Impostor.SKILLED: trials.kind == 1, Impostor.RANDOM: trials.kind == 2}
    thresholds = {
        kind: _thresholds(odds[its], trials.weight[its]) for kind, its in kinds.items() if its.any()
    }
    return ScoreRow(weights=tuple(weights.tolist()), bias=bias, thresholds=thresholds)


def _thresholds(odds: FloatArray, weight: FloatArray) -> tuple[tuple[float, float], ...]:
    """Score thresholds for `FALSE_MATCH_RATES` from impostors' log odds and weights, both `(n,)`.

    Weighted, so that a corpus with many easy forgeries does not set them alone. Where fewer than `TAIL_COUNT`
    impostors lie beyond, the tail above the 90 % quantile is taken as exponential (a generalized Pareto tail
    of shape 0; J. Pickands, 1975).
    """
    order = np.argsort(-odds)
    falling, beyond = odds[order], np.cumsum(weight[order]) / weight.sum()
    first = int(np.searchsorted(beyond, FALSE_MATCH_RATES[0]))
    start = float(falling[first])
    slope = float(np.average(falling[:first] - start, weights=weight[order][:first])) if first else 1.0
    table, last = [], -math.inf
    for rate in FALSE_MATCH_RATES:
        index = int(np.searchsorted(beyond, rate))
        tail = start + slope * math.log(FALSE_MATCH_RATES[0] / rate)
        last = max(last, float(falling[index]) if index >= TAIL_COUNT else tail)
        table.append((rate, 1 / (1 + math.exp(-last))))
    return tuple(table)
