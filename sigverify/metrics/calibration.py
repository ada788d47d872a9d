"""Does a score of 0.8 mean 0.8? For scores that claim to be the probability of genuine at even odds."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sigverify.arrays import FloatArray
from sigverify.errors import ConfigError, MissingExtra
from sigverify.metrics.trials import checked_scores

_EDGE = 1e-7
"""A score of exactly 0 or 1 claims certainty, and one error would cost infinitely much; it costs 23 bits."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """A reliability diagram: equally wide bins of score, genuine and impostors weighted alike.

    Attributes:
        mean_score: `(b,)` weighted mean score of the bin; NaN where the bin is empty.
        genuine_share: `(b,)` weighted share of genuine trials in the bin; NaN where it is empty.
        weight: `(b,)` share of all weight in the bin; sums to 1.
    """

    mean_score: FloatArray
    genuine_share: FloatArray
    weight: FloatArray


def cllr(genuine: npt.ArrayLike, impostor: npt.ArrayLike) -> float:
    """Return the cost of the log-likelihood ratio, in bits: 0 is perfect, 1 says nothing.

    Cllr = ½ · mean over genuine of log2(1 + 1/LR) + ½ · mean over impostors of log2(1 + LR), where
    LR = score / (1 − score). Source: N. Brümmer, J. du Preez, "Application-independent evaluation of speaker
    detection", 2006, equation 12.

    Raises:
        ConfigError: a side is empty, or a score is outside 0..1.

    >>> cllr([0.5, 0.5], [0.5])
    1.0
    >>> round(cllr([0.99], [0.01]), 4)
    0.0145
    """
    accept, reject = _probabilities("genuine", genuine), _probabilities("impostor", impostor)
    return float(-(np.log2(accept).mean() + np.log2(1 - reject).mean()) / 2)


def min_cllr(genuine: npt.ArrayLike, impostor: npt.ArrayLike) -> float:
    """Return the Cllr left after the best monotonic recalibration: what discrimination alone costs.

    `cllr − min_cllr` is what calibration loses. The recalibration is isotonic regression with both kinds
    weighted alike (pool adjacent violators), by scikit-learn. Source: as `cllr`, section 5.

    Raises:
        ConfigError: a side is empty, or a score is outside 0..1.
        MissingExtra: scikit-learn is not installed.

    >>> min_cllr([0.2, 0.3], [0.1, 0.15]) < 1e-6
    True
    """
    try:
        from sklearn.isotonic import IsotonicRegression
    except ImportError as error:
        raise MissingExtra(
            "scikit-learn is not installed", hint="pip install 'sigverify[evaluate]'"
        ) from error
    accept, reject = checked_scores("genuine", genuine), checked_scores("impostor", impostor)
    scores, truth, weights = _weighted(accept, reject)
    # Only the order counts, and by rank no two scores are too close for the library's interpolation.
    ranks = np.unique(scores, return_inverse=True)[1]
    fitted = IsotonicRegression(y_min=0, y_max=1).fit_transform(ranks, truth, sample_weight=weights)
    return cllr(fitted[: len(accept)], fitted[len(accept) :])


def reliability(genuine: npt.ArrayLike, impostor: npt.ArrayLike, *, bins: int = 10) -> Reliability:
    """Compare what scores claim with what is so, in `bins` equally wide bins.

    Raises:
        ConfigError: a side is empty, a score is outside 0..1, or `bins` is less than 1.

    >>> reliability([0.9, 0.8], [0.1, 0.2], bins=2).genuine_share.tolist()
    [0.0, 1.0]
    """
    if bins < 1:
        raise ConfigError("number of bins", expected="at least 1", received=str(bins))
    scores, truth, weights = _weighted(_unit("genuine", genuine), _unit("impostor", impostor))
    index = np.minimum((scores * bins).astype(int), bins - 1)
    weight = np.bincount(index, weights, bins).astype(np.float64)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(index, weights * scores, bins) / weight
        share = np.bincount(index, weights * truth, bins) / weight
    return Reliability(mean, share, weight)


def expected_calibration_error(genuine: npt.ArrayLike, impostor: npt.ArrayLike, *, bins: int = 10) -> float:
    """Return the mean distance, over `bins` of score, of claimed from true probability; 0 is perfect.

    Genuine and impostor trials weigh alike, so the figure does not depend on how many of each there are.
    Source: M. P. Naeini, G. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities", 2015.

    Raises:
        ConfigError: a side is empty, a score is outside 0..1, or `bins` is less than 1.

    >>> round(expected_calibration_error([0.9, 0.8], [0.1, 0.2]), 3)
    0.15
    """
    found = reliability(genuine, impostor, bins=bins)
    gap = np.abs(found.mean_score - found.genuine_share)
    return float(np.nansum(gap * found.weight))


def _weighted(genuine: FloatArray, impostor: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Scores, truth and weights of all trials; each kind weighs half."""
    sizes = [len(genuine), len(impostor)]
    weights = np.repeat([0.5 / sizes[0], 0.5 / sizes[1]], sizes)
    return np.concatenate([genuine, impostor]), np.repeat([1.0, 0.0], sizes), weights


def _unit(name: str, scores: npt.ArrayLike) -> FloatArray:
    array = checked_scores(name, scores)
    if array.min() < 0 or array.max() > 1:
        raise ConfigError(
            f"{name} scores are no probabilities",
            expected="0 to 1",
            received=f"{array.min():g} to {array.max():g}",
        )
    return array


def _probabilities(name: str, scores: npt.ArrayLike) -> FloatArray:
    return np.clip(_unit(name, scores), _EDGE, 1 - _EDGE)
