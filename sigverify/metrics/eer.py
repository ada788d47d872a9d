"""Equal error rate: the error where FMR and FNMR are the same."""

import numpy as np
import numpy.typing as npt

from sigverify.arrays import FloatArray
from sigverify.metrics.curve import error_curve


def eer(genuine: npt.ArrayLike, impostor: npt.ArrayLike) -> float:
    """Return the equal error rate, 0 to 1, with one threshold for all trials.

    Interpolation: straight lines between neighboring points of the error curve. Without ties these lines are
    the steps of the empirical curve itself, so no averaging flatters the figure. It is never below the EER of
    the ROC convex hull, which some authors give.
    Source: ISO/IEC 19795-1:2021 (definition; it leaves the interpolation open).

    Raises:
        ConfigError: a side is empty, or a score is not finite.
        MissingExtra: scikit-learn is not installed.

    >>> eer([0.9, 0.8, 0.7, 0.3], [0.4, 0.2, 0.1, 0.0])
    0.25
    >>> eer([0.5], [0.5])
    0.5
    """
    curve = error_curve(genuine, impostor)
    return float(crossing(curve.fmr, curve.fnmr))


def crossing(fmr: FloatArray, fnmr: FloatArray) -> FloatArray:
    """Find where rising `fmr` and falling `fnmr`, both `(…, n)`, meet: `(…,)`.

    The first `fmr` must be below or at the first `fnmr`, the last at or above the last.
    """
    gap = fnmr - fmr
    after = np.maximum(np.argmax(gap <= 0, axis=-1), 1)[..., np.newaxis]
    left, right = (np.take_along_axis(gap, index, -1)[..., 0] for index in (after - 1, after))
    low, high = (np.take_along_axis(fmr, index, -1)[..., 0] for index in (after - 1, after))
    fall = left - right
    share = np.divide(left, fall, out=np.zeros_like(left), where=fall > 0)
    return np.asarray(low + share * (high - low))
