"""`normalized_distance`: distances to the references, relative to how far these lie from each other."""

from typing import Final

import numpy as np

from sigverify.arrays import RealArray

_FLOOR: Final = 1e-9
"""References that are copies of each other have no spread; no division by it."""


def normalized_distance(distances: RealArray, spread: RealArray) -> RealArray:
    """Normalize distances `(p, r)` by the spread `(r, r)` of the references: `(p,)`.

    The result is min / √d_min + mean / √d_mean over a probe's distances, where d_min is the mean over the
    references of the distance to the nearest other one, and d_mean the mean of all distances between them.
    One reference has no spread: then the distance itself.

    Source: of distances relative to the references' own: A. Kholmatov, B. Yanikoglu, "Identity authentication
    using improved online signature verification method", 2005; the square roots are our own.

    >>> normalized_distance(np.array([[3.0, 5.0]]), np.array([[0.0, 4.0], [4.0, 0.0]]))
    array([3.5])
    """
    nearest, mean = distances.min(axis=-1), distances.mean(axis=-1)
    count = len(spread)
    if count == 1:
        return np.asarray(nearest)
    # A reference is at distance 0 from itself, which says nothing: leave the diagonal out.
    others = spread[~np.eye(count, dtype=bool)].reshape(count, count - 1)
    nearest_other, mean_other = others.min(axis=1).mean(), others.mean()
    return np.asarray(nearest / np.sqrt(max(nearest_other, _FLOOR)) + mean / np.sqrt(max(mean_other, _FLOOR)))
