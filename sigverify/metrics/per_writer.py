"""EER with a threshold of each writer's own, known only afterwards (a posteriori)."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from sigverify.errors import ConfigError
from sigverify.metrics.counts import as_rates, error_counts
from sigverify.metrics.eer import crossing

Trials = tuple[npt.ArrayLike, npt.ArrayLike]
"""Genuine and impostor scores of one writer."""


def writer_eers(trials: Mapping[str, Trials]) -> dict[str, float]:
    """Return each writer's own EER, interpolated as `metrics.eer` does.

    A writer without genuine or without impostor trials has none.

    Raises:
        ConfigError: a score is not finite.

    >>> writer_eers({"a": ([0.9, 0.8], [0.7]), "b": ([0.2], [0.3]), "c": ([0.5], [])})
    {'a': 0.0, 'b': 1.0}
    """
    both = {name: pair for name, pair in trials.items() if np.size(pair[0]) and np.size(pair[1])}
    if not both:
        return {}
    genuine, impostor = zip(*both.values(), strict=True)
    above, below = error_counts(genuine, impostor)
    each = crossing(as_rates(above), as_rates(below))
    return {name: float(error) for name, error in zip(both, each, strict=True)}


def mean_eer_per_writer(trials: Mapping[str, Trials]) -> float:
    """Average the writers' own EERs: what the best threshold for each writer would give, if one knew it.

    It is always the rosier figure; the global `eer` is what a device with one threshold delivers.

    Raises:
        ConfigError: no writer has both genuine and impostor trials, or a score is not finite.

    >>> mean_eer_per_writer({"a": ([0.9, 0.8], [0.7]), "b": ([0.3, 0.2], [0.1])})
    0.0
    """
    each = writer_eers(trials)
    if not each:
        raise ConfigError("no writer has both genuine and impostor trials")
    return float(np.mean(list(each.values())))
