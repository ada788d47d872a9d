"""What a notebook shows of a picture."""

import io

import numpy as np
from PIL import Image
from toy_images import picture

from sigverify import SignatureImage
from sigverify.modality.image.png import LONGEST


def test_a_notebook_shows_the_picture():
    its = picture()
    shown = np.asarray(Image.open(io.BytesIO(its._repr_png_())))
    assert np.array_equal(shown, its.grey)
    assert len(repr(its)) < 60


def test_a_page_is_made_smaller():
    page = SignatureImage(np.tile(np.arange(256, dtype=np.uint8), (3000, 8)))
    shown = Image.open(io.BytesIO(page._repr_png_()))
    assert (shown.height, shown.width) == (LONGEST, round(LONGEST * 2048 / 3000))
