"""`PairEncoder`: a trained pair network, and the pairs that set its int8 ranges."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from converter.encoder import read_network, rebuilt
from sigverify.arrays import Float32Array, IndexArray
from sigverify.errors import ConversionError
from sigverify.matching.embedding import Embedding, References
from sigverify.matching.pair_inputs import pair_inputs
from sigverify.matching.pairing import PLAIN, Pairing
from sigverify.modality.modality import Modality
from sigverify.runtime.pair_network import pair_shape

PAIRS: Final = 400
"""Pairs that set the ranges, and are compared for parity; 200 give the same int8 network within a step."""


@dataclass(frozen=True, eq=False, kw_only=True)
class PairEncoder:
    """A trained pair network, as it is and as it converts.

    Attributes:
        trained: the Keras model as it was trained.
        network: the same rebuilt on a fixed batch of one, float32 throughout.
        input_shape: of one pair.
    """

    trained: Any
    network: Any
    input_shape: tuple[int, ...]

    @classmethod
    def load(cls, path: Path, modality: Modality[Any]) -> Self:
        """Load a `.keras` file that takes pairs of that modality.

        Raises:
            ConversionError: not such a file, or it takes or yields something else.
            MissingExtra: tensorflow is not installed.
        """
        trained = read_network(path)
        network = rebuilt(trained, pair_shape(modality))
        if len(network.outputs) != 1 or tuple(network.outputs[0].shape) != (1, 1):
            raise ConversionError(
                "the pair network has other outputs",
                expected="one number a pair",
                received=str([tuple(output.shape) for output in network.outputs]),
            )
        return cls(trained=trained, network=network, input_shape=pair_shape(modality))

    def __call__(self, pairs: Float32Array) -> Float32Array:
        """Run as trained, `(n, *input_shape)`: `(n,)`."""
        return np.asarray(self.trained(pairs, training=False), np.float32)[:, 0]


def representative_pairs(
    embeddings: Sequence[Embedding], writers: Sequence[str], modality: Modality[Any]
) -> Float32Array:
    """Lay out pairs of signatures of one writer, genuine or forged, evenly over all: `(n, *pair_shape)`."""
    probes, references = _pairs(np.asarray(writers))
    stacked = References.stack(embeddings)
    return pair_inputs(Pairing(stacked.take(probes), stacked.take(references), PLAIN), modality.pair_layout)


def _pairs(writers: Any) -> tuple[IndexArray, IndexArray]:
    """Rows of probes and references: every signature with the next but one of its writer, `PAIRS` at most."""
    order = np.argsort(writers, kind="stable")
    one, other = order[:-2], order[2:]
    same = np.flatnonzero(writers[one] == writers[other])
    if not len(same):
        raise ConversionError("no pairs to convert by", expected="writers with three signatures or more")
    kept = same[np.unique(np.linspace(0, len(same) - 1, min(PAIRS, len(same))).astype(int))]
    return one[kept], other[kept]
