"""Compare signatures: embeddings in, distances out, one column a cue; `scoring` turns them into a score."""

from collections.abc import Sequence

import numpy as np

from sigverify.arrays import Float32Array
from sigverify.matching.cue import Cue
from sigverify.matching.embedding import Embedding, References
from sigverify.matching.pairing import PLAIN, Engine, Pairing


def distances(
    probe: Embedding | References,
    references: References,
    cues: Sequence[Cue],
    *,
    engine: Engine = PLAIN,
) -> Float32Array:
    """Compare a probe with `r` references by `k` cues: `(r, k)` float32 in their order, 0 = alike.

    Given `r` probes, each is compared with the reference of its number.

    Raises:
        InvalidSignature: they are of different models.
    """
    pairing = Pairing(probe, references, engine)
    if engine.whole is not None and tuple(cues) == engine.cues:
        return engine.whole(pairing)
    out = np.empty((len(references), len(cues)), np.float32)
    for column, cue in enumerate(cues):
        out[:, column] = cue.measure(pairing)
    return out


def spread(references: References, cues: Sequence[Cue], *, engine: Engine = PLAIN) -> Float32Array:
    """Compare references with each other: `(r, r, k)` float32, 0 on the diagonal.

    Entry (i, j) is reference i as a probe against reference j: symmetric, or, for a signed cue, the negative
    of entry (j, i).
    """
    out = np.zeros((len(references), len(references), len(cues)), np.float32)
    rows, columns = np.tril_indices(len(references), -1)
    if len(rows):
        between = distances(references.take(rows), references.take(columns), cues, engine=engine)
        out[rows, columns] = between
        out[columns, rows] = between * signs(cues)
    return out


def signs(cues: Sequence[Cue]) -> Float32Array:
    """What each cue is multiplied by when probe and reference change places, `(k,)`: 1, or -1 if signed."""
    return np.array([-1.0 if cue.signed else 1.0 for cue in cues], np.float32)
