"""`SignatureImage`: one signature as a picture."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from sigverify.errors import InvalidSignature
from sigverify.modality.image.decoding import Source, check_size, decode
from sigverify.modality.image.grey import GreyArray
from sigverify.modality.image.ink import Ink, look_for_ink
from sigverify.modality.image.png import to_png
from sigverify.modality.image.sheet import HEIGHT, WIDTH, Sheet, lay_out


@dataclass(frozen=True, eq=False, repr=False)
class SignatureImage:
    """An immutable picture of a signature, validated on construction.

    Attributes:
        grey: `(h, w)` uint8, 0 black to 255 white; ink is darker than its paper, or lighter throughout.

    Raises:
        InvalidSignature: no such array, or sides that no picture of a signature has.
        FormatError: more than `decoding.MAX_PIXELS`.
    """

    grey: GreyArray

    def __init__(self, grey: npt.ArrayLike) -> None:
        """Take grey levels 0 to 255."""
        values = np.asarray(grey)
        if values.ndim != 2 or values.dtype != np.uint8:
            raise InvalidSignature(
                "no picture", expected="(h, w) uint8", received=f"{values.shape} {values.dtype}"
            )
        check_size(values.shape[1], values.shape[0])
        values = values.copy()
        values.flags.writeable = False
        object.__setattr__(self, "grey", values)

    @classmethod
    def read(cls, source: Source) -> Self:
        """Read a picture from a file (`str` or path), its bytes, a Pillow image or an array.

        PNG, JPEG, TIFF, BMP, GIF, WebP or PPM, of any mode and resolution, turned as Exif says, transparent
        or not; `(h, w)` grey, `(h, w, 3)` RGB or `(h, w, 4)` RGBA, whole numbers, bool or floats from 0 to 1.
        Of an animation or of several pages the first is taken. See `decoding` for its limits.

        Raises:
            UnknownFormat: no picture of a format that is read.
            FormatError: the file cannot be read, is too large, truncated or damaged.
            InvalidSignature: an array that is no picture, or no picture of a signature.
        """
        return cls(decode(source))

    def __eq__(self, other: object) -> bool:
        """Compare all pixels."""
        return isinstance(other, SignatureImage) and np.array_equal(self.grey, other.grey)

    def __hash__(self) -> int:
        """Hash all pixels."""
        return hash((self.grey.shape, self.grey.tobytes()))

    def __repr__(self) -> str:
        """Describe without the ink: it is personal and must not reach a log."""
        height, width = self.grey.shape
        return f"<SignatureImage {width} × {height} pixels>"

    def _repr_png_(self) -> bytes:
        """Show the picture in a notebook, which then holds it: ink is personal."""
        return to_png(self.grey)

    @cached_property
    def ink(self) -> Ink:
        """The ink without its paper, found when it is first asked for."""
        return look_for_ink(self.grey)

    @cached_property
    def sheet(self) -> Sheet:
        """The ink, levelled and placed; of a picture without ink an empty sheet, see `Flaw.NO_INK`."""
        if not self.ink.where.any():
            height, width = self.ink.where.shape
            return Sheet(np.zeros((HEIGHT, WIDTH), np.float32), 0.0, (0.0, 0.0, float(width), float(height)))
        return lay_out(self.ink.where)
