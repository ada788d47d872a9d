"""`ErrorCurve`: FMR and FNMR at every threshold, the DET curve before it is drawn."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sigverify.arrays import FloatArray, IndexArray
from sigverify.errors import ConfigError, MissingExtra
from sigverify.metrics.trials import checked_scores

_SLACK = 1e-12
"""A rate counts as reached when only rounding separates it from the target."""


@dataclass(frozen=True, eq=False)
class ErrorCurve:
    """All operating points of a set of trials, from the strictest threshold down.

    Attributes:
        thresholds: `(n,)` falling: first a number just above every score, then each different score.
        fmr: `(n,)` rising from 0 to 1, false-match rate at that threshold.
        fnmr: `(n,)` falling from 1 to 0, false-non-match rate at that threshold.
    """

    thresholds: FloatArray
    fmr: FloatArray
    fnmr: FloatArray

    def index_at_fmr(self, targets: npt.ArrayLike) -> IndexArray:
        """Return the place of the lowest threshold whose FMR is at most each target, shape of `targets`.

        Raises:
            ConfigError: a target is not between 0 and 1.
        """
        wanted = np.asarray(targets, np.float64)
        if not ((wanted >= 0) & (wanted <= 1)).all():
            raise ConfigError("false-match rate out of range", expected="0 to 1", received=str(targets))
        return np.asarray(np.searchsorted(self.fmr, wanted + _SLACK, side="right") - 1)


def error_curve(genuine: npt.ArrayLike, impostor: npt.ArrayLike) -> ErrorCurve:
    """Count errors at every threshold that makes a difference.

    The counting is scikit-learn's `roc_curve` with every point kept: FMR is its false-positive rate and FNMR
    one minus its true-positive rate. Source: ISO/IEC 19795-1:2021, clauses on matching error rates and DET.

    Args:
        genuine: `(n,)` scores of genuine trials.
        impostor: `(m,)` scores of impostor trials.

    Raises:
        ConfigError: a side is empty, or a score is not finite.
        MissingExtra: scikit-learn is not installed.

    >>> curve = error_curve([0.9, 0.4], [0.6, 0.1])
    >>> curve.thresholds[1:].tolist(), curve.fmr[1:].tolist(), curve.fnmr[1:].tolist()
    ([0.9, 0.6, 0.4, 0.1], [0.0, 0.5, 0.5, 1.0], [0.5, 0.5, 0.0, 0.0])
    """
    try:
        from sklearn.metrics import roc_curve
    except ImportError as error:
        raise MissingExtra(
            "scikit-learn is not installed", hint="pip install 'sigverify[evaluate]'"
        ) from error
    accept, reject = checked_scores("genuine", genuine), checked_scores("impostor", impostor)
    scores = np.concatenate([accept, reject])
    truth = np.repeat([1, 0], [len(accept), len(reject)])
    fmr, tpr, thresholds = roc_curve(truth, scores, drop_intermediate=False)
    thresholds = np.asarray(thresholds, np.float64)
    thresholds[0] = np.nextafter(scores.max(), np.inf)  # scikit-learn says infinity, which no device can hold
    return ErrorCurve(thresholds, np.asarray(fmr, np.float64), 1 - np.asarray(tpr, np.float64))
