"""`calibrate`: scoring fitted on a converted network's own embeddings, and how well it separates."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from converter import scoring as fitting
from sigverify.errors import ConversionError
from sigverify.matching import Embedding
from sigverify.scoring import Scoring

REFERENCES: Final = 5
"""Headline thresholds and error rates are for this many references, or the most that were fitted below it."""

_GENUINE, _SKILLED, _RANDOM = 0, 1, 2
_MANIFEST_RATES: Final = ("0.1", "0.01", "0.001")


@dataclass(frozen=True, eq=False, kw_only=True)
class Calibrated:
    """A fitted scoring.

    Attributes:
        scoring: the scorer.
        thresholds: trial kind → FMR → score threshold, for `references`.
        eer: equal error rate, 0 to 1, against skilled forgeries (random ones where there are no
            skilled), one global threshold, on the signatures it was fitted on: to compare two
            precisions of one network, not to quote.
        references: how many references thresholds and rate are for.
    """

    scoring: Scoring
    thresholds: Mapping[str, Mapping[str, float]]
    eer: float
    references: int


Calibrate = Callable[[Sequence[Embedding], npt.NDArray[np.str_], npt.NDArray[np.bool_]], Calibrated]
"""`(embeddings, writers, genuine) -> Calibrated`."""


def calibrate(
    embeddings: Sequence[Embedding], writers: npt.NDArray[np.str_], genuine: npt.NDArray[np.bool_]
) -> Calibrated:
    """Fit scoring and thresholds on the calibration signatures.

    Raises:
        ConversionError: too few writers or signatures to fit anything.
    """
    measured = fitting.measure(embeddings, writers.tolist(), genuine.tolist())
    scoring = fitting.fit_scoring(measured)
    references = max(count for count in scoring.rows if count <= REFERENCES)
    row = scoring.row(references)
    trials = fitting.gather(
        [writer for writer in measured if len(writer.between) > references], references, seed=1
    )
    odds = trials.evidence @ np.array(row.weights) + row.bias
    against = _SKILLED if (trials.kind == _SKILLED).any() else _RANDOM
    tables = {str(kind): dict(table) for kind, table in row.thresholds.items()}
    return Calibrated(
        scoring=scoring,
        thresholds={
            kind: {rate: table[float(rate)] for rate in _MANIFEST_RATES} for kind, table in tables.items()
        },
        eer=equal_error_rate(odds[trials.kind == _GENUINE], odds[trials.kind == against]),
        references=references,
    )


def equal_error_rate(genuine: npt.NDArray[np.float64], impostor: npt.NDArray[np.float64]) -> float:
    """Return the rate at which false matches and false non-matches are equally frequent, 0 to 1.

    >>> equal_error_rate(np.array([1.0, 2.0, 3.0, 4.0]), np.array([-1.0, 0.0, 0.5, 2.5]))
    0.25

    Raises:
        ConversionError: no scores on one side.
    """
    if not len(genuine) or not len(impostor):
        raise ConversionError(
            "no trials to measure an error rate on",
            expected="genuine and impostor scores",
            received=f"{len(genuine)} and {len(impostor)}",
        )
    thresholds = np.concatenate([np.sort(np.concatenate([genuine, impostor])), [np.inf]])
    fnmr = np.searchsorted(np.sort(genuine), thresholds, "left") / len(genuine)
    fmr = 1 - np.searchsorted(np.sort(impostor), thresholds, "left") / len(impostor)
    nearest = int(np.argmin(np.abs(fmr - fnmr)))
    return float((fmr[nearest] + fnmr[nearest]) / 2)
