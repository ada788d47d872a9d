"""`Comparison`: a probe against somebody's references, by what both sides have.

Some channels of the series need a sensor that not every device has, such as pressure; without it they are 0
throughout. Where one side lacks one, both are compared without it, and the references' own spread is measured
without it too. Only channels that the modality calls optional are left out: otherwise whoever draws what
makes all channels vanish would be compared by nothing, and be alike to everybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from sigverify.arrays import BoolArray, Float32Array, Int8Array
from sigverify.matching.cue import Cue
from sigverify.matching.distances import distances, spread
from sigverify.matching.embedding import Embedding, References
from sigverify.matching.pairing import PLAIN, Engine

Embedded = TypeVar("Embedded", Embedding, References)


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """What is known of a probe and `r` references.

    Attributes:
        distances: `(r, k)` float32, from the probe to each reference.
        spread: `(r, r, k)` float32, between the references.
        lacking: `(c,)` bool, optional channels of the series that were not compared.
    """

    distances: Float32Array
    spread: Float32Array
    lacking: BoolArray

    @property
    def reduced(self) -> bool:
        """Whether something was not compared."""
        return bool(self.lacking.any())


def compare(
    probe: Embedding,
    references: References,
    known: Float32Array,
    cues: Sequence[Cue],
    optional: BoolArray,
    *,
    engine: Engine = PLAIN,
) -> Comparison:
    """Compare a probe with references whose spread `(r, r, k)` is known.

    `optional` `(c,)` marks channels that may be left out.

    Raises:
        InvalidSignature: they are of different models.
    """
    there, here = (_optional(each.series, optional) for each in (references, probe))
    lacking = optional & ~(there.all(axis=0) & here)
    if lacking.any():
        if (there & lacking).any():
            # Some reference has what is not compared: its spread was measured with it, and is measured anew.
            references = without(references, lacking)
            known = spread(references, cues, engine=engine)
        probe = without(probe, lacking)
    return Comparison(
        distances=distances(probe, references, cues, engine=engine),
        spread=known,
        lacking=lacking,
    )


def compare_each(
    probe: Embedding,
    enrolled: Sequence[tuple[References, Float32Array]],
    cues: Sequence[Cue],
    optional: BoolArray,
    *,
    engine: Engine = PLAIN,
) -> list[Comparison]:
    """Compare a probe with several people's references and spreads, as `compare` does with one's.

    Where nobody lacks anything, which is the rule, all are matched in one go.
    """
    if not enrolled:
        return []
    joined = References.join([references for references, _ in enrolled])
    lacking = optional & ~(present(joined.series).all(axis=0) & present(probe.series))
    if lacking.any():
        return [
            compare(probe, references, known, cues, optional, engine=engine) for references, known in enrolled
        ]
    ends = np.cumsum([len(references) for references, _ in enrolled])
    parts = np.split(distances(probe, joined, cues, engine=engine), ends[:-1])
    return [
        Comparison(distances=part, spread=known, lacking=lacking)
        for part, (_, known) in zip(parts, enrolled, strict=True)
    ]


def _optional(series: Int8Array, optional: BoolArray) -> BoolArray:
    """Say which of the optional channels `(c,)` of `(…, t, c)` are there: `(…, c)`."""
    there = np.zeros((*series.shape[:-2], len(optional)), np.bool_)
    for channel in np.flatnonzero(optional).tolist():  # one of many: to look at all takes ten times as long
        there[..., channel] = series[..., channel].any(axis=-1)
    return there


def present(series: Int8Array) -> BoolArray:
    """Say which channels of `(…, t, c)` are there: `(…, c)`."""
    return np.asarray(series.any(axis=-2))


def channels(references: References, optional: BoolArray) -> BoolArray:
    """Say which references have all of the optional channels `(c,)`: `(r,)`."""
    return np.asarray((_optional(references.series, optional) | ~optional).all(axis=-1))


def lacked(references: References, optional: BoolArray) -> BoolArray:
    """Say which of the optional channels `(c,)` some reference lacks: `(c,)`."""
    return np.asarray(optional & ~_optional(references.series, optional).all(axis=0))


def common(references: References, optional: BoolArray) -> References:
    """Return references without the optional channels `(c,)` that one of them lacks."""
    return without(references, lacked(references, optional))


def without(embedded: Embedded, lacking: BoolArray) -> Embedded:
    """Return an embedding, or references, whose series lacks those channels `(c,)`."""
    if not _optional(embedded.series, lacking).any():
        return embedded
    series = embedded.series.copy()
    series[..., lacking] = 0
    return replace(embedded, series=series)
