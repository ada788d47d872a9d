"""`unlike`: what sets a probe apart from the references, in words a person would use.

The series are aligned once more by what they tell of one aspect only, and the distance is taken relative to
how far the references lie from each other by the same measure, as `scoring` does with all of it. It is done
with every second frame, and each reference is compared with the next one only: a rejection should not take
three times as long as an acceptance, and the words come out the same.
"""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np

from sigverify.arrays import Float32Array, Int8Array
from sigverify.matching.aspect import Aspect, AspectMeasure
from sigverify.matching.elastic import NUMPY, Aligner
from sigverify.matching.embedding import SERIES_SCALE, Embedding, References

NOTABLE: Final = 2.0
"""From so many standard deviations on, an aspect is unlike: one genuine signature in twenty has that."""

_FLOOR: Final = 0.02
"""Distances and spreads below this count as this: no logarithm of 0."""


def unlike(
    probe: Embedding,
    references: References,
    aspects: Mapping[Aspect, AspectMeasure],
    aligner: Aligner = NUMPY,
) -> tuple[Aspect, ...]:
    """Name the aspects in which a probe is unlike, the worst first, at least one. Both before any renewal."""
    found = deviations(probe, references, aspects, aligner)
    excess = {aspect: value / aspects[aspect].usual for aspect, value in found.items()}
    ranked = sorted(excess, key=lambda aspect: -excess[aspect])
    return tuple(aspect for aspect in ranked if excess[aspect] >= NOTABLE) or tuple(ranked[:1])


def deviations(
    probe: Embedding,
    references: References,
    aspects: Mapping[Aspect, AspectMeasure],
    aligner: Aligner = NUMPY,
) -> dict[Aspect, float]:
    """Say how far the probe lies from the references, as log ratio to how far those lie apart, by aspect.

    An aspect of which one side tells nothing (pressure, on a device without) is left out.
    """
    found = {}
    # Every second frame, and an even number of them: only such series can be aligned.
    frames = probe.series.shape[0]
    kept = slice(0, frames // 4 * 4, 2) if frames >= 4 else slice(None)
    for aspect, measure in aspects.items():
        if not measure.columns:
            found[aspect] = _ratio(measure, *_extents(probe, references))
            continue
        own = np.ascontiguousarray(probe.series[kept, measure.columns])
        others = np.ascontiguousarray(references.series[:, kept, measure.columns])
        if own.any() and others.any():
            found[aspect] = _ratio(
                measure, aligner.distances(own, others) / np.float32(SERIES_SCALE), _between(others, aligner)
            )
    return found


def _extents(probe: Embedding, references: References) -> tuple[Float32Array, Float32Array]:
    """Absolute log ratios of extents: of the probe to each reference, and of neighboring references."""
    extents = np.log(references.extent)
    to_probe = np.abs(extents - np.log(np.float32(probe.extent)))
    return to_probe, np.abs(extents - np.roll(extents, 1))[: _pairs(len(extents))]


def _between(references: Int8Array, aligner: Aligner) -> Float32Array:
    """Distances of references `(r, t, c)` to the one before, the first to the last; `(0,)` for one alone."""
    count = _pairs(len(references))
    if not count:
        return np.zeros(0, np.float32)
    before = np.ascontiguousarray(np.roll(references, 1, axis=0)[:count])
    return aligner.distances(before, references[:count]) / np.float32(SERIES_SCALE)


def _pairs(references: int) -> int:
    """How many neighbors there are on a ring of so many."""
    return references if references > 2 else references - 1


def _ratio(measure: AspectMeasure, to_probe: Float32Array, between: Float32Array) -> float:
    spread = float(between.mean()) if len(between) else measure.spread
    return math.log(max(float(to_probe.mean()), _FLOOR) / max(spread, _FLOOR))
