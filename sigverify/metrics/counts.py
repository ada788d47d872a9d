"""Errors of each writer at thresholds shared by all: what bootstrap and per-writer rates are made of."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sigverify.arrays import FloatArray, IndexArray
from sigverify.metrics.trials import checked_scores


def error_counts(
    genuine: Sequence[npt.ArrayLike], impostor: Sequence[npt.ArrayLike]
) -> tuple[IndexArray, IndexArray]:
    """Count false matches and false non-matches of `w` writers at `n` falling thresholds: two of `(w, n)`.

    The first threshold accepts nothing, the last everything. At a threshold left out no error curve turns,
    neither that of one writer nor that of any mix of writers.

    Args:
        genuine: `(n_i,)` scores of each writer; some may be empty.
        impostor: `(m_i,)` scores of each writer; some may be empty.

    Raises:
        ConfigError: no trials at all on a side, or a score is not finite.

    >>> false_matches, false_non_matches = error_counts([[0.9, 0.4]], [[0.6, 0.1]])
    >>> false_matches.tolist(), false_non_matches.tolist()
    ([[0, 0, 1, 1, 2]], [[2, 1, 1, 0, 0]])
    """
    accept = [np.sort(np.asarray(scores, np.float64)) for scores in genuine]
    reject = [np.sort(np.asarray(scores, np.float64)) for scores in impostor]
    thresholds = _corners(
        checked_scores("genuine", np.concatenate([[], *accept])),
        checked_scores("impostor", np.concatenate([[], *reject])),
    )
    above = np.stack([len(each) - np.searchsorted(each, thresholds) for each in reject])
    below = np.stack([np.searchsorted(each, thresholds) for each in accept])
    return above, below


def as_rates(errors: npt.ArrayLike) -> FloatArray:
    """Divide counts `(…, n)` by all trials, which is how many err at one end; 0 where there are none.

    >>> as_rates([[0, 1, 4], [0, 0, 0]]).tolist()
    [[0.0, 0.25, 1.0], [0.0, 0.0, 0.0]]
    """
    found = np.asarray(errors, np.float64)
    return np.asarray(found / np.maximum(found.max(axis=-1, keepdims=True), 1))


def _corners(genuine: FloatArray, impostor: FloatArray) -> FloatArray:
    """Falling thresholds at which an error curve may turn.

    Within a run of impostor scores with no genuine score between them FNMR stays the same for everybody, so
    that of each run its lowest score is enough. That is a tenth of all where random trials abound.
    """
    distinct = np.unique(np.concatenate([genuine, impostor]))[::-1]
    turns = np.isin(distinct, genuine)
    turns[:-1] |= turns[1:]
    turns[-1] = True
    return np.concatenate([[np.nextafter(distinct[0], np.inf)], distinct[turns]])
