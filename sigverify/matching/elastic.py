"""Align two series of vectors elastically, in integers.

All arithmetic is on integers, so that every platform and the core in C reach the same number to the last bit.

Source: H. Sakoe, S. Chiba, "Dynamic programming algorithm optimization for spoken word recognition", 1978.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import as_strided

from sigverify.arrays import Float32Array, Int8Array, Int16Array, Int32Array
from sigverify.errors import InvalidSignature

Align = Callable[[Int8Array, Int8Array], Float32Array]
"""`elastic_distances`, or what computes the same in C."""

BAND: Final = 0.2
"""Half-width of the Sakoe-Chiba band as a share of the frames."""

MOST_STEPS: Final = 4096
"""The longest path has 2 · 4096 - 1 = 8191 cells of at most 129 · 254: their sum fits int32."""
MOST_DEPTH: Final = 129
"""A cell's cost is a sum over the channels of differences of at most 254: 129 · 254 fits int16."""
ALIGNABLE: Final = f"an even number of at most {MOST_STEPS} steps, at most {MOST_DEPTH} dimensions"
"""What `can_be_aligned` asks for, in words."""

_FAR: Final = 1 << 28
"""Cost of a cell that no path reaches: more than any path costs (8191 · 129 · 254), and the sum of two such
costs still fits int32."""

_CACHED: Final = 1 << 17
"""Differences worked on at once: 256 kB of int16, for a small core's cache. 2¹⁶ to 2¹⁹ measure alike."""


def can_be_aligned(steps: int, depth: int) -> bool:
    """Whether series of that shape can be aligned; see `ALIGNABLE`.

    The table is filled from both corners, which meet on a diagonal only where the steps are even.
    """
    return steps % 2 == 0 and steps <= MOST_STEPS and depth <= MOST_DEPTH


def elastic_distances(probe: Int8Array, references: Int8Array) -> Float32Array:
    """Align a probe `(t, c)` with each of `(r, t, c)` by dynamic time warping: `(r,)` float32 per frame.

    Given `r` probes `(r, t, c)`, each is aligned with the reference of its number. City-block distance per
    frame, steps (1, 0), (0, 1), (1, 1), a band of `BAND` · t either side; for shapes that
    `can_be_aligned`.

    The table is filled diagonal by diagonal (i + j = s), since the cells of one depend on the two before and
    never on each other: no loop along it. It is filled from both corners at once, so that `t` diagonals are
    enough, and for all references at once: these 2 · r **lanes** lie side by side, one addition serves all.

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
    # Two diagonals a row; on each, band + 1 cells of all lanes lie one after the other in memory.
    shape = (channels, frames // 2, 2, (band + 1) * lanes)
    # Of the two diagonals in a row, i advances to the second where the band is even, else j does.
    i_turn, j_turn = (0, -frame) if band % 2 else (frame, 0)
    # Views that overlap: a frame of a probe lies on up to band + 1 diagonals, and is not copied for each.
    i_run = as_strided(probes[:, band - band // 2 :], shape, (channel, frame, i_turn, item), writeable=False)
    j_first = band + frames - 1 - band // 2
    j_run = as_strided(others[:, j_first:], shape, (channel, -frame, j_turn, item), writeable=False)
    # As many rows at once as fit a cache, into buffers that are used again.
    rows = max(1, _CACHED // (channels * 2 * shape[-1]))
    buffer = np.empty((channels, rows, *shape[2:]), np.int16)
    total = np.empty(buffer.shape[1:], np.int16)
    for start in range(0, shape[1], rows):
        part = slice(start, start + rows)
        size = len(i_run[0, part])  # the last part may be shorter
        difference = buffer[:, :size]
        np.subtract(i_run[:, part], j_run[:, part], out=difference)
        np.abs(difference, out=difference)
        # The city-block distance: a sum over the channels, which fits int16 (`MOST_DEPTH`).
        yield np.add.reduce(difference, axis=0, out=total[:size]).astype(np.int32)


def _grow(costs: Iterable[Int32Array], lanes: int, band: int) -> tuple[Int32Array, Int32Array, Int32Array]:
    """Cheapest paths to the cells of the last diagonal and of the one before, and the last one's costs.

    Each is `(k, 2, r)` int32. The cells of a diagonal are entered from their two neighbors on the diagonal
    before, and from the same place two before, which they overwrite. A cell off the square is entered only
    from others off it, and those begin as `_FAR`; so they need no care.
    """
    # Diagonals of the same parity as the band have band + 1 cells, the others band: wide and narrow.
    wide = np.full((band + 1) * lanes, _FAR, np.int32)
    # A narrow diagonal has a cell that no path reaches on either side, so that a wide one may look there.
    bordered = np.full((band + 2) * lanes, _FAR, np.int32)
    narrow = bordered[lanes:-lanes]
    # Of each: its cells, their left and right neighbors on the diagonal before, and room for a minimum.
    of_narrow = (narrow, wide[:-lanes], wide[lanes:], np.empty_like(narrow))
    of_wide = (wide, bordered[:-lanes], bordered[lanes:], np.empty_like(wide))
    even, odd = (of_narrow, of_wide) if band % 2 else (of_wide, of_narrow)
    cells, left, right, entry = even
    cells_odd, left_odd, right_odd, entry_odd = odd
    # A path begins at the corner: as if it came from two diagonals before, at no cost.
    cells.reshape(-1, lanes)[band // 2] = 0
    minimum, add = np.minimum, np.add  # looked up once: the loop is all that costs here
    for block in costs:
        for cost, cost_odd in zip(block[:, 0, : len(cells)], block[:, 1, : len(cells_odd)], strict=True):
            # An even diagonal: the cheapest of three entries, and the cost of the cell itself.
            minimum(left, right, out=entry)
            minimum(cells, entry, out=cells)
            add(cells, cost, out=cells)
            # The odd one after it, in the same way.
            minimum(left_odd, right_odd, out=entry_odd)
            minimum(cells_odd, entry_odd, out=cells_odd)
            add(cells_odd, cost_odd, out=cells_odd)
    # Lanes that run forwards and backwards, side by side.
    shape = (-1, 2, lanes // 2)
    return cells_odd.reshape(shape), cells.reshape(shape), cost_odd.reshape(shape)
