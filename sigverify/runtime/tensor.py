"""`Tensor`: an input or output of a network, and what its stored numbers mean."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sigverify.arrays import Float32Array
from sigverify.errors import MalformedModel


@dataclass(frozen=True, eq=False)
class Tensor:
    """An input or output tensor: `real = scale * (stored - zero_point)`, scale 0 where stored as float."""

    index: int
    dtype: npt.DTypeLike
    scale: np.float32
    zero_point: np.float32

    @classmethod
    def find(cls, details: list[dict[str, Any]], name: str, shape: tuple[int, ...]) -> Self:
        """Find the tensor of shape `(1, *shape)`.

        By shape, as names and order differ between converters: the vector has one dimension, the
        sequence two, so that they are never taken for each other.
        """
        shapes = [tuple(int(size) for size in each["shape"]) for each in details]
        found = [each for each, its in zip(details, shapes, strict=True) if its == (1, *shape)]
        if len(found) != 1:
            raise MalformedModel(
                f"the network does not match its manifest: {name}",
                expected=f"one tensor of shape {(1, *shape)}",
                received=f"{shapes}",
            )
        return cls._of(found[0], name)

    @classmethod
    def _of(cls, details: dict[str, Any], name: str) -> Self:
        dtype = np.dtype(details["dtype"])
        scale, zero_point = details["quantization"]
        if dtype not in (np.dtype(np.float32), np.dtype(np.int8), np.dtype(np.uint8)):
            raise MalformedModel(
                f"the network's {name} is of another type",
                expected="float32, int8 or uint8",
                received=str(dtype),
            )
        if dtype != np.float32 and not (np.isfinite(scale) and scale > 0):
            raise MalformedModel(
                f"the network's {name} has no scale", expected="above 0", received=str(scale)
            )
        return cls(int(details["index"]), dtype, np.float32(scale), np.float32(zero_point))

    def to_stored(self, real: Float32Array, scratch: Float32Array, stored: npt.NDArray[Any]) -> None:
        """Write the real values as the tensor stores them: `clip(rint(real / scale) + zero_point)`."""
        if self.dtype == np.float32:
            stored[...] = real
            return
        limits = np.iinfo(stored.dtype)
        np.divide(real, self.scale, out=scratch)
        np.rint(scratch, out=scratch)
        scratch += self.zero_point
        np.clip(scratch, limits.min, limits.max, out=scratch)
        stored[...] = scratch

    def to_real(self, stored: npt.NDArray[Any]) -> Float32Array:
        """Return the real values, float32."""
        if self.dtype == np.float32:
            return stored
        real: Float32Array = stored.astype(np.float32)
        real -= self.zero_point
        real *= self.scale
        return real
