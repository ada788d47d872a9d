"""Stamps in 16 bits: as t, counted from the first, or as dt, the steps between them."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from sigverify.arrays import FloatArray, IntArray
from sigverify.formats.iso19794_7.kinds import Kind, kind_of
from sigverify.formats.iso19794_7.scaling import LARGEST, SMALLEST, bits_of, scaling_of

_EXACT: Final = (1000.0, 2000.0, 4000.0, 5000.0, 10_000.0, 20_000.0, 40_000.0, 50_000.0, 64_000.0)
"""Counts a second, all of which a scaling says exactly; milliseconds where they do."""
_TOLERANCE: Final = 1e-6
"""Counts: what arithmetic in float64 leaves of whole ones."""
_WHOLE: Final = 2.0**53
"""Every float64 above is whole, and says nothing of the counts."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Stamps as a channel has them.

    Attributes:
        kind: t or dt.
        counts: `(n,)` int64.
        scaling: counts a second.
    """

    kind: Kind
    counts: IntArray
    scaling: float


def timing_of(time_ms: FloatArray, bits: int = 16, *, steps: bool = False) -> Timing:
    """Return stamps exactly where that can be done, else with the least loss.

    Arguments:
        time_ms: `(n,)` milliseconds from any origin, which is not kept.
        bits: of a value.
        steps: say them as dt whatever happens.
    """
    since = time_ms - time_ms.min()
    # Steps cannot say that time runs backwards; stamps can.
    forwards = bool((np.diff(since) >= 0).all())
    kinds = [kind_of("dt")] if steps else [kind_of("t")] + [kind_of("dt")] * forwards
    since = np.maximum.accumulate(since) if steps else since
    for scaling in _EXACT:
        counts = since * (scaling / 1000)
        if counts.max() < _WHOLE and (np.abs(counts - np.round(counts)) <= _TOLERANCE).all():
            for kind in kinds:
                values = _counts(counts, kind)
                if values.max() <= kind.limits(bits)[1]:
                    return Timing(kind=kind, counts=values, scaling=scaling)
    return _coarser(since, kinds, bits)


def _coarser(since: FloatArray, kinds: list[Kind], bits: int) -> Timing:
    """Fill the bits with the longest time, or step; in t, unless only steps are finer than a millisecond."""
    longest = {
        kind: float(since.max() if kind.name == "t" else np.diff(since).max(initial=0.0)) for kind in kinds
    }
    fits = {kind: _largest(kind.limits(bits)[1], most) for kind, most in longest.items()}
    kind = next((kind for kind in kinds if fits[kind] >= _EXACT[0]), max(kinds, key=lambda each: fits[each]))
    counts = _counts(since * (fits[kind] / 1000), kind)
    return Timing(kind=kind, counts=np.minimum(counts, kind.limits(bits)[1]), scaling=fits[kind])


def _largest(limit: int, longest_ms: float) -> float:
    """Return the largest scaling that can be said and keeps the longest time within the limit."""
    wanted = min(limit * 1000 / longest_ms, LARGEST) if longest_ms > 0 else LARGEST
    bits = bits_of(max(wanted, SMALLEST))
    return scaling_of(bits - 1) if scaling_of(bits) > wanted and bits else scaling_of(bits)


def _counts(counts: FloatArray, kind: Kind) -> IntArray:
    whole: IntArray = np.round(counts).astype(np.int64)
    # The first step leads from nowhere; rounding the stamps first lets no error add up.
    return np.diff(whole, prepend=whole[:1]) if kind.name == "dt" else whole
