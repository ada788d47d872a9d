"""How much longer, or wider, one signature is than the other."""

from typing import Final

import numpy as np

from sigverify.arrays import Float32Array
from sigverify.matching.cue import Cue
from sigverify.matching.elastic import Align
from sigverify.matching.embedding import Embedding, References


def measure(probe: Embedding | References, references: References, align: Align) -> Float32Array:  # noqa: ARG001
    """Absolute logarithm of the ratio of the extents; not relative, since it is a log ratio already."""
    # A probe for each reference brings an array of its own; one probe a plain number.
    extent = probe.extent if isinstance(probe, References) else np.float32(probe.extent)
    return np.asarray(np.abs(np.log(references.extent / extent)), np.float32)


EXTENT: Final = Cue(name="extent", measure=measure)
