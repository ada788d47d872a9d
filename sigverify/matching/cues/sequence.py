"""The elastic distance of the learned local vectors."""

from typing import Final

import numpy as np

from sigverify.arrays import Float32Array
from sigverify.matching.cue import Cue
from sigverify.matching.elastic import Align
from sigverify.matching.embedding import SEQUENCE_SCALE, Embedding, References


def measure(probe: Embedding | References, references: References, align: Align) -> Float32Array:
    """City-block distance a step along the cheapest path; 0 for a network without local vectors."""
    if not references.sequence.shape[-1]:
        return np.zeros(len(references), np.float32)
    return align(probe.sequence, references.sequence) / np.float32(SEQUENCE_SCALE)


SEQUENCE: Final = Cue(name="sequence", measure=measure, elastic=True, relative=True, learned=True)
