"""Dynamic time warping by its definition, cell by cell."""

import math

import numpy as np


def plain_dtw(one, other, band, cost):
    """Cost of the cheapest path from corner to corner within the band; `cost` compares two frames."""
    return plain_table(one, other, band, cost)[-1, -1]


def plain_table(one, other, band, cost):
    """Cost of the cheapest path to each cell, `(t + 1, t + 1)`: that to (i, j) stands at [i + 1, j + 1]."""
    frames = len(one)
    table = np.full((frames + 1, frames + 1), np.inf)
    table[0, 0] = 0
    for i in range(frames):
        for j in range(max(0, i - band), min(frames, i + band + 1)):
            best = min(table[i, j], table[i, j + 1], table[i + 1, j])
            table[i + 1, j + 1] = cost(one[i], other[j]) + best
    return table


def plain_path(one, other, band, cost):
    """Cells of the cheapest path, from the first; of several the one that lags furthest behind in `other`."""
    table = plain_table(one, other, band, cost)
    i = j = len(one)
    cells = [(i - 1, j - 1)]
    while (i, j) != (1, 1):
        before = [(i, j - 1), (i - 1, j - 1), (i - 1, j)]  # of equals the first of these
        i, j = min(before, key=lambda cell: table[cell])
        cells.append((i - 1, j - 1))
    return cells[::-1]


def soft_distance(a, b, band, gamma=0.0):
    """Cost of all paths by the soft minimum, of the cheapest with gamma 0, divided by the length.

    Two frames cost the mean of the absolute differences of their channels.
    """
    frames = len(a)
    table = {(-1, -1): 0.0}
    for i in range(frames):
        for j in range(max(0, i - band), min(frames, i + band + 1)):
            cost = float(np.abs(a[i].astype(float) - b[j].astype(float)).mean())
            before = [table[at] for at in ((i - 1, j), (i, j - 1), (i - 1, j - 1)) if at in table]
            if gamma:
                low = min(before)
                best = low - gamma * math.log(sum(math.exp((low - value) / gamma) for value in before))
            else:
                best = min(before)
            table[i, j] = cost + best
    return table[frames - 1, frames - 1] / frames
