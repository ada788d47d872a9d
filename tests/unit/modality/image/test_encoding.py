import io

import numpy as np
from PIL import Image
from toy_images import picture

from sigverify.modality.image.encoding import to_png
from sigverify.modality.image.signature_image import SignatureImage


def test_nothing_is_lost():
    for image in (picture(), SignatureImage(np.arange(256, dtype=np.uint8).reshape(16, 16))):
        assert SignatureImage.read(to_png(image)) == image


def test_it_is_grey_and_says_nothing_else():
    file = Image.open(io.BytesIO(to_png(picture())))
    assert (file.format, file.mode, file.info) == ("PNG", "L", {})
