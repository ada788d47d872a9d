"""`ParityReport`: how much of the trained network survived its conversion."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from sigverify.arrays import Float32Array


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Cosine between two networks' outputs, a signature at a time: 1 = same direction."""

    minimum: float
    mean: float

    @classmethod
    def between(cls, first: Float32Array, second: Float32Array) -> Self:
        """Compare `(n, …)` with `(n, …)`, each row flattened.

        >>> Agreement.between(np.eye(2, dtype=np.float32), np.ones((2, 2), np.float32)).mean
        0.707107
        """
        a, b = (each.reshape(len(each), -1).astype(np.float64) for each in (first, second))
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        # Two zeros agree; a zero and anything else do not.
        both_zero = ~a.any(axis=1) & ~b.any(axis=1)
        cosines = np.where(both_zero, 1.0, np.einsum("ni,ni->n", a, b) / np.maximum(lengths, 1e-30))
        return cls(minimum=_rounded(cosines.min()), mean=_rounded(cosines.mean()))


@dataclass(frozen=True, kw_only=True)
class PairAgreement:
    """Difference between what two pair networks say, a logarithm, of the same pairs."""

    largest: float
    mean: float
    correlation: float

    @classmethod
    def between(cls, first: Float32Array, second: Float32Array) -> Self:
        """Compare `(n,)` with `(n,)`.

        >>> PairAgreement.between(np.arange(3, dtype=np.float32), np.arange(3, dtype=np.float32) + 1).mean
        1.0
        """
        apart = np.abs(first.astype(np.float64) - second)
        # Where one of them always says the same there is no correlation.
        varied = first.std() > 0 and second.std() > 0
        correlation = float(np.corrcoef(first, second)[0, 1]) if varied else 0.0
        return cls(
            largest=_rounded(apart.max()), mean=_rounded(apart.mean()), correlation=_rounded(correlation)
        )


@dataclass(frozen=True, kw_only=True)
class ParityReport:
    """The trained network against the converted one, on signatures of writers it was not trained on.

    Attributes:
        samples: signatures compared for the cosines.
        vector, sequence: trained (Keras, float) against converted; sequence is None where there is none.
        vector_float32, sequence_float32: trained against its float32 file: what conversion alone costs.
        pair: the trained pair network against the converted one; None where there is none.
        eer: skilled-forgery equal error rate of the converted file with scoring fitted on it, 0 to 1,
            by `converter.fitting` on the calibration signatures.
        eer_float32: the same of the float32 file.
        network_bytes, network_bytes_float32: sizes of the two networks.
    """

    samples: int
    vector: Agreement
    sequence: Agreement | None
    vector_float32: Agreement
    sequence_float32: Agreement | None
    eer: float
    eer_float32: float
    network_bytes: int
    network_bytes_float32: int
    pair: PairAgreement | None = None

    @property
    def eer_change(self) -> float:
        """What precision costs: `eer - eer_float32`; negative where it gained."""
        return self.eer - self.eer_float32

    def to_dict(self) -> dict[str, Any]:
        """Return everything, `eer_change` too, as JSON can hold it."""
        return {**asdict(self), "eer_change": _rounded(self.eer_change)}


def _rounded(value: float) -> float:
    """Round to what is meaningful, and the same on every machine."""
    return round(float(value), 6)
