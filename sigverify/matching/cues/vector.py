"""The distance of the learned global vectors."""

from typing import Final

import numpy as np

from sigverify.arrays import Float32Array
from sigverify.matching.cue import Cue
from sigverify.matching.elastic import Align
from sigverify.matching.embedding import Embedding, References


def measure(probe: Embedding | References, references: References, align: Align) -> Float32Array:  # noqa: ARG001
    """Euclidean distance of unit vectors, 0 to 2."""
    return np.asarray(np.linalg.norm(references.vector - probe.vector, axis=1), np.float32)


VECTOR: Final = Cue(name="vector", measure=measure, relative=True, learned=True)
