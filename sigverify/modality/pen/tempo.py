"""How fast a signature is written for its size: forgers are slower than the hand they copy."""

from typing import Final

import numpy as np

from sigverify.arrays import Float32Array, FloatArray
from sigverify.matching.cue import Cue
from sigverify.matching.embedding import SERIES_SCALE, Embedding, References
from sigverify.matching.pairing import Pairing
from sigverify.modality.pen.features import DETAIL_NAMES

_INK: Final = DETAIL_NAMES.index("ink")
_PACE: Final = DETAIL_NAMES.index("pace")
_FASTEST: Final = 2 * SERIES_SCALE - 1
"""Largest pace that has a speed, in stored units: 2 stands for one without end."""


def measure(pairing: Pairing) -> Float32Array:
    """Logarithm of the ratio of the tempos, positive where the probe is written faster."""
    return np.asarray(_tempo(pairing.probe) - _tempo(pairing.references), np.float32)


def _tempo(embedded: Embedding | References) -> FloatArray:
    """Logarithm of the length of ink, in RMS radii, over the duration; `(…,)` float64, but for a constant.

    The length is the sum of the speed over all steps that have ink. `features.encode` says what a pace is:
    so the speed is in middle speeds (2 + p) / (2 - p).
    """
    pace = np.clip(embedded.detail[..., _PACE].astype(np.float64), -_FASTEST, _FASTEST)
    speed = (2 * SERIES_SCALE + pace) / (2 * SERIES_SCALE - pace)
    length = (speed * (embedded.detail[..., _INK] > 0)).sum(axis=-1)
    # No ink in any step: such a signature is refused as it is read, but an embedding may be made by hand.
    return np.asarray(np.log(np.maximum(length, 1.0) / np.asarray(embedded.extent, np.float64)))


TEMPO: Final = Cue(name="tempo", measure=measure, signed=True)
