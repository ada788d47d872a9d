"""`SignatureImage`: one signature as a picture."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sigverify.errors import InvalidSignature
from sigverify.modality.image.ink import GreyArray, find_ink
from sigverify.modality.image.sheet import Sheet, lay_out


@dataclass(frozen=True, eq=False)
class SignatureImage:
    """An immutable picture of a signature, validated on construction.

    Attributes:
        grey: `(h, w)` uint8, 0 black to 255 white; ink is darker than its paper, or lighter throughout.

    Raises:
        InvalidSignature: no such array, or no ink in it.
    """

    grey: GreyArray

    def __init__(self, grey: npt.ArrayLike) -> None:
        """Take grey levels 0 to 255."""
        values = np.asarray(grey)
        if values.ndim != 2 or values.dtype != np.uint8 or not values.size:
            raise InvalidSignature(
                "no picture", expected="(h, w) uint8", received=f"{values.shape} {values.dtype}"
            )
        values = values.copy()
        values.flags.writeable = False
        object.__setattr__(self, "grey", values)

    def __eq__(self, other: object) -> bool:
        """Compare all pixels."""
        return isinstance(other, SignatureImage) and np.array_equal(self.grey, other.grey)

    def __hash__(self) -> int:
        """Hash all pixels."""
        return hash((self.grey.shape, self.grey.tobytes()))

    @cached_property
    def sheet(self) -> Sheet:
        """The ink, levelled and placed.

        Raises:
            InvalidSignature: there is none.
        """
        ink = find_ink(self.grey)
        if not ink.any():
            raise InvalidSignature("a picture without ink", expected="dark ink on light paper")
        return lay_out(ink)
