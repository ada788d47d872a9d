"""Elastic distances of many pairs of sequences, compiled by whatever backend is in use."""

from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sigverify.arrays import Float32Array
from sigverify.training.backend import keras
from sigverify.training.losses.elastic_distance import elastic_distance

CHUNK: Final = 1024
"""Pairs a call: the last chunk is filled up, so that one shape is compiled."""


class ElasticDistance(keras.layers.Layer):
    """Layer form of `elastic_distance`: two inputs `(m, t, d)` to `(m,)`."""

    def __init__(self, band: int) -> None:
        """Fix the half width of the band, frames."""
        super().__init__(dtype="float32")
        self.band = band

    def call(self, a: Any, b: Any) -> Any:
        """Return the DTW distance of each pair."""
        return elastic_distance(a, b, band=self.band)

    def compute_output_shape(
        self, a_shape: tuple[int | None, ...], b_shape: tuple[int | None, ...]
    ) -> tuple[int | None]:
        """Return one number a pair."""
        del b_shape
        return (a_shape[0],)


def pair_distances(
    sequences: Float32Array, pairs: npt.NDArray[np.integer], *, band: float = 0.2
) -> Float32Array:
    """DTW distances `(m,)` float32 of the `pairs` `(m, 2)` of rows of `sequences` `(n, t, d)`."""
    frames, width = sequences.shape[1:]
    model = _model(frames, width, max(1, round(band * frames)))
    out = np.empty(len(pairs), np.float32)
    for start in range(0, len(pairs), CHUNK):
        part = pairs[start : start + CHUNK]
        filled = np.resize(part, (CHUNK, 2))
        values = model.predict_on_batch([sequences[filled[:, 0]], sequences[filled[:, 1]]])
        out[start : start + len(part)] = np.asarray(values)[: len(part)]
    return out


@lru_cache(maxsize=8)
def _model(frames: int, width: int, band: int) -> Any:
    a, b = (keras.Input((frames, width), dtype="float32") for _ in range(2))
    return keras.Model([a, b], ElasticDistance(band)(a, b))
