"""`unlike`: what sets a probe apart from the references, in words a person would use.

The dynamics are aligned once more by what they tell of one aspect only, and the distance is taken relative to
how far the references lie from each other by the same measure, as `scoring` does with all of it. It is done
with every second frame, and each reference is compared with the next one only: a rejection should not take
three times as long as an acceptance, and the words come out the same.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from sigverify.arrays import Float32Array, Int8Array
from sigverify.decision import Aspect
from sigverify.matching.distances import DYNAMICS_SCALE, Align, Embedding, References, elastic_distances
from sigverify.modality.pen.features import CHANNEL_NAMES

CHANNELS: Final[Mapping[Aspect, tuple[int, ...]]] = MappingProxyType(
    {
        aspect: tuple(CHANNEL_NAMES.index(name) for name in names)
        for aspect, names in (
            (Aspect.SHAPE, ("cos", "sin")),
            (Aspect.SPEED, ("speed", "acceleration")),
            (Aspect.PRESSURE, ("pressure",)),
        )
    }
)
"""Which of the dynamics tell of which aspect; duration stands by itself."""

USUAL: Final[Mapping[Aspect, float]] = MappingProxyType(
    {
        Aspect.SHAPE: 0.18,
        Aspect.SPEED: 0.11,
        Aspect.PRESSURE: 0.22,
        Aspect.DURATION: 0.52,
    }
)
"""Standard deviation of each aspect's deviation of genuine signatures, whose mean is 0 within 0.02. Measured
on synthetic and SigComp 2009 writers; benchmarks/policy.py prints it for others."""

NOTABLE: Final = 2.0
"""From so many standard deviations on, an aspect is unlike: one genuine signature in twenty has that."""

_STRIDE: Final = 2
_FLOOR: Final = 0.02
"""Distances and spreads below this count as this."""
_TYPICAL_SPREAD: Final[Mapping[Aspect, float]] = MappingProxyType(
    {Aspect.SHAPE: 0.43, Aspect.SPEED: 0.6, Aspect.PRESSURE: 0.2, Aspect.DURATION: 0.07}
)
"""How far references usually lie apart: for one reference alone."""


def unlike(probe: Embedding, references: References, align: Align = elastic_distances) -> tuple[Aspect, ...]:
    """Name the aspects in which a probe is unlike, the worst first, at least one. Both before any renewal."""
    found = deviations(probe, references, align)
    excess = {aspect: value / USUAL[aspect] for aspect, value in found.items()}
    ranked = sorted(excess, key=lambda aspect: -excess[aspect])
    return tuple(aspect for aspect in ranked if excess[aspect] >= NOTABLE) or tuple(ranked[:1])


def deviations(
    probe: Embedding, references: References, align: Align = elastic_distances
) -> dict[Aspect, float]:
    """Say how far the probe lies from the references, as log ratio to how far those lie apart, by aspect.

    Pressure is left out where there is none.
    """
    found = {}
    for aspect, channels in CHANNELS.items():
        own, others = probe.dynamics[::_STRIDE, channels], references.dynamics[:, ::_STRIDE, channels]
        if aspect is Aspect.PRESSURE and not (own.any() and others.any()):
            continue
        found[aspect] = _ratio(aspect, _elastic(own, others, align), _between(others, align))
    lengths = np.log(references.duration_ms)
    apart = np.abs(lengths - np.roll(lengths, 1))[: _pairs(len(lengths))]
    to_probe = np.abs(lengths - np.log(np.float32(probe.duration_ms)))
    return found | {Aspect.DURATION: _ratio(Aspect.DURATION, to_probe, apart)}


def _elastic(probe: Int8Array, references: Int8Array, align: Align) -> Float32Array:
    contiguous = np.ascontiguousarray(probe), np.ascontiguousarray(references)
    return align(*contiguous) / np.float32(DYNAMICS_SCALE)


def _between(references: Int8Array, align: Align) -> Float32Array:
    """Distances of references `(r, t, c)` to the one before, the first to the last; `(0,)` for one alone."""
    count = _pairs(len(references))
    if not count:
        return np.zeros(0, np.float32)
    return _elastic(np.roll(references, 1, axis=0)[:count], references[:count], align)


def _pairs(references: int) -> int:
    """How many neighbors there are on a ring of so many."""
    return references if references > 2 else references - 1


def _ratio(aspect: Aspect, to_probe: Float32Array, between: Float32Array) -> float:
    apart = float(between.mean()) if len(between) else _TYPICAL_SPREAD[aspect]
    return math.log(max(float(to_probe.mean()), _FLOOR) / max(apart, _FLOOR))
