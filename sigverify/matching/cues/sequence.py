"""The elastic distance of the learned local vectors."""

from typing import Final

import numpy as np

from sigverify.arrays import Float32Array
from sigverify.matching.cue import Cue
from sigverify.matching.embedding import SEQUENCE_SCALE
from sigverify.matching.pairing import Pairing


def measure(pairing: Pairing) -> Float32Array:
    """City-block distance a step along the cheapest path; 0 for a network without local vectors."""
    probe, references = pairing.probe.sequence, pairing.references.sequence
    if not references.shape[-1]:
        return np.zeros(len(references), np.float32)
    return pairing.engine.aligner.distances(probe, references) / np.float32(SEQUENCE_SCALE)


SEQUENCE: Final = Cue(name="sequence", measure=measure, elastic=True, relative=True, learned=True)
