"""Compare signatures: embeddings in, distances out.

An `Embedding` is all that is kept of a signature. `distances` compares one probe with all references at
once by four cues; `scoring` turns them into a score. All elastic arithmetic is on integers, so that every
platform and the C core reach the same number to the last bit.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from sigverify.arrays import Float32Array, Int8Array, Int16Array, Int32Array
from sigverify.errors import InvalidSignature
from sigverify.model_file import ALIGNABLE, can_be_aligned

CUES: Final = ("dynamics", "sequence", "vector", "duration")
"""Columns of `distances`: elastic distance of hand-made functions, elastic distance of learned local vectors,
Euclidean distance of global unit vectors, |log ratio| of durations."""

BAND: Final = 0.2
"""Half-width of the Sakoe-Chiba band as a share of the frames. Source: H. Sakoe, S. Chiba, 1978."""

DYNAMICS_SCALE: Final = 32
"""Hand-made functions are stored as int8 of value × 32: ±4 standard deviations in ±127."""

SEQUENCE_SCALE: Final = 127
"""Local vectors in [-1, 1] are stored as int8 of value × 127."""


Align = Callable[[Int8Array, Int8Array], Float32Array]
"""`elastic_distances`, or what computes the same in C."""

_FAR: Final = 1 << 28
"""A cell that no path reaches: above any path (8191 frames × 129 channels × 254), their sum in int32."""

_CACHED: Final = 1 << 17
"""Differences worked on at once: 256 kB of int16, for a small core's cache. 2¹⁶ to 2¹⁹ measure alike."""


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

    @classmethod
    def join(cls, several: Sequence[Self]) -> Self:
        """Put one or more sets of references of one model into one, in order."""
        columns = {each.name: [getattr(one, each.name) for one in several] for each in fields(cls)}
        return cls(**{name: np.concatenate(column) for name, column in columns.items()})

    def take(self, indices: npt.ArrayLike) -> Self:
        """Return the references of these numbers, in their order."""
        chosen = np.asarray(indices, np.intp)
        return type(self)(**{each.name: getattr(self, each.name)[chosen] for each in fields(self)})

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


def distances(
    probe: Embedding | References, references: References, *, align: Align | None = None
) -> Float32Array:
    """Compare a probe with `r` references: `(r, 4)` float32 in the order of `CUES`, 0 = alike.

    Given `r` probes, each is compared with the reference of its number. `align` computes elastic distances;
    None: `elastic_distances`.

    Raises:
        InvalidSignature: they are of different models.
    """
    elastic = align or elastic_distances
    for name in ("dynamics", "sequence", "vector"):
        check_shapes(getattr(probe, name), getattr(references, name))
    out = np.zeros((len(references), len(CUES)), np.float32)
    out[:, 0] = elastic(probe.dynamics, references.dynamics) / DYNAMICS_SCALE
    if references.sequence.shape[-1]:
        out[:, 1] = elastic(probe.sequence, references.sequence) / SEQUENCE_SCALE
    out[:, 2] = np.linalg.norm(references.vector - probe.vector, axis=1)
    out[:, 3] = np.abs(np.log(references.duration_ms / np.float32(probe.duration_ms)))
    return out


def spread(references: References, *, align: Align | None = None) -> Float32Array:
    """Compare references with each other: `(r, r, 4)` float32, symmetric, 0 on the diagonal."""
    out = np.zeros((len(references), len(references), len(CUES)), np.float32)
    rows, columns = np.tril_indices(len(references), -1)
    if len(rows):
        between = distances(references.take(rows), references.take(columns), align=align)
        out[rows, columns] = out[columns, rows] = between
    return out


def check_shapes(probe: npt.NDArray[Any], references: npt.NDArray[Any]) -> None:
    """Refuse to compare what has not one shape: one probe with all references, or as many.

    Raises:
        InvalidSignature: they have different ones.
    """
    if probe.shape not in (references.shape, references.shape[1:]):
        raise InvalidSignature(
            "embeddings of different models", expected=str(references.shape[1:]), received=str(probe.shape)
        )


def elastic_distances(probe: Int8Array, references: Int8Array) -> Float32Array:
    """Align a probe `(t, c)` with each of `(r, t, c)` by dynamic time warping: `(r,)` float32 per frame.

    Given `r` probes `(r, t, c)`, each is aligned with the reference of its number. City-block distance per
    frame, steps (1, 0), (0, 1), (1, 1), a band of `BAND` · t either side; for shapes that
    `can_be_aligned`.

    The table is filled diagonal by diagonal (i + j = s), since the cells of one depend on the two before and
    never on each other: no loop along it. It is filled from both corners at once, so that `t` diagonals are
    enough, and for all references at once: these 2 · r **lanes** lie side by side, one addition serves all.

    Source: H. Sakoe, S. Chiba, "Dynamic programming algorithm optimization for spoken word recognition",
    1978.

    Raises:
        InvalidSignature: a shape of which sums would overflow, or the two halves not meet on a diagonal.
    """
    count, frames, channels = references.shape
    if not can_be_aligned(frames, channels):
        raise InvalidSignature(
            "embeddings of this shape cannot be aligned",
            expected=ALIGNABLE,
            received=f"{frames} × {channels}",
        )
    band = max(1, int(BAND * frames))
    # The first half of the lanes runs forwards. A reference is met from its far end: as i grows, j falls.
    probes = _lanes(np.broadcast_to(probe, references.shape), band)
    others = _lanes(references[:, ::-1], band)
    middle, before, cost = _grow(_costs(probes, others, frames, band), 2 * count, band)
    # Both ends arrive on the middle diagonal, where a cell is counted twice, or step across it.
    meet = middle[:, 0] + middle[::-1, 1] - cost[:, 0]
    step = before[:, 0] + before[::-1, 1]
    total = np.minimum(meet.min(axis=0), step.min(axis=0))
    return np.asarray(total / frames, np.float32)


def _lanes(values: Int8Array, band: int) -> Int16Array:
    """Lay `(r, t, c)` out as `(c, t + 2 · band, 2 · r)`: as they are, then with time reversed; 0 around."""
    count, frames, channels = values.shape
    out = np.zeros((channels, frames + 2 * band, 2, count), np.int16)
    out[:, band : band + frames, 0] = values.transpose(2, 1, 0)
    out[:, band : band + frames, 1] = values[:, ::-1].transpose(2, 1, 0)
    return out.reshape(channels, frames + 2 * band, 2 * count)


def _costs(probes: Int16Array, others: Int16Array, frames: int, band: int) -> Iterator[Int32Array]:
    """Yield the cost of each cell, a few pairs of diagonals at a time: `(n, 2, (band + 1) · lanes)` int32.

    Diagonal s within the band is i = ⌈(s - band) / 2⌉ + k, j = ⌊(s + band) / 2⌋ - k for k = 0 … band: a run
    of frames of the probe over one of the reversed reference. From one diagonal to the next i and j advance
    in turn. Where s and the band are not both even or both odd, k = band is outside and to be ignored.
    """
    channels, _, lanes = probes.shape
    channel, frame, item = probes.strides
    shape = (channels, frames // 2, 2, (band + 1) * lanes)
    i_turn, j_turn = (0, -frame) if band % 2 else (frame, 0)
    i_run = as_strided(probes[:, band - band // 2 :], shape, (channel, frame, i_turn, item), writeable=False)
    j_first = band + frames - 1 - band // 2
    j_run = as_strided(others[:, j_first:], shape, (channel, -frame, j_turn, item), writeable=False)
    count = max(1, _CACHED // (channels * 2 * shape[-1]))
    difference = np.empty((channels, count, *shape[2:]), np.int16)
    total = np.empty(difference.shape[1:], np.int16)
    for start in range(0, shape[1], count):
        here = slice(start, start + count)
        size = len(i_run[0, here])
        some = difference[:, :size]
        np.subtract(i_run[:, here], j_run[:, here], out=some)
        np.abs(some, out=some)
        yield np.add.reduce(some, axis=0, out=total[:size]).astype(np.int32)


def _grow(costs: Iterable[Int32Array], lanes: int, band: int) -> tuple[Int32Array, Int32Array, Int32Array]:
    """Cheapest paths to the cells of the last diagonal and of the one before, and the last one's costs.

    Each is `(k, 2, r)` int32. The cells of a diagonal are entered from their two neighbors on the diagonal
    before, and from the same place two before, which they overwrite. A cell off the square is entered only
    from others off it, and those begin as `_FAR`; so they need no care.
    """
    wide = np.full((band + 1) * lanes, _FAR, np.int32)
    bordered = np.full((band + 2) * lanes, _FAR, np.int32)
    narrow = bordered[lanes:-lanes]
    of_narrow = (narrow, wide[:-lanes], wide[lanes:], np.empty_like(narrow))
    of_wide = (wide, bordered[:-lanes], bordered[lanes:], np.empty_like(wide))
    even, odd = (of_narrow, of_wide) if band % 2 else (of_wide, of_narrow)
    cells, left, right, entry = even
    cells_odd, left_odd, right_odd, entry_odd = odd
    cells.reshape(-1, lanes)[band // 2] = 0  # two diagonals before the corner, a step from it
    minimum, add = np.minimum, np.add
    for block in costs:
        for cost, cost_odd in zip(block[:, 0, : len(cells)], block[:, 1, : len(cells_odd)], strict=True):
            minimum(left, right, out=entry)
            minimum(cells, entry, out=cells)
            add(cells, cost, out=cells)
            minimum(left_odd, right_odd, out=entry_odd)
            minimum(cells_odd, entry_odd, out=cells_odd)
            add(cells_odd, cost_odd, out=cells_odd)
    shape = (-1, 2, lanes // 2)
    return cells_odd.reshape(shape), cells.reshape(shape), cost_odd.reshape(shape)


def _quantize(values: npt.NDArray[np.generic], scale: int) -> Int8Array:
    return np.clip(np.rint(np.asarray(values, np.float32) * scale), -127, 127).astype(np.int8)
