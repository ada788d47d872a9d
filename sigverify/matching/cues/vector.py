"""The distance of the learned global vectors."""

from typing import Final

import numpy as np

from sigverify.arrays import Float32Array
from sigverify.matching.cue import Cue
from sigverify.matching.pairing import Pairing


def measure(pairing: Pairing) -> Float32Array:
    """Euclidean distance of unit vectors, 0 to 2."""
    return np.asarray(np.linalg.norm(pairing.references.vector - pairing.probe.vector, axis=1), np.float32)


VECTOR: Final = Cue(name="vector", measure=measure, relative=True, learned=True)
