"""`to_grey`: a picture of any mode to grey levels that show its ink, and neither stamps nor transparency.

Only whole numbers are computed with, by numpy and Pillow's 8-bit conversions: every platform finds the same.
"""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from sigverify.errors import InvalidSignature

if TYPE_CHECKING:
    from PIL import Image

GreyArray = npt.NDArray[np.uint8]
Lacks = npt.NDArray[np.int32]

DEEP_MODES: Final = frozenset(("I", "F", "I;16", "I;16L", "I;16B", "I;16N"))
"""Pillow's modes of more than 8 bits."""

_DARK: Final = 96
"""A pixel is looked at for its colour where some channel lacks so much of 255 that the paper has."""
_SEEN: Final = 128
"""Pixels of less opacity do not tell the colour of the ink."""
_LEAST_DARK: Final = 500
"""One pixel in so many that are seen is dark, where there is dark ink: the rest may be opaque paper."""
_LEAST_STAMP: Final = 50
"""One dark pixel in so many is red or green, where there is a stamp."""
_LEAST_INK: Final = 8
"""One dark pixel in so many is neither, where there is ink beside the stamp."""
_PALEST: Final = 0.9
"""Share of a stamp's pixels that becomes as light as paper."""
_WHOLE: Final = 256
"""Shares are whole numbers of so many."""
_LOOKED_AT: Final = 256
"""Pixels of the longer side of the picture whose colours are counted."""


def from_levels(values: npt.NDArray[Any]) -> GreyArray:
    """Turn levels of any depth into 8 bits.

    Whole numbers are of 8 to 32 bits, or 0 and 1 of a mask; floats go from 0 to 1, or as these do. The
    largest value tells the depth: 12 bits in an array of 16 are still 12.

    Raises:
        InvalidSignature: not finite, negative, or no numbers.
    """
    if values.dtype.kind == "b" or (values.dtype.kind in "iu" and values.min() >= 0 and values.max() <= 1):
        return np.where(values, np.uint8(255), np.uint8(0))  # a mask
    if values.dtype == np.uint8:
        return np.asarray(values, np.uint8)
    if values.dtype.kind not in "iuf":
        raise InvalidSignature(
            "no picture", expected="8 or 16 bits, bool or float", received=str(values.dtype)
        )
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise InvalidSignature("a picture that is not finite", expected="levels from 0 to 1")
        if values.max() <= 1:
            values = np.rint(255 * values.astype(np.float64))
        # Whole numbers in floats, as some libraries keep them; beyond 32 bits it is no level.
        values = np.minimum(np.rint(values), 2.0**32)
        if values.min() >= 0:
            values = values.astype(np.int64)
    if values.min() < 0:
        raise InvalidSignature("a picture with negative levels", expected="levels of at least 0")
    bits = int(values.max()).bit_length()
    return np.asarray(values if bits <= 8 else values >> (bits - 8), np.uint8)


def plain(picture: "Image.Image") -> "Image.Image":
    """Return a picture as L, LA, RGB or RGBA, whatever its mode is."""
    from PIL import Image

    mode = picture.mode
    if mode in DEEP_MODES:
        return Image.fromarray(from_levels(np.asarray(picture)))
    if mode == "LAB":
        return picture.getchannel(0)  # lightness; the way to RGB is not the same everywhere
    if mode in ("La", "RGBa"):
        return picture.convert(mode.upper())
    if mode in ("P", "PA") or "transparency" in picture.info:
        clear = mode == "PA" or "transparency" in picture.info
        return picture.convert("RGBA" if clear else "L" if _has_grey_palette(picture) else "RGB")
    if mode in ("L", "LA", "RGB", "RGBA"):
        return picture
    return picture.convert("L" if mode == "1" else "RGB")


def _has_grey_palette(picture: "Image.Image") -> bool:
    """Tell a palette without colour, as many scanners write it: no stamp is looked for among greys."""
    levels = picture.getpalette("RGB")
    return levels is not None and levels[::3] == levels[1::3] == levels[2::3]


def to_grey(picture: "Image.Image", lacks: Lacks | None = None) -> GreyArray:
    """Return grey levels `(h, w)` of a picture of mode L or RGB; `lacks` as of `dark_colours`."""
    if picture.mode == "L":
        return np.asarray(picture)
    stamps = _stamps(dark_colours(picture) if lacks is None else lacks)
    if not stamps:
        return np.asarray(picture.convert("L"))
    pixels = np.asarray(picture)
    least = pixels.min(axis=2).astype(np.int32)
    levels = np.zeros(least.shape, np.int32)
    for channel, share in stamps.items():
        # A stamp is lightest in the channel of its own colour, and there made as light as paper. Black ink is
        # as dark in all channels, and blue ink in both of these.
        own = pixels[:, :, channel].astype(np.int32)
        levels = np.maximum(levels, own + share * (own - least) // _WHOLE)
    return np.asarray(np.minimum(levels, 255), np.uint8)


def on_ground(picture: "Image.Image") -> "Image.Image":
    """Lay a transparent picture on white; on black where what is seen of it has nothing dark."""
    from PIL import Image

    if picture.mode not in ("LA", "RGBA"):
        return picture
    alpha = picture.getchannel("A")
    colour = picture.convert("L" if picture.mode == "LA" else "RGB")
    seen = np.asarray(alpha) >= _SEEN
    if seen.all():
        return colour
    dark = np.asarray(colour.convert("L"))[seen] < 128
    white = 255 if _LEAST_DARK * int(dark.sum()) >= dark.size else 0
    ground = Image.new(colour.mode, colour.size, white if colour.mode == "L" else (white,) * 3)
    ground.paste(colour, mask=alpha)
    return ground


def dark_colours(picture: "Image.Image") -> Lacks:
    """Return what R, G and B of each dark pixel, `(3, n)`, lack of the paper, of a picture of mode RGB."""
    factor = max(picture.size) // _LOOKED_AT
    if factor > 1:
        picture = picture.reduce(factor)
    # By channel and in bytes: numpy takes ten times as long for three neighbours of each pixel, as integers.
    planes = np.stack([np.asarray(channel).ravel() for channel in picture.split()])
    lacks = lacks_of(planes)
    return lacks[:, lacks.max(axis=0) >= _DARK].astype(np.int32)


def lacks_of(planes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return what each pixel of each channel, `(3, n)`, lacks of its paper, which half of them are."""
    paper = np.median(planes, axis=1, keepdims=True).astype(np.uint8)
    return np.asarray(paper - np.minimum(planes, paper), np.uint8)


def _stamps(lacks: Lacks) -> dict[int, int]:
    """Return the channels, R and G, of which colour there is something beside ink of another colour.

    Each with what it lacks of paper, in `_WHOLE` of what it is lighter by than the darkest channel.
    Pens are black or blue, so that blue is ink here, see `inks`; red is a stamp, or ink where it is alone.
    """
    # Of a coloured pixel one channel lacks less than half of what another does, at its edges too.
    least, most = lacks.min(axis=0), lacks.max(axis=0)
    coloured = 2 * least < most
    stamps = {channel: coloured & (lacks.argmin(axis=0) == channel) for channel in (0, 1)}
    dark = len(most)
    ink = dark - sum(int(stamp.sum()) for stamp in stamps.values())
    # Of a stamp in a JPEG file, which keeps colour coarsely, much is paler: it goes as well.
    pale = 4 * least < 3 * most
    whole = {channel: pale & (lacks.argmin(axis=0) == channel) for channel in stamps}
    if _LEAST_INK * ink < dark:
        return {}
    return {
        channel: int(np.quantile(_WHOLE * least[whole[channel]] // (most - least)[whole[channel]], _PALEST))
        for channel, stamp in stamps.items()
        if stamp.any() and _LEAST_STAMP * int(stamp.sum()) >= dark
    }
