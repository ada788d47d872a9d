"""From distances to one calibrated score in 0..1.

What tells a forgery is not how far a probe lies from the references, but how far it lies compared with how
far they lie from each other. So the distance of a relative cue is divided by how far that one reference lies
from the others, and its evidence is three logarithms: the least and the mean of these ratios, and the spread
of all references. A logistic regression weighs the evidence of all cues. Its output is the probability that
the probe is genuine where genuine and impostor are equally frequent. One row of weights per number of
references, since the spread of two says less than that of ten.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property, lru_cache
from itertools import pairwise
from numbers import Real
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from sigverify.arrays import BoolArray, FloatArray, IndexArray
from sigverify.errors import ConfigError, MalformedModel, one_line
from sigverify.matching.cue import Cue
from sigverify.matching.cues import SERIES
from sigverify.matching.strangers import MOST_ODDS, NormalFit, Strangers

MAX_REFERENCES: Final = 12
"""Most references a template holds."""

LARGEST_WEIGHT: Final = 1e6
"""Of a weight or bias. Fitted ones are below 100; the sum of a row's evidence so weighed is always finite."""
LOWEST_RATE: Final = 1e-12
"""Of a false-match rate in a table: far below what any number of trials shows."""
MOST_RATES: Final = 32
"""In a table; the converter writes six. `SVI_MAX_TABLE` in C."""

_REDUCED: Final = "reduced"
"""Where a manifest has the rows of reduced comparisons, beside those of each number of references."""

FLOOR: Final = 0.02
"""Distances and spreads below this count as this: no logarithm of the 0 between a signature and itself."""


class Impostor(StrEnum):
    """Who is kept out at the false-match rate asked for."""

    SKILLED = "skilled"
    """Somebody who has practiced this signature."""
    RANDOM = "random"
    """Somebody who signs with another name."""


@dataclass(frozen=True, kw_only=True)
class ScoreRow:
    """Weights and thresholds for one number of references.

    Attributes:
        weights: one for each column of `evidence`.
        bias: added to the weighted evidence; the sum is the log odds.
        thresholds: impostor -> ((fmr, threshold), …), fmr falling, threshold rising, all between 0 and 1.

    Raises:
        ConfigError: a number is not finite or out of range, or a table is empty or not in order.
    """

    weights: tuple[float, ...]
    bias: float
    thresholds: Mapping[Impostor, tuple[tuple[float, float], ...]]

    def __post_init__(self) -> None:
        """Check every number: a NaN or an infinite weight would make scores that no threshold holds."""
        if not all(abs(each) <= LARGEST_WEIGHT for each in (*self.weights, self.bias)):  # not of a NaN
            raise ConfigError("a weight out of range", expected=f"at most {LARGEST_WEIGHT:g} either way")
        for impostor, table in self.thresholds.items():
            _check_table(impostor, table)

    def odds(self, evidence: FloatArray) -> FloatArray:
        """Return the log odds of genuine to impostor for evidence `(…, f)`: `(…,)`."""
        return np.asarray(evidence @ self._weights + self.bias)

    @cached_property
    def _weights(self) -> FloatArray:
        return np.array(self.weights)

    def table(self, impostor: Impostor | str) -> tuple[tuple[float, float], ...]:
        """Return the rates and thresholds for one kind of impostor.

        Raises:
            ConfigError: no such kind, or the model was not calibrated for it.
        """
        if impostor not in self.thresholds:
            is_known = impostor in [*Impostor]
            raise ConfigError(
                f"this model has no thresholds for {impostor} impostors" if is_known else "unknown impostor",
                expected=" or ".join(self.thresholds),
                received=str(impostor)[:40],
                hint="Use a model that was calibrated on several writers" if is_known else "",
            )
        return self.thresholds[Impostor(impostor)]

    def raised(self, strangers: NormalFit) -> "ScoreRow":
        """Return the row of one person: where strangers come near, thresholds for these are higher."""
        table = self.thresholds.get(Impostor.RANDOM, ())
        own = tuple((fmr, max(threshold, strangers.score(fmr))) for fmr, threshold in table)
        return replace(self, thresholds={**self.thresholds, Impostor.RANDOM: own}) if own else self


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """A fitted scorer of certain cues.

    Attributes:
        cues: whose distances are scored, in the order of their columns.
        rows: number of references -> `ScoreRow`; a number not fitted takes the next lower row.
        reduced: the same for comparisons without a channel that a device lacked, see `comparison`; where
            empty, `rows` serve.
        calibrated: whether the rows were fitted; otherwise a manifest holds none.

    Raises:
        ConfigError: no rows, one for an impossible number of references, or one that has not a weight for
            every column of evidence.
    """

    cues: tuple[Cue, ...]
    rows: Mapping[int, ScoreRow]
    reduced: Mapping[int, ScoreRow] = field(default_factory=dict)
    calibrated: bool = True

    def __post_init__(self) -> None:
        """Check the rows."""
        if not self.rows:
            raise ConfigError(
                "scoring without rows", expected="weights for at least one number of references"
            )
        size = evidence_size(self.cues)
        for count, row in (*self.rows.items(), *self.reduced.items()):
            if not 1 <= count <= MAX_REFERENCES:
                raise ConfigError(
                    "scoring for an impossible number of references",
                    expected=f"1 to {MAX_REFERENCES}",
                    received=str(count)[:40],
                )
            if len(row.weights) != size:
                raise ConfigError(
                    f"scoring for {count} references has {len(row.weights)} weights", expected=str(size)
                )

    @classmethod
    def default(cls, cues: Sequence[Cue]) -> Self:
        """Score by the hand-made functions alone, uncalibrated.

        The weights are rounded from fits on real corpora of pen strokes; the thresholds are mere steps.

        Raises:
            ConfigError: the cue "series" is not among them.
        """
        if SERIES not in cues:
            names = ", ".join(cue.name for cue in cues)
            raise ConfigError("no default scoring", expected=f"the cue {SERIES.name}", received=names)
        first = evidence_size(cues[: cues.index(SERIES)])
        alone, several = np.zeros(evidence_size(cues)), np.zeros(evidence_size(cues))
        alone[first] = -8.0
        several[first : first + 3] = [-7.0, -13.0, -6.0]
        thresholds = dict.fromkeys(Impostor, ((0.1, 0.5), (0.01, 0.9), (0.001, 0.99)))
        return cls(
            cues=tuple(cues),
            rows={
                1: ScoreRow(weights=tuple(alone.tolist()), bias=8.8, thresholds=thresholds),
                2: ScoreRow(weights=tuple(several.tolist()), bias=8.0, thresholds=thresholds),
            },
            calibrated=False,
        )

    def row(self, references: int, *, reduced: bool = False, strangers: Strangers | None = None) -> ScoreRow:
        """Return the row for that many references, and for what was compared of them.

        With `strangers` it is that of one person; else the thresholds are those of all people.
        """
        rows = self.reduced if reduced and self.reduced else self.rows
        fitted = [count for count in rows if count <= references]
        row = rows[max(fitted) if fitted else min(rows)]
        return row if strangers is None else row.raised(strangers.fit(reduced=reduced))

    def odds(self, distances: npt.ArrayLike, spread: npt.ArrayLike, *, reduced: bool = False) -> FloatArray:
        """Return log odds, within ±`MOST_ODDS`, of what `score` takes: `(…,)`."""
        row = self.row(np.shape(spread)[0], reduced=reduced)
        odds = row.odds(evidence(distances, spread, self.cues))
        return np.asarray(np.minimum(np.maximum(odds, -MOST_ODDS), MOST_ODDS))

    def score(self, distances: npt.ArrayLike, spread: npt.ArrayLike, *, reduced: bool = False) -> FloatArray:
        """Score `(…, r, k)` distances to `r` references that lie `(r, r, k)` apart: `(…,)` in 0..1.

        A NaN among them gives NaN, which reaches no threshold. C refuses it.
        """
        return np.asarray(1 / (1 + np.exp(-self.odds(distances, spread, reduced=reduced))))

    def threshold(
        self,
        fmr: float,
        *,
        impostor: Impostor | str = Impostor.SKILLED,
        references: int = 5,
        reduced: bool = False,
        strangers: Strangers | None = None,
    ) -> float:
        """Look up the threshold for a false-match rate, linear in log FMR between those fitted.

        With `strangers` it is that of one person, which is never lower.

        Raises:
            ConfigError: an unknown impostor, or an impostor or rate that the model was not calibrated for.
        """
        table = self.row(references, reduced=reduced, strangers=strangers).table(impostor)
        highest, lowest = table[0][0], table[-1][0]
        if not (_is_real(fmr) and lowest <= fmr <= highest):
            raise ConfigError(
                "false-match rate outside the model's calibration",
                expected=f"{lowest:g} to {highest:g}",
                received=str(fmr)[:40],
            )
        for (above, low), (below, high) in pairwise(table):
            if below <= fmr <= above:
                share = math.log(above / fmr) / math.log(above / below)
                return low + share * (high - low)
        return table[0][1]

    def to_dict(self) -> dict[str, Any]:
        """Return what goes into the manifest: plain JSON types; nothing where nothing was fitted."""
        if not self.calibrated:
            return {}
        reduced = {_REDUCED: _to_dict(self.reduced)} if self.reduced else {}
        return _to_dict(self.rows) | reduced

    @classmethod
    def from_dict(cls, cues: Sequence[Cue], raw: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote; nothing at all is `default`.

        Raises:
            MalformedModel: the mapping is not of that form.
        """
        try:
            if not raw:
                return cls.default(cues)
            rows = {name: row for name, row in raw.items() if name != _REDUCED}
            reduced = _rows(raw[_REDUCED]) if _REDUCED in raw else {}
            return cls(cues=tuple(cues), rows=_rows(rows), reduced=reduced)
        except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as error:
            raise MalformedModel(
                "the scoring of the model is malformed", received=one_line(error)[:200]
            ) from error


def evidence_size(cues: Sequence[Cue]) -> int:
    """Count the columns of `evidence`."""
    return sum(cue.columns for cue in cues)


def learned_columns(cues: Sequence[Cue]) -> BoolArray:
    """Mark the columns of `evidence` that come from the network, `(f,)`."""
    return np.repeat([cue.learned for cue in cues], [cue.columns for cue in cues])


def evidence(distances: npt.ArrayLike, spread: npt.ArrayLike, cues: Sequence[Cue]) -> FloatArray:
    """Sum up distances `(…, r, k)` and the references' spread `(r, r, k)`: `(…, f)`, cue by cue.

    With d_i the distance to reference i and s_i the mean distance of reference i to the others,

    - a relative cue gives min log(d_i / s_i), mean log(d_i / s_i) and mean log s_i; one reference has no
      spread: s is 1 there. A cue that the model lacks is the same for every probe;
    - any other gives mean d_i, and a signed one |mean d_i| as well.
    """
    to_references = np.asarray(distances, np.float64)
    # How far each reference lies from the others, as logarithm: (r, k).
    level = _log_level(np.asarray(spread, np.float64))
    # Computed for all cues at once, and used of some: a loop over cues would take longer.
    ratios = np.log(np.maximum(to_references, FLOOR)) - level
    mean = to_references.sum(axis=-2) / to_references.shape[-2]
    found = np.empty((*mean.shape[:-1], 5, mean.shape[-1]))
    ratios.min(axis=-2, out=found[..., 0, :])
    found[..., 1, :] = ratios.sum(axis=-2) / ratios.shape[-2]
    found[..., 2, :] = level.sum(axis=0) / len(level)
    found[..., 3, :] = mean
    np.abs(mean, out=found[..., 4, :])
    return found.reshape(*mean.shape[:-1], -1).take(_places(tuple(cues)), axis=-1)


@lru_cache(maxsize=16)
def _places(cues: tuple[Cue, ...]) -> IndexArray:
    """Of each column of `evidence`, where it stands among the five sums of all cues, one after the other."""
    kinds = [
        (kind, k)
        for k, cue in enumerate(cues)
        for kind in ((0, 1, 2) if cue.relative else (3, 4)[: cue.columns])
    ]
    return np.array([kind * len(cues) + k for kind, k in kinds], np.intp)


def _log_level(spread: FloatArray) -> FloatArray:
    """Mean distance of each reference to the others, as logarithm: `(r, k)`; 0 for one alone."""
    count = len(spread)
    if count == 1:
        return np.zeros((1, spread.shape[-1]))
    return np.asarray(np.log(np.maximum(spread.sum(axis=1) / (count - 1), FLOOR)))


def _to_dict(rows: Mapping[int, ScoreRow]) -> dict[str, Any]:
    return {
        str(count): {
            "weights": list(row.weights),
            "bias": row.bias,
            "thresholds": {
                str(kind): [list(pair) for pair in table] for kind, table in row.thresholds.items()
            },
        }
        for count, row in sorted(rows.items())
    }


def _rows(raw: Mapping[str, Any]) -> dict[int, ScoreRow]:
    """Read rows by number of references, all with tables of the same impostors."""
    rows = {_count(count): _row(row) for count, row in raw.items()}
    if len({frozenset(row.thresholds) for row in rows.values()}) != 1:
        raise ValueError("no rows, or rows for different impostors")
    return rows


def _count(text: str) -> int:
    """Read a number of references as it is written: int() would take a sign, spaces and other digits too."""
    if text not in map(str, range(1, MAX_REFERENCES + 1)):
        raise ValueError(f"a row for other than 1 to {MAX_REFERENCES} references")
    return int(text)


def _row(raw: Mapping[str, Any]) -> ScoreRow:
    if set(raw) != {"weights", "bias", "thresholds"} or not raw["thresholds"]:
        raise ValueError("a row of other than weights, bias and thresholds")
    return ScoreRow(
        weights=tuple(map(_real, raw["weights"])),
        bias=_real(raw["bias"]),
        thresholds={
            Impostor(kind): tuple((_real(fmr), _real(threshold)) for fmr, threshold in table)
            for kind, table in raw["thresholds"].items()
        },
    )


def _real(value: object) -> float:
    """Return a number of a manifest, which writes each with a point or an exponent."""
    if not isinstance(value, float):
        raise TypeError(f"a {type(value).__name__} in place of a number with a point")
    return value


def _check_table(impostor: Impostor, table: Sequence[tuple[float, float]]) -> None:
    """Refuse rates and thresholds that no decision can be made by.

    Both lie strictly between 0 and 1, as their logarithms and log odds are interpolated; two equal rates
    would divide by 0; a threshold that falls would let more forgers in where fewer were asked for.
    """
    whole = 1 <= len(table) <= MOST_RATES and all(
        LOWEST_RATE <= fmr < 1 and 0 < threshold < 1 for fmr, threshold in table
    )
    if not (whole and all(above > fmr and low <= high for (above, low), (fmr, high) in pairwise(table))):
        raise ConfigError(
            f"an impossible table of thresholds for {impostor} impostors",
            expected=f"1 to {MOST_RATES} rates falling and thresholds rising, all between 0 and 1",
        )


def _is_real(value: object) -> bool:
    return isinstance(value, Real)  # by a call: mypy takes no float for a Real
