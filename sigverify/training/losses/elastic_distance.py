"""`elastic_distance`: soft or hard dynamic time warping of many pairs at once, with a gradient of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

import numpy as np

from sigverify.arrays import BoolArray, FloatArray, IntArray
from sigverify.training.backend import backend_name, ops

Tensor = Any

_UNREACHABLE: Final = -1e9
"""Stands for minus infinity: far below any sum of costs, and its differences are still finite in float32."""


def elastic_distance(a: Tensor, b: Tensor, *, band: int, gamma: float = 0.0) -> Tensor:
    """Elastic distance of each sequence of `a` to its partner in `b`: twice `(m, t, d)` to `(m,)`.

    The cost of frames i and j is the mean of |a_i - b_j| over `d`; a path goes from (0, 0) to (t-1, t-1) by
    steps of (1, 0), (0, 1) or (1, 1) within |i - j| <= `band`; its sum of costs is divided by t. With gamma
    0 the cheapest path counts (DTW); with gamma > 0 all do, through softmin_gamma(x) = -gamma log sum
    exp(-x / gamma) (soft-DTW), where gamma is in units of a frame's cost and a result may be below 0.

    Source: H. Sakoe, S. Chiba, 1978, symmetric form without slope constraint (band r = `band`);
    M. Cuturi, M. Blondel, "Soft-DTW", ICML 2017, equation 1 and algorithms 1 and 2.
    """
    return pairs_last_distance(
        ops.transpose(a, (2, 1, 0)), ops.transpose(b, (2, 1, 0)), band=band, gamma=gamma
    )


def pairs_last_distance(a: Tensor, b: Tensor, *, band: int, gamma: float = 0.0) -> Tensor:
    """`elastic_distance` of sequences laid out as they are computed: twice `(d, t, m)` to `(m,)`.

    All that is done to one pair is done to its neighbors, which so stand side by side in memory.
    """
    depth, frames = a.shape[:2]
    table = _Table(frames=frames, depth=depth, band=min(band, frames - 1), soft=gamma > 0)
    # In units of gamma, and the mean over d as a sum: what is left for the table is to add.
    unit = gamma if gamma > 0 else 1.0
    factor = 1.0 / (depth * unit)
    return table.best_sum(a * factor, b * factor) * (-unit / frames)


@dataclass(frozen=True, kw_only=True)
class _Table:
    """The table of sums along the best paths, negated, so that the best is the largest.

    It is filled along its anti-diagonals, an odd and an even one a step: a cell is entered from its two
    neighbors on the anti-diagonal before, and by a diagonal step from the same place two before. Step k fills
    anti-diagonals 2 k + 1 and 2 k + 2. Row n of an array `(width, m)` holds a cell of each pair: with
    q = n - middle, on anti-diagonal 2 k the cell i = k - q, j = k + q, on 2 k + 1 the cell i = k - q,
    j = k + q + 1. Cells off the table or beyond the band are unreachable.

    The gradient is not left to the backend, which would keep each number of each step: the sums alone are
    kept, and a second pass over them, backwards, finds how likely the best paths go through each cell.
    """

    frames: int
    depth: int
    band: int
    soft: bool

    @property
    def middle(self) -> int:
        """Row of the main diagonal."""
        return self.band // 2 + 1

    @property
    def width(self) -> int:
        """Rows; on even anti-diagonals the first is beyond the band."""
        return 2 * self.middle

    def offsets(self, odd: int) -> IntArray:
        """Return j - i by row, `(width,)`."""
        return 2 * (np.arange(self.width) - self.middle) + odd

    def best_sum(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the last corner of each pair's table, `(m,)`; cells of `(d, t, m)` gain -sum |a_i - b_j|."""
        return ops.custom_gradient(self._with_gradient)(a, b)

    def _with_gradient(self, a: Tensor, b: Tensor) -> tuple[Tensor, Callable[..., tuple[Tensor, Tensor]]]:
        even, odd = self._fill(a, b)

        def gradient(*args: Tensor, upstream: Tensor = None) -> tuple[Tensor, Tensor]:
            # Tensorflow and jax call it with the gradient alone, torch with the inputs too.
            passed = self._likely(even, odd, args[0] if upstream is None else upstream)
            return self._slopes(a, b, *passed)

        return even[-1, self.middle], gradient

    def _fill(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        """Return all even and all odd anti-diagonals, `(t, width, m)` each; odd number -1 comes first."""
        # Frames far from all others lie before and after those there are, opposite ones in a and b.
        far = -_UNREACHABLE / self.depth
        backwards, forwards = ops.flip(self._padded(a, -far), axis=1), self._padded(b, far)
        nothing = ops.zeros_like(a[0, :1])  # (1, m)
        walls = [
            _column(np.where(np.abs(self.offsets(odd)) <= self.band, 0.0, _UNREACHABLE)) for odd in (0, 1)
        ]
        # Compilers do best with a window of each channel, and torch, which does not compile, with one of all.
        each = self.depth if backend_name() == "torch" else 1
        size = (each, self.width, ops.shape(a)[2])

        def gains(k: Tensor, odd: int) -> Tensor:
            # Along an anti-diagonal i falls and j rises, so that both are a window of frames.
            left = self.frames - 1 - k - self.middle + self.width
            right = k - self.middle + odd + self.width
            costs = [
                ops.abs(
                    ops.slice(backwards, (channel, left, 0), size)
                    - ops.slice(forwards, (channel, right, 0), size)
                )
                for channel in range(0, self.depth, each)
            ]
            return walls[odd] - ops.sum(reduce(ops.add, costs), axis=0)

        def step(
            carry: tuple[Tensor, Tensor], k: Tensor
        ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
            even, odd = carry
            odd = self._best(*_before_odd(even, odd, nothing)) + gains(k, 1)
            even = self._best(*_before_even(even, odd, nothing)) + gains(k + 1, 0)
            return (even, odd), (even, odd)

        corner = np.where(np.arange(self.width) == self.middle, 0.0, _UNREACHABLE)
        start = gains(0, 0) + _column(corner), nothing + _column(np.full(self.width, _UNREACHABLE))
        _, (even, odd) = ops.scan(step, start, ops.arange(self.frames - 1))
        return (
            ops.concatenate([start[0][None], even], axis=0),
            ops.concatenate([start[1][None], odd], axis=0),
        )

    def _likely(self, even: Tensor, odd: Tensor, upstream: Tensor) -> tuple[Tensor, Tensor]:
        """Return how likely a path goes through each cell, times `upstream` `(m,)`; arrays as of `_fill`."""
        nothing = ops.zeros_like(even[0, :1])

        def step(
            carry: tuple[Tensor, Tensor], sums: tuple[Tensor, Tensor, Tensor]
        ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
            # What goes through an even anti-diagonal came from the odd one before it or the even one before
            # that; `skipped` came from the odd one to the odd one after, over the even one.
            through, skipped = carry
            even, odd, next_odd = sums
            low, high, straight = self._shares(*_before_even(even, next_odd, nothing), through)
            through_odd = skipped + ops.concatenate([low[1:], nothing], axis=0) + high
            low, high, skipped = self._shares(*_before_odd(even, odd, nothing), through_odd)
            through = straight + low + ops.concatenate([nothing, high[:-1]], axis=0)
            return (through, skipped), (through, through_odd)

        end = _column(np.arange(self.width) == self.middle) * upstream
        _, (through, through_odd) = ops.scan(
            step, (end, nothing + ops.zeros_like(end)), (even[:-1], odd[:-1], odd[1:]), reverse=True
        )
        return ops.concatenate([through, end[None]], axis=0), through_odd

    def _slopes(self, a: Tensor, b: Tensor, even: Tensor, odd: Tensor) -> tuple[Tensor, Tensor]:
        """Return both gradients, `(d, t, m)`: the signs of the differences, each by how likely it counts."""
        reach, frames = self.width, self.frames
        wide_a, wide_b = self._padded(a, 0.0), self._padded(b, 0.0)
        slope_a, slope_b = ops.zeros_like(a), ops.zeros_like(b)
        for parity, likely in enumerate((even, odd)):
            wide = ops.pad(likely, [[reach, reach + parity], [0, 0], [0, 0]])
            for row, offset in enumerate(self.offsets(parity).tolist()):
                if abs(offset) > self.band:
                    continue
                # Frame i of a met frame i + offset of b in step k = i + q, frame j of b that of a in j - q.
                q = row - self.middle
                met = wide_b[:, reach + offset : reach + offset + frames]
                slope_a -= ops.sign(a - met) * wide[reach + q : reach + q + frames, row]
                met = wide_a[:, reach - offset : reach - offset + frames]
                start = reach - q - parity
                slope_b -= ops.sign(b - met) * wide[start : start + frames, row]
        return slope_a, slope_b

    def _padded(self, sequences: Tensor, value: float) -> Tensor:
        return ops.pad(sequences, [[0, 0], [self.width, self.width], [0, 0]], constant_values=value)

    def _best(self, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        largest = ops.maximum(ops.maximum(x, y), z)
        if not self.soft:
            return largest
        return largest + ops.log(ops.exp(x - largest) + ops.exp(y - largest) + ops.exp(z - largest))

    def _shares(self, x: Tensor, y: Tensor, z: Tensor, through: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Split what goes `through` a cell among the three that it was entered from; equal ones share."""
        largest = ops.maximum(ops.maximum(x, y), z)
        differences = (value - largest for value in (x, y, z))
        x, y, z = (ops.exp(each) if self.soft else ops.cast(each >= 0, "float32") for each in differences)
        each = through / (x + y + z)
        return x * each, y * each, z * each


def _before_odd(even: Tensor, odd: Tensor, nothing: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the sums in the cells from which an odd anti-diagonal is entered, from those before it."""
    return even, ops.concatenate([even[1:], nothing + _UNREACHABLE], axis=0), odd


def _before_even(even: Tensor, odd: Tensor, nothing: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same for an even anti-diagonal."""
    return ops.concatenate([nothing + _UNREACHABLE, odd[:-1]], axis=0), odd, even


def _column(values: BoolArray | FloatArray) -> Tensor:
    return ops.convert_to_tensor(np.asarray(values, np.float32)[:, np.newaxis])
