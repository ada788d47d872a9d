"""`without_print`: of a picture in black and blue, that of the two inks which a hand wrote.

Either is a pen's, and either is a stamp's or a form's: colour parts them, and only their shape tells which is
which. Where it does not, both are left, and `assessment` says what it sees.
"""

from typing import TYPE_CHECKING, Final

import numpy as np

from sigverify.modality.image.grey import GreyArray, Lacks, lacks_of
from sigverify.modality.image.ink import look_for_ink
from sigverify.modality.image.machine_made import is_machine_made

if TYPE_CHECKING:
    from PIL import Image

_BLUE: Final = 3, 4
"""Blue ink lacks less than 3 / 4 in the blue channel of what it lacks most: JPEG keeps colour coarsely …"""
_BLACK: Final = 17, 20
"""… and black ink lacks more than 17 / 20 in each."""
_LEAST: Final = 10
"""One dark pixel in so many is black, and one blue, where there are two inks …"""
_BETWEEN: Final = 4
"""… and a fourth as many are in between, at most: those of one pen are, where it writes more thickly."""
_LEAST_INK: Final = 40
"""Pixels of ink that each of them has, as any signature."""
_WHOLE: Final = 256
"""Shares are whole numbers of so many."""
_BLUE_CHANNEL: Final = 2


def without_print(picture: "Image.Image", grey: GreyArray, dark: Lacks) -> GreyArray:
    """Return grey levels `(h, w)` of a picture of mode RGB: those given, or those of one of its two inks.

    `dark` are its `dark_colours`.
    """
    share = _share(dark)
    if share is None:
        return grey
    lacks = lacks_of(np.asarray(picture).reshape(-1, 3).T).astype(np.int32)
    most, own = lacks.max(axis=0), lacks[_BLUE_CHANNEL]
    colour = most - own
    # Of blue ink its channel lacks so much of its colour, at most and usually; black ink has no colour.
    black = 255 - np.maximum(own - _BLUE[0] * colour // (_BLUE[1] - _BLUE[0]), 0)
    blue = 255 - np.minimum(colour + share * colour // _WHOLE, 255)
    inks = [each.astype(np.uint8).reshape(grey.shape) for each in (black, blue)]
    seen = [look_for_ink(each).where for each in inks]
    if min(int(each.sum()) for each in seen) < _LEAST_INK:
        return grey
    made = [is_machine_made(each) for each in seen]
    return grey if made[0] == made[1] else inks[made.index(False)]


def _share(lacks: Lacks) -> int | None:
    """Return what blue ink lacks in blue, in `_WHOLE` of its colour; None where not both inks are seen."""
    most, own = lacks.max(axis=0), lacks[_BLUE_CHANNEL]
    blue = (_BLUE[1] * own < _BLUE[0] * most) & (lacks.argmin(axis=0) == _BLUE_CHANNEL)
    black = _BLACK[1] * lacks.min(axis=0) > _BLACK[0] * most
    least = min(int(blue.sum()), int(black.sum()))
    between = len(most) - int(blue.sum()) - int(black.sum())
    if not least or _LEAST * least < len(most) or _BETWEEN * between > least:
        return None
    return int(np.median(_WHOLE * own[blue] // (most[blue] - own[blue])))
