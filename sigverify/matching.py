"""Compare signatures: embeddings in, distances out.

An `Embedding` is all that is kept of a signature. `distances` compares one probe with all references at
once by four cues; `scoring` turns them into a score. All elastic arithmetic is on integers, so that every
platform and the C core reach the same number to the last bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from sigverify.errors import InvalidSignature

CUES: Final = ("dynamics", "sequence", "vector", "duration")
"""Columns of `distances`: elastic distance of hand-made functions, elastic distance of learned local vectors,
Euclidean distance of global unit vectors, |log ratio| of durations."""

BAND: Final = 0.2
"""Half-width of the Sakoe-Chiba band as a share of the frames. Source: H. Sakoe, S. Chiba, 1978."""

DYNAMICS_SCALE: Final = 32
"""Hand-made functions are stored as int8 of value × 32: ±4 standard deviations in ±127."""

SEQUENCE_SCALE: Final = 127
"""Local vectors in [-1, 1] are stored as int8 of value × 127."""

Int8Array = npt.NDArray[np.int8]
Int32Array = npt.NDArray[np.int32]
Float32Array = npt.NDArray[np.float32]

_BLOCKED: Final = 1 << 21
"""Cost of a cell outside the square: above any path inside (511 frames × 7 channels × 254 < 2²¹), and small
enough that sums of a whole row of them stay inside int32."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Embedding:
    """What is kept of one signature.

    Attributes:
        dynamics: `(t, c)` int8, hand-made functions of time × `DYNAMICS_SCALE`.
        sequence: `(t', d)` int8, learned local vectors × `SEQUENCE_SCALE`; `d` is 0 for an encoder without.
        vector: `(e,)` float32, global vector of length 1.
        duration_ms: time from first to last ink on the repaired time axis, above 0.
    """

    dynamics: Int8Array
    sequence: Int8Array
    vector: Float32Array
    duration_ms: float

    @classmethod
    def from_floats(
        cls,
        features: npt.ArrayLike,
        sequence: npt.ArrayLike | None,
        vector: npt.ArrayLike,
        duration_ms: float,
    ) -> Self:
        """Quantize: features `(t, c)` in ±4, sequence `(t', d)` in ±1 or None, unit vector `(e,)`."""
        local = np.zeros((1, 0)) if sequence is None else np.asarray(sequence)
        return cls(
            dynamics=_quantize(np.asarray(features), DYNAMICS_SCALE),
            sequence=_quantize(local, SEQUENCE_SCALE),
            vector=np.asarray(vector, np.float32),
            duration_ms=float(duration_ms),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class References:
    """The embeddings of `r` references, stacked for matching: the fields of `Embedding` with `r` in front."""

    dynamics: Int8Array
    sequence: Int8Array
    vector: Float32Array
    duration_ms: Float32Array

    @classmethod
    def stack(cls, embeddings: Sequence[Embedding]) -> Self:
        """Stack one or more embeddings of one model.

        Raises:
            InvalidSignature: none given, or of different shapes.
        """
        if not embeddings:
            raise InvalidSignature("no references", expected="at least one embedding")
        try:
            return cls(
                dynamics=np.stack([e.dynamics for e in embeddings]),
                sequence=np.stack([e.sequence for e in embeddings]),
                vector=np.stack([e.vector for e in embeddings]),
                duration_ms=np.array([e.duration_ms for e in embeddings], np.float32),
            )
        except ValueError as error:
            raise InvalidSignature("embeddings of different models", received=str(error)) from error

    def __len__(self) -> int:
        """Count the references."""
        return len(self.vector)

    def __getitem__(self, index: int) -> Embedding:
        """Return reference `index`."""
        return Embedding(
            dynamics=self.dynamics[index],
            sequence=self.sequence[index],
            vector=self.vector[index],
            duration_ms=float(self.duration_ms[index]),
        )


def distances(probe: Embedding, references: References) -> Float32Array:
    """Compare a probe with `r` references: `(r, 4)` float32 in the order of `CUES`, 0 = alike."""
    out = np.zeros((len(references), len(CUES)), np.float32)
    out[:, 0] = elastic_distances(probe.dynamics, references.dynamics) / DYNAMICS_SCALE
    if probe.sequence.shape[1]:
        out[:, 1] = elastic_distances(probe.sequence, references.sequence) / SEQUENCE_SCALE
    out[:, 2] = np.linalg.norm(references.vector - probe.vector, axis=1)
    out[:, 3] = np.abs(np.log(references.duration_ms / np.float32(probe.duration_ms)))
    return out


def spread(references: References) -> Float32Array:
    """Compare references with each other: `(r, r, 4)` float32, symmetric, 0 on the diagonal."""
    out = np.zeros((len(references), len(references), len(CUES)), np.float32)
    for row in range(1, len(references)):
        earlier = References(
            dynamics=references.dynamics[:row],
            sequence=references.sequence[:row],
            vector=references.vector[:row],
            duration_ms=references.duration_ms[:row],
        )
        out[row, :row] = out[:row, row] = distances(references[row], earlier)
    return out


def elastic_distances(probe: Int8Array, references: Int8Array) -> Float32Array:
    """Align a probe `(t, c)` with each of `(r, t, c)` by dynamic time warping: `(r,)` float32 per frame.

    City-block distance per frame, steps (1, 0), (0, 1), (1, 1), a band of `BAND` · t either side. The two
    halves of the path are grown from both ends at once and joined in the middle: half the Python steps.
    `t` must be even. Source: H. Sakoe, S. Chiba, "Dynamic programming algorithm optimization for spoken word
    recognition", 1978.
    """
    frames = len(probe)
    band = max(1, int(BAND * frames))
    cost = _band_costs(probe, references, band)
    half = frames // 2
    # Read from the far end a band runs backwards too: column w becomes 2 · band − w.
    both = np.concatenate([cost[:, :half], cost[:, : half - 1 : -1, ::-1]])
    grown = _grow(both, band)
    forward, backward = grown[: len(references)], grown[len(references) :, ::-1]
    stay = forward[:, 1:] + backward[:, :-1]
    step = forward + backward
    total = np.minimum(step.min(axis=1), stay.min(axis=1))
    return np.asarray(total / frames, np.float32)


def _band_costs(probe: Int8Array, references: Int8Array, band: int) -> Int32Array:
    """City-block distance of frame i to frames i − band … i + band: `(r, t, 2·band + 1)` int32."""
    count, frames, channels = references.shape
    padded = np.zeros((channels, count, frames + 2 * band), np.int16)
    padded[:, :, band : band + frames] = references.transpose(2, 0, 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * band + 1, axis=2)
    cost = np.zeros((count, frames, 2 * band + 1), np.int16)
    difference = np.empty_like(cost)
    for channel in range(channels):
        np.subtract(windows[channel], probe[:, channel, np.newaxis].astype(np.int16), out=difference)
        np.abs(difference, out=difference)
        cost += difference
    return cost + _outside(frames, band)


@lru_cache(maxsize=8)
def _outside(frames: int, band: int) -> Int32Array:
    """`(t, 2·band + 1)` int32: `_BLOCKED` where column i + w − band falls off the square, else 0."""
    column = np.arange(frames)[:, np.newaxis] + np.arange(2 * band + 1) - band
    return np.where((column < 0) | (column >= frames), _BLOCKED, 0).astype(np.int32)


def _grow(cost: Int32Array, band: int) -> Int32Array:
    """Cheapest path from the corner to each cell of the last row: `(r, w)` int32.

    Along a row, D[w] = c[w] + min(m[w], D[w−1]) with m the best way in from the row before. With S the
    running sum of c that is D[w] = S[w] + min over k ≤ w of (m[k] − S[k−1]): no Python loop along the row.
    """
    count, rows, width = cost.shape
    running = np.cumsum(cost, axis=2, dtype=np.int32)
    before = running - cost
    best = np.full((count, width + 1), _BLOCKED << 7, np.int32)
    best[:, band] = 0
    inner, entry = best[:, :width], np.empty((count, width), np.int32)
    for row in range(rows):
        np.minimum(inner, best[:, 1:], out=entry)
        np.subtract(entry, before[:, row], out=entry)
        np.minimum.accumulate(entry, axis=1, out=entry)
        np.add(entry, running[:, row], out=inner)
    return inner


def _quantize(values: npt.NDArray[np.generic], scale: int) -> Int8Array:
    return np.clip(np.rint(np.asarray(values, np.float32) * scale), -127, 127).astype(np.int8)
