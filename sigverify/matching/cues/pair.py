"""What a network says that looks at the two signatures side by side, aligned; see `pair_inputs`."""

from typing import Final

import numpy as np

from sigverify.arrays import Float32Array
from sigverify.matching.cue import Cue
from sigverify.matching.pairing import Pairing

LARGEST_LOG: Final = 8.0
"""Of what the network says, either way; far beyond what one says that was trained."""


def measure(pairing: Pairing) -> Float32Array:
    """Exponential of what it says: a distance, which counts relative to those between the references."""
    return np.asarray(np.exp(np.clip(pairing.judged(), -LARGEST_LOG, LARGEST_LOG)), np.float32)


PAIR: Final = Cue(name="pair", measure=measure, elastic=True, relative=True, learned=True)
