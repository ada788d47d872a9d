"""Pairs of vectors, and how alike they are."""

import numpy as np


def cosines(vectors, names):
    """Compare vectors `(n, e)` with each other: cosines of pairs of one name, and of pairs of two."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    one, other = np.triu_indices(len(unit), 1)
    likeness = (unit @ unit.T)[one, other]
    same = np.asarray(names)[one] == np.asarray(names)[other]
    return likeness[same], likeness[~same]
