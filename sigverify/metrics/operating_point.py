"""Errors at one threshold, and the threshold for one error."""

import numpy as np
import numpy.typing as npt

from sigverify.metrics.curve import error_curve
from sigverify.metrics.trials import checked_scores


def fmr(impostor: npt.ArrayLike, threshold: float) -> float:
    """Return the share of impostor trials with `score >= threshold`.

    >>> fmr([0.1, 0.5, 0.9, 0.2], 0.5)
    0.5
    """
    return float(np.mean(checked_scores("impostor", impostor) >= threshold))


def fnmr(genuine: npt.ArrayLike, threshold: float) -> float:
    """Return the share of genuine trials with `score < threshold`.

    >>> fnmr([0.1, 0.5, 0.9, 0.2], 0.5)
    0.5
    """
    return float(np.mean(checked_scores("genuine", genuine) < threshold))


def threshold_at_fmr(genuine: npt.ArrayLike, impostor: npt.ArrayLike, target: float) -> float:
    """Return the lowest threshold whose FMR on these trials is at most `target`.

    It is one of the scores given, or a number just above them all. With fewer than `1 / target` impostor
    trials that means not one of them is accepted, which says little: see that there are enough.

    Raises:
        ConfigError: `target` is not between 0 and 1, a side is empty, or a score is not finite.
        MissingExtra: scikit-learn is not installed.

    >>> threshold_at_fmr([0.9, 0.7], [0.8, 0.1, 0.2, 0.3], 0.25)
    0.7
    """
    curve = error_curve(genuine, impostor)
    return float(curve.thresholds[curve.index_at_fmr(target)])


def fnmr_at_fmr(genuine: npt.ArrayLike, impostor: npt.ArrayLike, target: float) -> float:
    """Return the FNMR at `threshold_at_fmr`: what a false-match rate of at most `target` costs.

    Raises:
        ConfigError: `target` is not between 0 and 1, a side is empty, or a score is not finite.
        MissingExtra: scikit-learn is not installed.

    >>> fnmr_at_fmr([0.9, 0.7], [0.8, 0.1, 0.2, 0.3], 0.0)
    0.5
    """
    curve = error_curve(genuine, impostor)
    return float(curve.fnmr[curve.index_at_fmr(target)])
