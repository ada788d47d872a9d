"""`trace_points`: the text of an InkML trace to numbers.

Source: W3C, Ink Markup Language (InkML), Recommendation of 2011-09-20, section 3.1 (`<trace>`).

Points are parted by commas, values by white space or by whatever ends them: `3-5` is two values. A value may
be explicit (`!`), a difference (`'`) or a second difference (`"`), and stays so for its channel until another
mark. `*` goes on as before, `?` says nothing, `T` and `F` are booleans, `#FF` is hexadecimal.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.errors import FormatError
from sigverify.formats.table import shown

EXPLICIT: Final = "!"
FIRST: Final = "'"
MAX_DIGITS: Final = 64
_VALUE: Final = re.compile(
    r"""(?P<order>[!'"])?[ \t\r\n]*(?:
        (?P<sign>[-+])?[ \t\r\n]*
        (?P<number>\#[0-9A-Fa-f]+ | (?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)
      | (?P<word>[TF*?])
    )[ \t\r\n]*""",
    re.VERBOSE,
)


@dataclass
class _State:
    """One channel while its trace is read: what it is, how fast it changes, and what was last written."""

    value: float
    number: float
    velocity: float = 0.0
    order: str = EXPLICIT

    def take(self, token: re.Match[str]) -> float:
        """Go on as a value says."""
        if token["word"] == "?":
            return math.nan
        if token["word"] != "*":
            self.order = EXPLICIT if token["word"] else token["order"] or self.order
            self.number = _number(token)
        return self.step()

    def step(self) -> float:
        """Go on as the last value said, as `*` and what is left out at the end of a point do."""
        if self.order == EXPLICIT:
            self.velocity = 0.0 if math.isnan(self.value) else self.number - self.value
            self.value = self.number
        else:
            self.velocity = self.number if self.order == FIRST else self.velocity + self.number
            self.value += self.velocity
        if not math.isfinite(self.value):
            raise ValueError("a difference without a value before it, or a number beyond all bounds")
        return self.value


def trace_points(text: str, defaults: Sequence[float | None], where: str = "") -> FloatArray:
    r"""Return `(n, k)` float64, a column a channel; NaN where the trace says nothing.

    `defaults` has one entry a channel: None of regular ones, which every point has to have; of intermittent
    ones, which stand last and may be left out, what holds until they are given.

    Raises:
        FormatError: text that is no trace, a point of too few or too many values; names the point.

    >>> trace_points("10 20,'1'2,3-4,\"1\"1", [None, None]).tolist()
    [[10.0, 20.0], [11.0, 22.0], [14.0, 18.0], [18.0, 15.0]]
    """
    text = text.strip().removesuffix(",")
    if not text:
        return np.empty((0, len(defaults)))
    states = [_State(value, value) for value in (math.nan if each is None else each for each in defaults)]
    regular = sum(each is None for each in defaults)
    rows = []
    for number, point in enumerate(text.split(","), 1):
        try:
            rows.append(_point(point, states, regular))
        except (ValueError, OverflowError) as error:
            raise FormatError(f"{where}point {number}: {error}", received=shown(point.strip())) from None
    return np.array(rows)


def _point(text: str, states: list[_State], regular: int) -> list[float]:
    """Return the values of one point; the states go on.

    Raises:
        ValueError: what is wrong with it.
    """
    values: list[float] = []
    text = text.strip()
    place = 0
    while place < len(text):
        token = _VALUE.match(text, place)
        if token is None:
            raise ValueError("not a value")
        if len(values) == len(states):
            raise ValueError(f"more than {len(states)} values")
        place = token.end()
        values.append(states[len(values)].take(token))
    if len(values) < regular:
        raise ValueError(f"{len(values)} of {regular} values")
    return values + [state.step() for state in states[len(values) :]]


def _number(token: re.Match[str]) -> float:
    if word := token["word"]:
        return float(word == "T")
    text = token["number"]
    # Of so many digits none is a measurement, and turning them into a number takes its time.
    if len(text) > MAX_DIGITS:
        raise ValueError("a number of too many digits")
    number = float(int(text[1:], 16)) if text[0] == "#" else float(text)
    return -number if token["sign"] == "-" else number
