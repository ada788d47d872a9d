"""Which samples lie where the pen never was: a zero, a spike, or where the stroke before it ended.

A driver that has no position yet sends its last one, or none at all, which arrives as 0. The line then leads
there, and back: one such sample of a name is enough to make it another one. It is told by the writing itself:
no hand moves from one sample to the next so much farther than it does everywhere else.
"""

from typing import Final

import numpy as np

from sigverify.arrays import BoolArray, FloatArray

MOST: Final = 3
"""Samples in one place that are left out, at most: more of them were written."""
STEPS: Final = 4.0
"""A jump is longer than so many times all but a few steps of the ink …"""
SHARE: Final = 0.1
"""… and than this share of the diagonal of the writing …"""
SUDDEN: Final = 3.0
"""… and than so many times a step beside it. None of the 6845 signatures of four corpora has samples that all
three set apart."""
FEW_STEPS: Final = 0.05
"""Share of the steps that are "a few": those to a wrong place and back are among them."""
FEW_PLACES: Final = 0.02
"""Share of the ink at each side that is left out as its diagonal is measured: a wrong place is far out."""


def find_strays(x: FloatArray, y: FloatArray, ink: BoolArray) -> BoolArray:
    """Return which samples `(n,)` are in a wrong place; positions and ink `(n,)` as in `Signature`."""
    strays = np.zeros(len(x), np.bool_)
    steps = np.diff(x) ** 2 + np.diff(y) ** 2
    written = steps[ink[1:]]
    few = int(FEW_STEPS * len(written))
    usual = float(np.partition(written, -1 - few)[-1 - few])
    width, height = _spread(x[ink]), _spread(y[ink])
    diagonal = width * width + height * height
    long = ink[1:] & (steps > max(STEPS * STEPS * usual, SHARE * SHARE * diagonal))
    jumps = _sudden(steps, long, ink[1:-1] & ink[2:]) if long.any() else long
    if not jumps.any():
        return strays
    # Strokes, and parts of them between jumps; each hover sample counts as a stroke.
    stroke = np.cumsum(~ink)
    part = np.cumsum(np.concatenate([[True], ~ink[1:] | jumps])) - 1
    sizes = np.bincount(part)[part]
    largest = np.zeros(stroke[-1] + 1, np.int64)
    np.maximum.at(largest, stroke, sizes)
    strays = (sizes <= MOST) & (sizes < largest[stroke])
    # Within a wrong place the pen stays: what goes on in long steps was written.
    hurried = np.bincount(part[1:][long & ~jumps], minlength=part[-1] + 1) > 0
    strays &= ~hurried[part]
    left = ink & ~strays
    return strays if np.ptp(x[left]) or np.ptp(y[left]) else np.zeros_like(strays)


def _sudden(steps: FloatArray, long: BoolArray, together: BoolArray) -> BoolArray:
    """Return which of the long steps, squared `(n - 1,)`, come out of nothing: a hand hurries step by step.

    `together` `(n - 2,)`: whether a step and the next one are of one stroke.
    """
    shorter = SUDDEN * SUDDEN * steps
    before, after = np.zeros_like(long), np.zeros_like(long)
    before[1:] = together & (shorter[:-1] < steps[1:])
    after[:-1] = together & (shorter[1:] < steps[:-1])
    jumps = long & (before | after)
    # To the second sample of a stroke, or from the last but one, when that lies in a wrong place.
    first, last = np.ones_like(long), np.ones_like(long)
    first[1:], last[:-1] = ~together, ~together
    beside = np.zeros_like(long)
    beside[:-1] |= first[:-1] & ~last[:-1] & jumps[1:]
    beside[1:] |= last[1:] & ~first[1:] & jumps[:-1]
    return np.asarray(jumps | (long & beside))


def _spread(values: FloatArray) -> float:
    """Return how far most of `(n,)` spread."""
    few = int(FEW_PLACES * len(values))
    ordered = np.partition(values, (few, len(values) - 1 - few))
    return float(ordered[-1 - few] - ordered[few])
