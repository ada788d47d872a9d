"""`Strangers`: how near strangers come to one person, and the threshold of their own that holds them off.

A threshold is one for all people, and a false-match rate their mean: of those whose references lie far apart
it lets far more strangers in ("lambs"). So a model may bring a cohort, signatures of invented people. At
enrollment they are compared with the references, and of their log odds mean and deviation are kept. The score
that the share asked for of strangers reaches, if log odds are normal, is the least threshold of that person.

Source: G. Doddington and others, "Sheep, Goats, Lambs and Wolves", ICSLP 1998; of the threshold:
R. Auckenthaler and others, "Score Normalization for Text-Independent Speaker Verification Systems", 2000.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.errors import ConfigError

MOST_ODDS: Final = 60.0
"""Log odds beyond count as this: e⁻⁶⁰ is far below any threshold, and no exponential overflows."""
_HIGHEST: Final = 30.0
"""Log odds of a raised threshold: of 37 and more the score would round to 1, which no table holds."""
_WIDEST: Final = 8.0
"""Deviations from the mean: less than 1e-15 of a normal distribution lies beyond."""
_HALVINGS: Final = 60


@dataclass(frozen=True, kw_only=True)
class NormalFit:
    """Log odds of strangers, taken as normal.

    Attributes:
        mean: within ±`MOST_ODDS`.
        deviation: 0 to `MOST_ODDS`.

    Raises:
        ConfigError: no such numbers, or NaN.
    """

    mean: float
    deviation: float

    def __post_init__(self) -> None:
        """Check both: a NaN, or a negative deviation, would lower a threshold."""
        if not (abs(self.mean) <= MOST_ODDS and 0 <= self.deviation <= MOST_ODDS):
            raise ConfigError(
                "log odds of strangers that cannot be",
                expected=f"a mean within ±{MOST_ODDS:g}, a deviation of 0 to {MOST_ODDS:g}",
                received=f"{self.mean}, {self.deviation}",
            )

    @classmethod
    def of(cls, odds: FloatArray) -> Self:
        """Fit log odds `(n,)`, rounded to float32, as a template holds them."""
        return cls(mean=float(np.float32(odds.mean())), deviation=float(np.float32(odds.std())))

    def score(self, share: float) -> float:
        """Return the score that this share of strangers reaches, above 0 and below 1."""
        odds = self.mean + deviate(share) * self.deviation
        return 1 / (1 + math.exp(-min(max(odds, -_HIGHEST), _HIGHEST)))

    def share(self, score: float) -> float:
        """Return the share of strangers that reach a score above 0 and below 1."""
        beyond = math.log(score / (1 - score)) - self.mean
        if self.deviation == 0:
            return float(beyond <= 0)
        return math.erfc(beyond / self.deviation / math.sqrt(2)) / 2


@dataclass(frozen=True, kw_only=True)
class Strangers:
    """How near strangers come to one person.

    Attributes:
        whole: compared by all that the references have.
        reduced: compared without what a device may lack, such as pressure; the same where they lack it too.
    """

    whole: NormalFit
    reduced: NormalFit

    def fit(self, *, reduced: bool) -> NormalFit:
        """Return the one of comparisons of that kind."""
        return self.reduced if reduced else self.whole


@lru_cache(maxsize=256)
def deviate(share: float) -> float:
    """Return how many deviations above the mean `share` of a normal distribution lies; 0 at a half.

    By halving, as in C: `statistics.NormalDist` gives the same, and takes 20 ms to be imported.

    >>> round(deviate(0.01), 6), abs(deviate(0.5)) < 1e-9
    (2.326348, True)
    """
    low, high = -_WIDEST, _WIDEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if math.erfc(middle / math.sqrt(2)) / 2 > share:
            low = middle
        else:
            high = middle
    return (low + high) / 2
