"""`Runs`: ink as its horizontal runs, which is how lines and specks are found without visiting each pixel."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sigverify.arrays import BoolArray

Places = npt.NDArray[np.int64]


class Runs(NamedTuple):
    """Runs of ink along the rows of a picture, from top to bottom and left to right.

    Attributes:
        row: `(n,)`, of each.
        start, end: `(n,)`, the first column, and the one after the last.
    """

    row: Places
    start: Places
    end: Places

    @classmethod
    def of(cls, ink: BoolArray) -> "Runs":
        """Find those of ink `(h, w)`; of its transpose, the runs along the columns."""
        height, width = ink.shape
        # A column without ink at the end of each row parts its last run from the first of the next.
        flat = np.zeros((height, width + 1), np.int8)
        flat[:, :width] = ink
        changes = np.flatnonzero(np.diff(flat.ravel(), prepend=np.int8(0)))
        starts, ends = changes[0::2], changes[1::2]
        row = starts // (width + 1)
        return cls(row, starts - row * (width + 1), ends - row * (width + 1))

    @property
    def length(self) -> Places:
        """Pixels of each."""
        return self.end - self.start

    def taken(self, which: "BoolArray | npt.NDArray[np.int64]") -> "Runs":
        """Return some of them."""
        return Runs(self.row[which], self.start[which], self.end[which])

    def drawn(self, shape: tuple[int, int]) -> BoolArray:
        """Return them as ink of that shape."""
        marks = np.zeros((shape[0], shape[1] + 1), np.int8)
        # No two runs of a row touch, so that a start and an end never fall on one place.
        marks[self.row, self.start] = 1
        marks[self.row, self.end] = -1
        return np.asarray(marks.ravel().cumsum(dtype=np.int8).reshape(marks.shape)[:, :-1] > 0)

    def neighbors(self) -> tuple[Places, Places]:
        """Return all pairs of runs that touch, at corners too: the upper ones, and those in the next row."""
        width = int(self.end.max()) + 2 if len(self.row) else 0
        starts, ends = self.row * width + self.start, self.row * width + self.end
        # Those that begin before this one ends, and end after it begins.
        first = np.searchsorted(ends, starts + width)
        counts = np.maximum(np.searchsorted(starts, ends + width, side="right") - first, 0)
        upper = np.repeat(np.arange(len(starts)), counts)
        return upper, np.arange(len(upper)) - np.repeat(np.cumsum(counts) - counts - first, counts)

    def pieces(self) -> Places:
        """Return the piece that each belongs to, `(n,)`: numbers from 0, of ink that hangs together."""
        upper, lower = self.neighbors()
        root = np.arange(len(self.row))
        while True:
            one, other = root[upper], root[lower]
            if np.array_equal(one, other):
                return np.asarray(np.unique(root, return_inverse=True)[1], np.int64)
            # The later root hangs on the earlier one; then everybody hangs on a root.
            np.minimum.at(root, np.maximum(one, other), np.minimum(one, other))
            while not np.array_equal(root, root[root]):
                root = root[root]

    def turns(self) -> int:
        """Count where ink begins, ends, parts and joins on the way down: where its contour turns round."""
        upper, lower = self.neighbors()
        above, below = (np.bincount(each, minlength=len(self.row)) for each in (lower, upper))
        return int(np.abs(above - 1).sum() + np.abs(below - 1).sum())


class Pieces(NamedTuple):
    """The pieces of ink that hang together, each with its box.

    Attributes:
        runs: of all of them.
        number: of the piece that each run belongs to, `(n,)`.
        pixels: of each piece, `(pieces,)`, as the next.
        top, bottom, left, right: its box; of bottom and right, the first row and column outside.
    """

    runs: Runs
    number: Places
    pixels: Places
    top: Places
    bottom: Places
    left: Places
    right: Places

    @classmethod
    def of(cls, ink: BoolArray) -> "Pieces":
        """Find those of ink `(h, w)`."""
        runs = Runs.of(ink)
        number = runs.pieces()
        count = int(number.max()) + 1 if len(number) else 0
        pixels = np.zeros(count, np.int64)
        np.add.at(pixels, number, runs.length)
        far = np.iinfo(np.int64).max
        top, left = np.full(count, far), np.full(count, far)
        bottom, right = np.zeros(count, np.int64), np.zeros(count, np.int64)
        np.minimum.at(top, number, runs.row)
        np.maximum.at(bottom, number, runs.row + 1)
        np.minimum.at(left, number, runs.start)
        np.maximum.at(right, number, runs.end)
        return cls(runs, number, pixels, top, bottom, left, right)

    def drawn(self, which: BoolArray, shape: tuple[int, int]) -> BoolArray:
        """Return some of them, `(pieces,)`, as ink of that shape."""
        return self.runs.taken(which[self.number]).drawn(shape)
