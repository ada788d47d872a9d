"""From strokes to an `Embedding`: the same steps for enrolment, verification and evaluation."""

import numpy as np
import numpy.typing as npt

from sigverify.errors import InvalidSignature
from sigverify.features import DYNAMICS, clean_duration_ms, features
from sigverify.matching import Embedding
from sigverify.runtime import Embedder, Output
from sigverify.signature import Signature


def embed(signature: Signature, embedder: Embedder) -> Embedding:
    """Embed one signature, exactly as enrolment and verification do.

    Raises:
        InvalidSignature: something else than a `Signature`.
    """
    if not isinstance(signature, Signature):
        raise InvalidSignature(
            "no signature",
            expected="a Signature",
            received=type(signature).__name__,
            hint="Read files with read_signature, make arrays into Signature(x, y, time_ms)",
        )
    values = features(signature)
    return assemble(values, embedder.run(values), clean_duration_ms(signature))


def assemble(values: npt.NDArray[np.float32], output: Output, duration_ms: float) -> Embedding:
    """Put together what is kept of a signature: its features `(t, c)`, the network's output, its duration."""
    return Embedding.from_floats(values[:, :DYNAMICS], output.sequence, output.vector, duration_ms)
