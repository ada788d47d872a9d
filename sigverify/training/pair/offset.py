"""`Offset`: log odds from the measured cues alone: what the pair network has to add to."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from sigverify.arrays import BoolArray, Float32Array, FloatArray
from sigverify.matching.cue import Cue
from sigverify.matching.distances import signs
from sigverify.matching.scoring import evidence
from sigverify.training.pair.trials import TRIALS, Trials, between
from sigverify.training.pair.writers import Laid, WriterPairs

WRITERS: Final = 480
"""Writers that the weights are fitted on, with what a device may lack and again without; of fewer
each is taken twice, distorted anew."""
_AT_ONCE: Final = 24
_PENALTY: Final = 0.01
"""Ridge penalty on the weights of standardized evidence, as where scores are fitted."""


@dataclass(frozen=True, eq=False)
class Offset:
    """Weights and bias by (reduced, number of references)."""

    cues: tuple[Cue, ...]
    rows: dict[tuple[bool, int], tuple[FloatArray, float]]

    @classmethod
    def fit(cls, writers: WriterPairs, seed: int) -> Self:
        """Fit on the writers to train on; the network then learns what these weights cannot tell."""
        from sklearn.linear_model import LogisticRegression

        rows = {}
        for reduced in (False, True):
            rng = np.random.default_rng([seed, reduced])
            laid = [
                writers.lay(
                    rng.choice(len(writers), min(_AT_ONCE, len(writers)), replace=False), rng, reduced=reduced
                )
                for _ in range(-(-min(WRITERS, 2 * len(writers)) // _AT_ONCE))
            ]
            measured = np.concatenate([each.measured for each in laid])
            for trials in TRIALS:
                values = _evidence(measured, writers.cues, trials)
                flat = values.reshape(-1, values.shape[-1])
                mean, deviation = flat.mean(axis=0), flat.std(axis=0)
                scale = np.where(deviation > 1e-9, deviation, np.inf)
                weight = np.tile(trials.weights, len(values))
                model = LogisticRegression(C=1 / (_PENALTY * len(flat)), max_iter=2000)
                model.fit(
                    (flat - mean) / scale, np.tile(trials.sign > 0, len(values)), weight * len(trials.probes)
                )
                weights = model.coef_[0] / scale
                rows[reduced, trials.references] = weights, float(model.intercept_[0] - weights @ mean)
        return cls(writers.cues, rows)

    def odds(self, laid: Laid) -> Float32Array:
        """Return the log odds of every trial, those with one reference first: `(writers, n)` float32."""
        parts = []
        for trials in TRIALS:
            values = _evidence(laid.measured, self.cues, trials)
            odds = np.empty(values.shape[:2], np.float32)
            for reduced in (False, True):
                chosen: BoolArray = laid.reduced == reduced
                weights, bias = self.rows[reduced, trials.references]
                odds[chosen] = values[chosen] @ weights + bias
            parts.append(odds)
        return np.concatenate(parts, axis=1)


def _evidence(measured: Float32Array, cues: tuple[Cue, ...], trials: Trials) -> FloatArray:
    """Evidence of every writer's trials, `(writers, n, f)`."""
    tables = between(measured, signs(cues))
    # The trials of one set of references follow each other, and there are as many of each.
    sets = [
        (chosen[0], probes)
        for chosen, probes in zip(
            np.split(trials.sets, trials.choices), np.split(trials.probes, trials.choices), strict=True
        )
    ]
    return np.stack(
        [
            np.concatenate(
                [
                    evidence(table[np.ix_(probes, chosen)], table[np.ix_(chosen, chosen)], cues)
                    for chosen, probes in sets
                ]
            )
            for table in tables
        ]
    )
