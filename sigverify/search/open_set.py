"""The threshold of a search that may find nobody: it rises with the number of people searched.

A stranger who is compared with n people has n chances to be taken for one of them. If each is a false match
with probability FMR, independently, the search names somebody with probability FPIR = 1 - (1 - FMR)ⁿ
(ISO/IEC 19795-1). Turned around, that gives the FMR to ask of every comparison. It soon lies below the rates
that a model was calibrated for; there the tail of the impostors' log odds is taken as exponential, as the
calibration itself does where it has few trials.
"""

import math
from itertools import pairwise

from sigverify.errors import ConfigError
from sigverify.matching.scoring import Impostor, ScoreRow


def open_set_threshold(row: ScoreRow, *, fpir: float, people: int) -> float:
    """Return the score that a stranger reaches with any of `people` at a rate of `fpir`.

    Args:
        row: scoring for the number of references of the person compared with.
        fpir: false-positive identification rate, above 0 and below 1.
        people: how many are searched, at least 1.

    Raises:
        ConfigError: `fpir` is out of range, or the model knows fewer than two rates of random impostors.
    """
    if not 0 < fpir < 1:
        raise ConfigError(
            "false-positive identification rate out of range",
            expected="above 0 and below 1",
            received=f"{fpir:g}",
        )
    table = row.table(Impostor.RANDOM)
    if len(table) < 2:
        raise ConfigError(
            "this model has a threshold for random impostors at one rate alone",
            expected="two rates at least",
            hint="Use a model that was calibrated on several writers",
        )
    fmr = -math.expm1(math.log1p(-fpir) / people)
    return 1 / (1 + math.exp(-_odds(_points(table), math.log(fmr))))


def _points(table: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    """Return log FMR, falling, and log odds of the threshold, rising."""
    return [(math.log(fmr), math.log(score / (1 - score))) for fmr, score in table]


def _odds(points: list[tuple[float, float]], rate: float) -> float:
    """Interpolate; below the lowest rate go on with the mean slope, above the highest stay there."""
    (highest, low), (lowest, high) = points[0], points[-1]
    if rate >= highest:
        return low
    if rate < lowest:
        # The slope of the whole table: the last steps are flatter, and fewer trials stand behind them.
        return high + (lowest - rate) * (high - low) / (highest - lowest)
    for (above, start), (below, end) in pairwise(points):
        if below <= rate:
            return start + (above - rate) / (above - below) * (end - start)
    return high
