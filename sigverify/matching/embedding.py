"""`Embedding`: all that is kept of a signature; `References`: those of one person, stacked for matching."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from sigverify.arrays import Float32Array, Int8Array
from sigverify.errors import InvalidSignature

SERIES_SCALE: Final = 32
"""Hand-made functions are stored as int8 of value × 32: ±4 standard deviations in ±127."""

SEQUENCE_SCALE: Final = 127
"""Local vectors in [-1, 1] are stored as int8 of value × 127."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Embedding:
    """What is kept of one signature.

    Attributes:
        series: `(t, c)` int8, hand-made functions × `SERIES_SCALE`, by which two signatures are aligned.
        detail: `(t / 2, c')` int8, further ones × `SERIES_SCALE`, averaged over two frames: read along the
            path that aligns the series; `c'` may be 0.
        sequence: `(t', d)` int8, learned local vectors × `SEQUENCE_SCALE`; `d` is 0 for an encoder without.
        vector: `(e,)` float32, learned global vector of length 1.
        extent: a positive number that says how large the signature is, as its modality measures it: for a
            pen the milliseconds from first to last ink.
    """

    series: Int8Array
    detail: Int8Array
    sequence: Int8Array
    vector: Float32Array
    extent: float

    @classmethod
    def from_floats(
        cls,
        series: npt.ArrayLike,
        detail: npt.ArrayLike,
        sequence: npt.ArrayLike | None,
        vector: npt.ArrayLike,
        extent: float,
    ) -> Self:
        """Quantize: series and detail in ±4, sequence `(t', d)` in ±1 or None, unit vector `(e,)`."""
        local = np.zeros((1, 0)) if sequence is None else np.asarray(sequence)
        return cls(
            series=_quantize(np.asarray(series), SERIES_SCALE),
            detail=_quantize(np.asarray(detail), SERIES_SCALE),
            sequence=_quantize(local, SEQUENCE_SCALE),
            vector=np.asarray(vector, np.float32),
            extent=float(extent),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class References:
    """The embeddings of `r` references, stacked for matching: the fields of `Embedding` with `r` in front."""

    series: Int8Array
    detail: Int8Array
    sequence: Int8Array
    vector: Float32Array
    extent: Float32Array

    @classmethod
    def stack(cls, embeddings: Sequence[Embedding]) -> Self:
        """Stack one or more embeddings of one model.

        Raises:
            InvalidSignature: none given, or of different shapes.
        """
        if not embeddings:
            raise InvalidSignature("no references", expected="at least one embedding")
        try:
            return cls(
                series=np.stack([each.series for each in embeddings]),
                detail=np.stack([each.detail for each in embeddings]),
                sequence=np.stack([each.sequence for each in embeddings]),
                vector=np.stack([each.vector for each in embeddings]),
                extent=np.array([each.extent for each in embeddings], np.float32),
            )
        except ValueError as error:
            raise InvalidSignature("embeddings of different models", received=str(error)) from error

    @classmethod
    def join(cls, several: Sequence[Self]) -> Self:
        """Put one or more sets of references of one model into one, in order."""
        columns = {each.name: [getattr(one, each.name) for one in several] for each in fields(cls)}
        return cls(**{name: np.concatenate(column) for name, column in columns.items()})

    def take(self, indices: npt.ArrayLike) -> Self:
        """Return the references of these numbers, in their order."""
        chosen = np.asarray(indices, np.intp)
        return type(self)(**{each.name: getattr(self, each.name)[chosen] for each in fields(self)})

    def __len__(self) -> int:
        """Count the references."""
        return len(self.vector)

    def __getitem__(self, index: int) -> Embedding:
        """Return reference `index`."""
        return Embedding(
            series=self.series[index],
            detail=self.detail[index],
            sequence=self.sequence[index],
            vector=self.vector[index],
            extent=float(self.extent[index]),
        )


def check_shapes(probe: npt.NDArray[Any], references: npt.NDArray[Any]) -> None:
    """Refuse to compare what has not one shape: one probe with all references, or as many.

    Raises:
        InvalidSignature: they have different ones.
    """
    if probe.shape not in (references.shape, references.shape[1:]):
        raise InvalidSignature(
            "embeddings of different models", expected=str(references.shape[1:]), received=str(probe.shape)
        )


def check_model(one: Embedding | References, other: Embedding | References) -> None:
    """Refuse to compare embeddings of two models: one probe with all references, or as many.

    Raises:
        InvalidSignature: they have different shapes.
    """
    check_shapes(one.series, other.series)
    check_shapes(one.detail, other.detail)
    check_shapes(one.sequence, other.sequence)
    check_shapes(one.vector, other.vector)


def _quantize(values: npt.NDArray[np.generic], scale: int) -> Int8Array:
    return np.clip(np.rint(np.asarray(values, np.float32) * scale), -127, 127).astype(np.int8)
