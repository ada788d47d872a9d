"""From strokes to an `Embedding`: the same steps for enrollment, verification and evaluation."""

from collections.abc import Callable

from sigverify.arrays import Float32Array
from sigverify.matching.distances import Embedding
from sigverify.modality.pen.features import DYNAMICS, clean_duration_ms, features
from sigverify.modality.pen.signature import Signature
from sigverify.runtime.embedder import Embedder, Output

Features = Callable[[Signature], Float32Array]


def embed(signature: Signature, embedder: Embedder, *, encode: Features = features) -> Embedding:
    """Embed one signature; `encode` computes its features."""
    values = encode(signature)
    return assemble(values, embedder.run(values), clean_duration_ms(signature))


def assemble(values: Float32Array, output: Output, duration_ms: float) -> Embedding:
    """Put together what is kept of a signature: its features `(t, c)`, the network's output, its duration."""
    return Embedding.from_floats(values[:, :DYNAMICS], output.sequence, output.vector, duration_ms)
