"""Check the scores that every metric starts from."""

import numpy as np
import numpy.typing as npt

from sigverify.arrays import FloatArray
from sigverify.errors import ConfigError


def checked_scores(name: str, scores: npt.ArrayLike) -> FloatArray:
    """Return `(n,)` float64 scores.

    Raises:
        ConfigError: none given, not one-dimensional, or not finite.

    >>> checked_scores("genuine", [1, 0.5])
    array([1. , 0.5])
    """
    try:
        array = np.asarray(scores, np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name} scores are not numbers", received=str(error)) from error
    if array.ndim != 1:
        raise ConfigError(f"{name} scores", expected="shape (n,)", received=str(array.shape))
    if not len(array):
        raise ConfigError(f"no {name} trials", expected="at least one score")
    if not np.isfinite(array).all():
        raise ConfigError(f"{name} scores are not finite", expected="finite numbers")
    return array
