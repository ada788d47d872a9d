"""`to_png`: a picture as a file, to be sent or kept."""

import io

from sigverify.modality.image.signature_image import SignatureImage


def to_png(image: SignatureImage) -> bytes:
    """Return the grey levels of a picture as a PNG file; nothing is lost."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image.grey).save(file, "PNG")
    return file.getvalue()
