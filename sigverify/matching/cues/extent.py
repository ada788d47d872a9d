"""How much longer, or wider, one signature is than the other."""

from typing import Final

import numpy as np

from sigverify.arrays import Float32Array
from sigverify.matching.cue import Cue
from sigverify.matching.pairing import Pairing


def measure(pairing: Pairing) -> Float32Array:
    """Logarithm of the ratio of the extents, positive where the probe's is larger."""
    return np.asarray(np.log(np.float32(pairing.probe.extent) / pairing.references.extent), np.float32)


EXTENT: Final = Cue(name="extent", measure=measure, signed=True)
