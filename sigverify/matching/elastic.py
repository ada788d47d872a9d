"""Align two series of vectors elastically, in integers.

All arithmetic is on integers: every platform and the core in C reach the same numbers to the last bit.

Source: H. Sakoe, S. Chiba, "Dynamic programming algorithm optimization for spoken word recognition", 1978.
"""

from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided

from sigverify.arrays import Float32Array, IndexArray, Int8Array, Int16Array, Int32Array
from sigverify.errors import InvalidSignature

Diagonal = TypeVar("Diagonal", int, IndexArray)

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
_LANES: Final = 32
"""References aligned at once: of 256 frames their table takes 4 MB."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Paths:
    """The cheapest paths of a probe through `r` references, `t` frames each.

    Of several that cost the same it is the one that lags furthest behind in the reference: at every frame of
    the probe it stands at the earliest frame of the reference that any of them has. So it does not depend on
    the order of the computation.

    Attributes:
        total: `(r,)` int32, cost of the whole path.
        first, last: `(r, t)` int16, from which to which frame of the reference each one of the probe is
            matched.
        cost: `(r, t)` int32, cost of the path's cells in each frame of the probe; their sum is `total`.
    """

    total: Int32Array
    first: Int16Array
    last: Int16Array
    cost: Int32Array


class Aligner(Protocol):
    """What aligns: `NUMPY`, or the core in C, which computes the same."""

    def paths(self, probe: Int8Array, references: Int8Array) -> Paths:
        """Align a probe `(t, c)` with each of `(r, t, c)`; given `r` probes, each with that of its number."""

    def distances(self, probe: Int8Array, references: Int8Array) -> Float32Array:
        """Return what those paths cost per frame: `(r,)` float32."""


class NumpyAligner:
    """Dynamic time warping for shapes that `can_be_aligned`.

    City-block distance per frame, steps (1, 0), (0, 1), (1, 1), a band of `BAND` · t either side. The table
    is filled diagonal by diagonal (i + j = s), since the cells of one depend on the two before and never on
    each other: no loop along it. References lie side by side as lanes: one addition serves all.
    """

    def paths(self, probe: Int8Array, references: Int8Array) -> Paths:
        """Align, see `Aligner.paths`.

        Raises:
            InvalidSignature: a shape of which sums would overflow.
        """
        frames, count = _checked(references), len(references)
        probes = np.broadcast_to(probe, references.shape)
        total, cost = np.empty(count, np.int32), np.zeros((count, frames), np.int32)
        first, last = (np.empty((count, frames), np.int16) for _ in range(2))
        for start in range(0, count, _LANES):
            part = slice(start, start + _LANES)
            table = _Table(probes[part], references[part])
            total[part] = table.total()
            for lane in range(len(references[part])):
                i, j, costs = table.path(lane)
                # From the end to the start: of each frame the last cell comes first, and is overwritten.
                first[start + lane, i] = j
                last[start + lane, i[::-1]] = j[::-1]
                np.add.at(cost[start + lane], i, costs)
        return Paths(total=total, first=first, last=last, cost=cost)

    def distances(self, probe: Int8Array, references: Int8Array) -> Float32Array:
        """Return costs per frame, see `Aligner.distances`.

        Raises:
            InvalidSignature: a shape of which sums would overflow.
        """
        frames, count = _checked(references), len(references)
        probes = np.broadcast_to(probe, references.shape)
        parts = [slice(start, start + _LANES) for start in range(0, count, _LANES)]
        totals = [_Table(probes[part], references[part]).total() for part in parts]
        return np.asarray(np.concatenate([np.zeros(0, np.int32), *totals]) / frames, np.float32)


NUMPY: Final[Aligner] = NumpyAligner()


def can_be_aligned(steps: int, depth: int) -> bool:
    """Whether series of that shape can be aligned; see `ALIGNABLE`.

    What is compared beside the series is averaged over two frames: so their number is even.
    """
    return steps % 2 == 0 and steps <= MOST_STEPS and depth <= MOST_DEPTH


def _checked(references: Int8Array) -> int:
    """Return the number of frames."""
    frames, channels = int(references.shape[1]), int(references.shape[2])
    if not can_be_aligned(frames, channels):
        raise InvalidSignature(
            "embeddings of this shape cannot be aligned",
            expected=ALIGNABLE,
            received=f"{frames} × {channels}",
        )
    return frames


class _Table:
    """The table of `r` pairs of series `(r, t, c)`: what each cell costs, and the cheapest path to it.

    Diagonal s within the band is i = ⌈(s - band) / 2⌉ + k, j = s - i for k = 0 … band. Where s and the band
    are both even or both odd it is wide and has band + 1 cells; otherwise it is narrow and has band.
    """

    def __init__(self, probes: Int8Array, references: Int8Array) -> None:
        """Fill it."""
        self._frames = references.shape[1]
        self._band = max(1, int(BAND * self._frames))
        self._costs = self._all_costs(probes, references)
        self._cells = self._all_cells()

    def total(self) -> Int32Array:
        """Return the cost of the path to the last cell, `(r,)`."""
        end = 2 * self._frames - 2
        return np.asarray(self._cells[end + 1, self._frames - self._first(end)])

    def path(self, lane: int) -> tuple[IndexArray, IndexArray, Int32Array]:
        """Walk back from the last cell to the first: i, j and cost of each cell of the path.

        Of equals the frame before of the reference is taken first and that of the probe last; see `Paths`.
        """
        width = self._band + 2
        cells = np.ascontiguousarray(self._cells[..., lane]).reshape(-1).data
        # The two cells of the diagonal before lie a row up, at the same place or the one beside it.
        s, k = 2 * self._frames - 2, self._frames - 1 - self._first(2 * self._frames - 2)
        diagonals, places = [s], [k]
        while s:
            # A diagonal starts at the same frame of the probe as the one before, or a frame later.
            later = (s - self._band) % 2
            at = s * width + 1 + k + later
            left, up, across = cells[at], cells[at - 1], cells[at - width - later]
            if left <= up and left <= across:
                s, k = s - 1, k + later
            elif across <= up:
                s -= 2
            else:
                s, k = s - 1, k + later - 1
            diagonals.append(s)
            places.append(k)
        at, place = np.array(diagonals, np.intp), np.array(places, np.intp)
        i = self._first(at) + place
        return i, at - i, self._costs[at, place, lane]

    def _first(self, diagonal: Diagonal) -> Diagonal:
        """Frame i of the first cell of a diagonal."""
        return -((self._band - diagonal) // 2)

    def _all_costs(self, probes: Int8Array, references: Int8Array) -> Int32Array:
        """Return the cost of each cell: `(2 · t, band + 1, r)` int32.

        A diagonal is a run of frames of the probe over one of the reversed reference. From one to the next i
        and j advance in turn. The last cell of a narrow one is outside, and so is the last diagonal.
        """
        count, frames, channels = references.shape
        own, others = self._lanes(probes), self._lanes(references[:, ::-1])
        channel, frame, item = own.strides
        band = self._band
        # Two diagonals a row; on each, band + 1 cells of all lanes lie one after the other in memory.
        shape = (channels, frames, 2, (band + 1) * count)
        # Of the two diagonals in a row, i advances to the second where the band is even, else j does.
        i_turn, j_turn = (0, -frame) if band % 2 else (frame, 0)
        # Views that overlap: a frame of a probe lies on up to band + 1 diagonals, and is not copied for each.
        i_start, j_start = band + 1 - band // 2, band + frames - band // 2
        i_run = as_strided(own[:, i_start:], shape, (channel, frame, i_turn, item), writeable=False)
        j_run = as_strided(others[:, j_start:], shape, (channel, -frame, j_turn, item), writeable=False)
        # As many rows at once as fit a cache, into a buffer that is used again.
        rows = max(1, _CACHED // max(1, channels * 2 * shape[-1]))
        buffer = np.empty((channels, rows, *shape[2:]), np.int16)
        out = np.empty(shape[1:], np.int32)
        for start in range(0, frames, rows):
            part = slice(start, start + rows)
            difference = buffer[:, : len(out[part])]  # the last part may be shorter
            np.subtract(i_run[:, part], j_run[:, part], out=difference)
            np.abs(difference, out=difference)
            # The city-block distance: a sum over the channels, which fits int16 (`MOST_DEPTH`).
            out[part] = np.add.reduce(difference, axis=0, dtype=np.int16)
        return out.reshape(2 * frames, band + 1, count)

    def _lanes(self, values: Int8Array) -> Int16Array:
        """Lay `(r, t, c)` out as `(c, 2 · t + 2 · band + 2, r)`, from place band + 1; 0 around."""
        count, frames, channels = values.shape
        start = self._band + 1
        out = np.zeros((channels, 2 * frames + 2 * start, count), np.int16)
        out[:, start : start + frames] = values.transpose(2, 1, 0)
        return out

    def _all_cells(self) -> Int32Array:
        """Return the cost of the cheapest path to each cell: `(2 · t, band + 2, r)`.

        Cell k of diagonal s stands at `[s + 1, k + 1]`. What is before the first diagonal, place 0, and the
        last place of a narrow one are cells that no path reaches. A cell off the square is entered only from
        others off it, and those begin as `_FAR`; so they need no care.
        """
        _, width, count = self._costs.shape
        cells = np.full((2 * self._frames, width + 1, count), _FAR, np.int32)
        corner = -self._first(0)
        cells[1, corner + 1] = self._costs[0, corner]
        minimum, add = np.minimum, np.add  # looked up once: the loop is all that costs here
        entry = np.empty((width, count), np.int32)
        # From here on an odd diagonal and an even one in turn.
        for pair in zip(self._steps(cells, 1), self._steps(cells, 2), strict=True):
            for now, left, up, across, cost in pair:
                best = entry[: len(now)]
                minimum(left, up, out=best)
                minimum(best, across, out=best)
                add(best, cost, out=now)
        return cells

    def _steps(self, cells: Int32Array, start: int) -> "zip[tuple[Int32Array, ...]]":
        """Of every second diagonal: its cells, those that each is entered from, and their costs."""
        end = 2 * self._frames - 1
        now, before, two_before = (cells[start + 1 - back : end + 1 - back : 2] for back in range(3))
        cost = self._costs[start:end:2]
        if (start - self._band) % 2:  # narrow
            views = now[:, 1:-1], before[:, 2:], before[:, 1:-1], two_before[:, 1:-1], cost[:, :-1]
        else:
            views = now[:, 1:], before[:, 1:], before[:, :-1], two_before[:, 1:], cost
        return zip(*views, strict=True)
