"""Dynamic time warping by its definition, cell by cell."""

import numpy as np


def plain_dtw(one, other, band, cost):
    """Cost of the cheapest path from corner to corner within the band; `cost` compares two frames."""
    frames = len(one)
    table = np.full((frames + 1, frames + 1), np.inf)
    table[0, 0] = 0
    for i in range(frames):
        for j in range(max(0, i - band), min(frames, i + band + 1)):
            best = min(table[i, j], table[i, j + 1], table[i + 1, j])
            table[i + 1, j + 1] = cost(one[i], other[j]) + best
    return table[frames, frames]
