"""Fusion: one score of a try that was captured in several ways, such as strokes and the picture of them.

A score by itself says nothing beside one of another model. So each becomes the false-match rate at which its
own thresholds would just accept it, and these rates are merged by e times their geometric mean. That rule is
valid however much the captures have in common: at most a share α of impostors gets a merged rate of α, and
how strokes and pictures go together need not be known. A merged rate lies above the least of the rates:
nobody is accepted whom no capture by itself would let in.

Source: V. Vovk, R. Wang, "Combining p-values via averaging", Biometrika, 2020, section 3.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

Thresholds = Sequence[tuple[float, float]]
"""(fmr, threshold), …, of `ScoreRow.thresholds`: fmr falling, threshold rising."""

ANYBODY: Final = 0.5
"""The rate that every capture has to stay below, however good the others are: no trials tell a rate of one in
a million, and a traced picture, which has it, would let any strokes in. Half of all impostors reach it."""

_SAFE: Final = 1e-15
"""Scores are kept so far from 0 and 1 where their log odds are taken."""


def merged_rate(rates: Sequence[float]) -> float:
    """Return the false-match rate that several rates of one try amount to, at most 1.

    >>> round(merged_rate([0.01, 0.01]), 4), merged_rate([0.02]), merged_rate([0.5, 0.9])
    (0.0272, 0.02, 1.0)
    """
    if len(rates) == 1:
        return rates[0]
    return min(1.0, math.e * math.exp(math.fsum(map(math.log, rates)) / len(rates)))


def rate_of(score: float, table: Thresholds) -> float:
    """Return the rate at which a table of thresholds would just accept a score from 0 to 1.

    Between the rates fitted it is linear in log FMR, as `Scoring.threshold` is. Below the lowest threshold it
    goes on to the one point that needs no trials: a threshold of 0 accepts everybody. Above the highest, the
    log odds of impostors are taken as exponential, as a search takes them; see `open_set`.
    """
    points = ((1.0, 0.0), *table)
    if score >= points[-1][1]:
        return _tail_rate(score, table)
    for (above, low), (below, high) in pairwise(points):
        if score < high:
            return float(above * (below / above) ** ((score - low) / (high - low)))
    return points[-1][0]


def score_at(rate: float, table: Thresholds) -> float:
    """Return the score that a table of thresholds would just accept at a rate: the way back of `rate_of`."""
    points = ((1.0, 0.0), *table)
    if rate < points[-1][0]:
        return _tail_score(rate, table)
    for (above, low), (below, high) in pairwise(points):
        if rate >= below:
            return float(low + math.log(above / rate) / math.log(above / below) * (high - low))
    return points[-1][1]


def fused_score(scores: Sequence[float], tables: Sequence[Thresholds], *, asked: float) -> float:
    """Merge scores of one try, and return the result as a score of the first model.

    It reaches that model's threshold for a rate where the merged rate does not exceed the rate.

    Args:
        scores: one of each capture, two or more.
        tables: of the models that gave them.
        asked: the rate to decide at.
    """
    least = least_rate(asked, len(scores))
    rates = [max(rate_of(score, table), least) for score, table in zip(scores, tables, strict=True)]
    return score_at(merged_rate(rates), tables[0])


def least_rate(asked: float, captures: int) -> float:
    """Return what a rate counts as at least: however good all but one are, the last has to be `ANYBODY`'s.

    >>> merged = merged_rate([least_rate(0.05, 2), ANYBODY])
    >>> round(merged, 6)
    0.05
    """
    return float(((asked / math.e) ** captures / ANYBODY) ** (1 / (captures - 1)))


def _tail_rate(score: float, table: Thresholds) -> float:
    """Go on below the lowest rate, exponentially in the log odds of the score."""
    slope, (lowest, highest) = _slope(table), table[-1]
    return lowest if slope <= 0 else float(lowest * math.exp((_odds(highest) - _odds(score)) / slope))


def _tail_score(rate: float, table: Thresholds) -> float:
    slope, (lowest, highest) = _slope(table), table[-1]
    return 1 / (1 + math.exp(-(_odds(highest) + slope * math.log(lowest / rate))))


def _slope(table: Thresholds) -> float:
    """Log odds of the threshold for each factor e of the rate, over the whole table; 0 of a single rate."""
    (first, low), (last, high) = table[0], table[-1]
    return (_odds(high) - _odds(low)) / math.log(first / last) if first > last else 0.0


def _odds(score: float) -> float:
    inside = min(max(score, _SAFE), 1 - _SAFE)
    return math.log(inside / (1 - inside))
