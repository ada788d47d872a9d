"""The elastic distance of the hand-made functions."""

from typing import Final

import numpy as np

from sigverify.arrays import Float32Array
from sigverify.matching.cue import Cue
from sigverify.matching.elastic import Align
from sigverify.matching.embedding import SERIES_SCALE, Embedding, References


def measure(probe: Embedding | References, references: References, align: Align) -> Float32Array:
    """City-block distance a frame along the cheapest path, in standard deviations of the functions."""
    return align(probe.series, references.series) / np.float32(SERIES_SCALE)


SERIES: Final = Cue(name="series", measure=measure, elastic=True, relative=True)
