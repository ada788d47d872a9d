"""`Spread`: how a number varies over signatures or writers."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The least, the median and the most.

    Attributes:
        least, median, most: of all values; 0 where there are none.
    """

    least: float = 0.0
    median: float = 0.0
    most: float = 0.0

    @classmethod
    def of(cls, values: npt.ArrayLike) -> Self:
        """Take them of numbers.

        >>> Spread.of([3, 1, 2])
        Spread(least=1.0, median=2.0, most=3.0)
        """
        found = np.asarray(values, np.float64)
        if not found.size:
            return cls()
        return cls(least=float(found.min()), median=float(np.median(found)), most=float(found.max()))
