"""`Trials`: which signatures of a writer are compared with which, and what is tried of them.

A writer brings signatures in fixed slots: genuine ones, forgeries of them, and genuine ones of other people.
Each is compared with each of the genuine ones once. A trial is a set of references out of these and a probe
that is none of them, as on a device. There are all trials with so many references that another one is left.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Final

import numpy as np

from sigverify.arrays import Float32Array, FloatArray, IndexArray

GENUINE: Final = 4
SKILLED: Final = 4
STRANGERS: Final = 2
SLOTS: Final = GENUINE + SKILLED + STRANGERS
MOST_REFERENCES: Final = GENUINE - 1

_SHARES: Final = (0.5, 0.4, 0.1)
"""Weight of genuine trials, skilled and random forgeries, as where scores are fitted."""

_COLUMNS, _ROWS = np.meshgrid(np.arange(GENUINE), np.arange(SLOTS))
_KEPT = _ROWS > _COLUMNS
PROBES: Final[IndexArray] = _ROWS[_KEPT]
"""`(m,)` slot of the probe of each pair: of two genuine signatures the later one is the probe."""
REFERENCES: Final[IndexArray] = _COLUMNS[_KEPT]
"""`(m,)` slot of the reference of each pair."""


@dataclass(frozen=True)
class Trials:
    """The trials of one number of references; `n` trials of `r` references.

    Attributes:
        references: `r`.
    """

    references: int

    @cached_property
    def sets(self) -> IndexArray:
        """Slots of the references of each trial, `(n, r)`."""
        return np.array([chosen for chosen, _ in self._all], np.intp)

    @cached_property
    def probes(self) -> IndexArray:
        """Slot of the probe of each trial, `(n,)`."""
        return np.array([probe for _, probe in self._all], np.intp)

    @property
    def choices(self) -> int:
        """How many sets of references there are; the trials of each follow each other."""
        return len(list(combinations(range(GENUINE), self.references)))

    @cached_property
    def sign(self) -> Float32Array:
        """1 where the probe is genuine, -1 where not, `(n,)`."""
        return np.where(self.probes < GENUINE, np.float32(1), np.float32(-1))

    @cached_property
    def weights(self) -> FloatArray:
        """Of each trial; they sum to 1, and each kind has its share."""
        kinds = np.digitize(self.probes, (GENUINE, GENUINE + SKILLED))
        counts = np.bincount(kinds, minlength=3)
        return np.array(_SHARES)[kinds] / counts[kinds]

    @cached_property
    def _all(self) -> list[tuple[tuple[int, ...], int]]:
        return [
            (chosen, probe)
            for chosen in combinations(range(GENUINE), self.references)
            for probe in range(SLOTS)
            if probe not in chosen
        ]


TRIALS: Final = tuple(Trials(count) for count in range(1, MOST_REFERENCES + 1))
SIGN: Final[Float32Array] = np.concatenate([trials.sign for trials in TRIALS])
"""`Trials.sign` of all, those with one reference first, `(n,)`."""
WEIGHTS: Final[FloatArray] = np.concatenate([trials.weights for trials in TRIALS]) / len(TRIALS)
"""`Trials.weights` of all; each number of references weighs the same, and they sum to 1."""


def between(values: Float32Array, signs: Float32Array) -> Float32Array:
    """Put pairs `(writers, m, k)` where probe and reference meet: `(writers, SLOTS, GENUINE, k)`.

    The diagonal is 0. `signs` `(k,)`: what a cue is multiplied by where the two change places.
    """
    out = np.zeros((len(values), SLOTS, GENUINE, values.shape[-1]), np.float32)
    out[:, PROBES, REFERENCES] = values
    both = PROBES < GENUINE
    out[:, REFERENCES[both], PROBES[both]] = values[:, both] * signs
    return out


def pair_numbers() -> IndexArray:
    """Number of the pair in which two slots meet, `(SLOTS, GENUINE)`; 0 on the diagonal, to be ignored."""
    numbers = np.arange(len(PROBES), dtype=np.float32)[np.newaxis, :, np.newaxis]
    return between(numbers, np.ones(1, np.float32))[0, ..., 0].astype(np.intp)
