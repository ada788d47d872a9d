"""The scale of DET plots, on which normally distributed scores give straight lines."""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from sigverify.arrays import FloatArray

EDGE = 1e-5
"""Rates nearer to 0 or 1 than this are drawn here: the scale itself has no end."""


def normal_deviate(rates: npt.ArrayLike) -> FloatArray:
    """Return the standard normal quantile of each rate; 0 at 0.5, rising.

    Source: A. Martin et al., "The DET curve in assessment of detection task performance", 1997.

    >>> normal_deviate([0.5, 0.0227501319]).round(3).tolist()
    [0.0, -2.0]
    """
    inverse = NormalDist().inv_cdf
    clipped = np.clip(np.asarray(rates, np.float64), EDGE, 1 - EDGE)
    return np.asarray([inverse(float(rate)) for rate in clipped.ravel()]).reshape(clipped.shape)
