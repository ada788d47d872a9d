"""Confidence intervals by drawing the writers anew.

Trials of one writer hang together, so it is writers that are drawn with replacement, each with all trials.
Source: ISO/IEC 19795-1:2021, annex on uncertainty; R. M. Bolle, N. K. Ratha, S. Pankanti, "Error analysis of
pattern recognition systems: the subsets bootstrap", 2004.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sigverify.arrays import BoolArray, FloatArray
from sigverify.errors import ConfigError
from sigverify.metrics.counts import as_rates, error_counts
from sigverify.metrics.eer import crossing
from sigverify.metrics.trials import checked_scores

LEVEL = 0.95
_SLACK = 1e-12


@dataclass(frozen=True)
class Interval:
    """A confidence interval, inclusive."""

    low: float
    high: float


def interval(values: npt.ArrayLike, level: float = LEVEL) -> Interval:
    """Return the percentile interval of bootstrap values `(b,)`.

    Raises:
        ConfigError: `level` is not between 0 and 1, no values, or one is not finite.

    >>> interval([0.0, 1.0, 2.0, 3.0, 4.0], level=0.5)
    Interval(low=1.0, high=3.0)
    """
    if not 0 < level < 1:
        raise ConfigError("confidence level out of range", expected="0 < level < 1", received=f"{level}")
    tail = (1 - level) / 2
    low, high = np.quantile(checked_scores("bootstrap", values), [tail, 1 - tail])
    return Interval(float(low), float(high))


class WriterBootstrap:
    """`replicates` ways to draw `writers` writers with replacement, the same for every metric and system.

    Since the draws depend on the counts and the seed alone, two systems tested on the same writers can be
    compared replicate by replicate (paired bootstrap).
    """

    def __init__(self, writers: int, *, replicates: int = 1000, seed: int = 0) -> None:
        """Draw the writers.

        Raises:
            ConfigError: fewer than one writer or replicate.
        """
        if writers < 1 or replicates < 1:
            raise ConfigError(
                "nothing to draw",
                expected="at least 1 writer and 1 replicate",
                received=f"{writers}, {replicates}",
            )
        drawn = np.random.default_rng(seed).integers(0, writers, (replicates, writers))
        rows = np.arange(replicates)[:, np.newaxis] * writers
        counts = np.bincount((drawn + rows).ravel(), minlength=replicates * writers)
        self.counts: FloatArray = counts.reshape(replicates, writers).astype(np.float64)
        """`(b, w)`: how often each replicate drew each writer; rows sum to `w`."""

    def mean(self, values: npt.ArrayLike) -> FloatArray:
        """Average one value a writer `(w,)`, NaN for a writer without: `(b,)`; NaN where none is left."""
        each = np.asarray(values, np.float64)
        there = np.isfinite(each)
        with np.errstate(invalid="ignore"):
            return np.asarray(self.counts @ np.where(there, each, 0) / (self.counts @ there))

    def curves(
        self, genuine: Sequence[npt.ArrayLike], impostor: Sequence[npt.ArrayLike]
    ) -> "BootstrapCurves":
        """Return the error curve of each replicate, one global threshold for all its writers.

        Args:
            genuine: `(n_i,)` scores of each of the `w` writers; some may be empty.
            impostor: `(m_i,)` scores of each of the `w` writers; some may be empty.

        Raises:
            ConfigError: another number of writers, no trials at all on a side, or a score is not finite.
        """
        writers = self.counts.shape[1]
        if not len(genuine) == len(impostor) == writers:
            raise ConfigError(
                "trials of other writers", expected=f"{writers}", received=f"{len(genuine)}, {len(impostor)}"
            )
        above, below = error_counts(genuine, impostor)
        # A replicate may draw only writers without trials of a kind: its rates of that kind are 0 throughout.
        return BootstrapCurves(fmr=as_rates(self.counts @ above), fnmr=as_rates(self.counts @ below))


@dataclass(frozen=True, eq=False)
class BootstrapCurves:
    """`metrics.ErrorCurve` for each replicate.

    Attributes:
        fmr: `(b, n)` rising from 0 to 1; 0 throughout where a replicate drew no impostors.
        fnmr: `(b, n)` falling from 1 to 0; 0 throughout where it drew no genuine trials.
    """

    fmr: FloatArray
    fnmr: FloatArray

    def eer(self) -> FloatArray:
        """Return the EER of each replicate, `(b,)`, interpolated as `metrics.eer` does.

        NaN for a replicate that drew no trials of a kind: it says nothing of errors, not even 0.
        """
        return np.where(self._has_both(), crossing(self.fmr, self.fnmr), np.nan)

    def fnmr_at_fmr(self, targets: npt.ArrayLike) -> FloatArray:
        """Return the FNMR of each replicate at FMRs of at most `targets` `(k,)`: `(b, k)`, or NaN."""
        wanted = np.asarray(targets, np.float64) + _SLACK
        index = np.stack([np.searchsorted(row, wanted, side="right") - 1 for row in self.fmr])
        found = np.take_along_axis(self.fnmr, index, axis=1)
        return np.where(self._has_both()[:, np.newaxis], found, np.nan)

    def _has_both(self) -> BoolArray:
        """Which replicates drew trials of both kinds: `(b,)`."""
        return np.asarray((self.fmr[:, -1] > 0) & (self.fnmr[:, 0] > 0))
