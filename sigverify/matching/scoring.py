"""From distances to one calibrated score in 0..1.

What tells a forgery is not how far a probe lies from the references, but how far it lies compared with how
far they lie from each other. So every distance is taken relative to how far that one reference lies from the
others, and the evidence of a cue is three logarithms: the least and the mean of these ratios, and the spread
of all references. A logistic regression weighs them. Its output is the probability that the probe is genuine
where genuine and impostor are equally frequent. One row of weights per number of references, since the spread
of two says less than that of ten.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from numbers import Real
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from sigverify.arrays import FloatArray
from sigverify.errors import ConfigError, MalformedModel
from sigverify.matching.distances import CUES

MAX_REFERENCES: Final = 12
"""Most references a template holds."""

FLOOR: Final = 0.02
"""Distances and spreads below this count as this: no logarithm of the 0 between a signature and itself."""


_RELATIVE: Final = CUES[:3]
"""Cues weighed against the spread of the references; duration is a log ratio already."""


class Impostor(StrEnum):
    """Who is kept out at the false-match rate asked for."""

    SKILLED = "skilled"
    """Somebody who has practiced this signature."""
    RANDOM = "random"
    """Somebody who signs with another name."""


@dataclass(frozen=True, kw_only=True)
class ScoreRow:
    """Weights and thresholds for one number of references.

    Attributes:
        weights: one for each column of `evidence`.
        bias: added to the weighted evidence; the sum is the log odds.
        thresholds: impostor -> ((fmr, threshold), …), fmr falling, threshold rising.
    """

    weights: tuple[float, ...]
    bias: float
    thresholds: Mapping[Impostor, tuple[tuple[float, float], ...]]

    def odds(self, evidence: FloatArray) -> FloatArray:
        """Return the log odds of genuine to impostor for evidence `(…, f)`: `(…,)`."""
        return np.asarray(evidence @ np.array(self.weights) + self.bias)


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """A fitted scorer: number of references -> `ScoreRow`; a number not fitted takes the next lower row."""

    rows: Mapping[int, ScoreRow]

    def __post_init__(self) -> None:
        """Check the rows: at least one, each with a weight for every column of evidence."""
        if not self.rows:
            raise ConfigError(
                "scoring without rows", expected="weights for at least one number of references"
            )
        for count, row in self.rows.items():
            if len(row.weights) != EVIDENCE_SIZE:
                raise ConfigError(
                    f"scoring for {count} references has {len(row.weights)} weights",
                    expected=str(EVIDENCE_SIZE),
                )

    @classmethod
    def default(cls) -> Self:
        """Score by elastic distance of the hand-made functions alone, uncalibrated.

        The weights are rounded from fits on real corpora; the thresholds are mere steps.
        """
        alone, several = [0.0] * EVIDENCE_SIZE, [0.0] * EVIDENCE_SIZE
        alone[0] = -8.0
        several[:3] = [-7.0, -13.0, -6.0]
        thresholds = dict.fromkeys(Impostor, ((0.1, 0.5), (0.01, 0.9), (0.001, 0.99)))
        return cls(
            rows={
                1: ScoreRow(weights=tuple(alone), bias=8.8, thresholds=thresholds),
                2: ScoreRow(weights=tuple(several), bias=8.0, thresholds=thresholds),
            }
        )

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Self:
        """Read the scoring of a manifest; a model without one is scored by `default`.

        Raises:
            MalformedModel: the mapping is not of the form that `to_dict` writes.
        """
        return cls.from_dict(raw) if raw else cls.default()

    def row(self, references: int) -> ScoreRow:
        """Return the row for that many references."""
        fitted = [count for count in self.rows if count <= references]
        return self.rows[max(fitted) if fitted else min(self.rows)]

    def score(self, distances: npt.ArrayLike, spread: npt.ArrayLike) -> FloatArray:
        """Score `(…, r, 4)` distances to `r` references that lie `(r, r, 4)` apart: `(…,)` in 0..1."""
        odds = self.row(np.shape(spread)[0]).odds(evidence(distances, spread))
        return np.asarray(1 / (1 + np.exp(-np.clip(odds, -60, 60))))

    def threshold(
        self, fmr: float, *, impostor: Impostor | str = Impostor.SKILLED, references: int = 5
    ) -> float:
        """Look up the threshold for a false-match rate, linear in log FMR between those fitted.

        Raises:
            ConfigError: an unknown impostor, or a rate outside those the model was calibrated for.
        """
        try:
            table = self.row(references).thresholds[Impostor(impostor)]
        except (ValueError, KeyError) as error:
            names = ", ".join(Impostor)
            raise ConfigError(
                "unknown impostor", expected=f"one of {names}", received=str(impostor)
            ) from error
        highest, lowest = table[0][0], table[-1][0]
        if not (_is_real(fmr) and lowest <= fmr <= highest):
            raise ConfigError(
                "false-match rate outside the model's calibration",
                expected=f"{lowest:g} to {highest:g}",
                received=str(fmr)[:40],
            )
        for (above, low), (below, high) in pairwise(table):
            if below <= fmr <= above:
                share = math.log(above / fmr) / math.log(above / below)
                return low + share * (high - low)
        return table[0][1]

    def to_dict(self) -> dict[str, Any]:
        """Return what goes into the manifest: plain JSON types."""
        return {
            str(count): {
                "weights": list(row.weights),
                "bias": row.bias,
                "thresholds": {
                    str(kind): [list(pair) for pair in table] for kind, table in row.thresholds.items()
                },
            }
            for count, row in sorted(self.rows.items())
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises:
            MalformedModel: the mapping is not of that form.
        """
        try:
            return cls(rows={int(count): _row(row) for count, row in raw.items()})
        except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as error:
            raise MalformedModel("the scoring of the model is malformed", received=str(error)) from error


EVIDENCE_SIZE: Final = 3 * len(_RELATIVE) + 1
"""Columns of `evidence`: least ratio, mean ratio and spread of three cues, and mean duration."""

LEARNED: Final = (*(cue in ("sequence", "vector") for cue in _RELATIVE for _ in range(3)), False)
"""For each column of `evidence`: whether it comes of the network."""


def evidence(distances: npt.ArrayLike, spread: npt.ArrayLike) -> FloatArray:
    """Sum up distances `(…, r, 4)` and the references' spread `(r, r, 4)`: `(…, 10)`.

    With d_i the distance to reference i and s_i the mean distance of reference i to the others, a cue gives
    min log(d_i / s_i), mean log(d_i / s_i) and mean log s_i; duration gives its mean. One reference has no
    spread: s is 1 there. A cue that the model lacks is the same for every probe.
    """
    to_references = np.asarray(distances, np.float64)
    between = np.asarray(spread, np.float64)
    count = len(between)
    relative = slice(len(_RELATIVE))
    logs = np.log(np.maximum(to_references[..., relative], FLOOR))
    apart = np.zeros((count, len(_RELATIVE)))
    if count > 1:
        apart = np.log(np.maximum(between[..., relative].sum(axis=1) / (count - 1), FLOOR))
    ratios = logs - apart
    level = np.broadcast_to(apart.mean(axis=0), ratios.shape[:-2] + apart.shape[1:])
    columns = np.stack([ratios.min(axis=-2), ratios.mean(axis=-2), level], axis=-1)
    flat = columns.reshape(*columns.shape[:-2], 3 * len(_RELATIVE))
    return np.concatenate([flat, to_references[..., len(_RELATIVE) :].mean(axis=-2)], axis=-1)


def _row(raw: Mapping[str, Any]) -> ScoreRow:
    numbers = [float(weight) for weight in raw["weights"]]
    if not all(map(math.isfinite, [*numbers, float(raw["bias"])])):
        raise ValueError("a weight is not finite")
    thresholds = {
        Impostor(kind): tuple((float(fmr), float(threshold)) for fmr, threshold in table)
        for kind, table in raw["thresholds"].items()
    }
    return ScoreRow(weights=tuple(numbers), bias=float(raw["bias"]), thresholds=thresholds)


def _is_real(value: object) -> bool:
    return isinstance(value, Real)
