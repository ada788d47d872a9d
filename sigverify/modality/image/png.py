"""`to_png`: a picture as notebooks show it: a small PNG."""

import io
from typing import Final

from sigverify.modality.image.grey import GreyArray

LONGEST: Final = 640
"""Pixels of the longer side: a scan of a page would fill a notebook with megabytes."""


def to_png(grey: GreyArray) -> bytes:
    """Return the picture, no longer than `LONGEST`, as the bytes of a PNG file."""
    from PIL import Image

    picture = Image.fromarray(grey)
    picture.thumbnail((LONGEST, LONGEST))
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()
