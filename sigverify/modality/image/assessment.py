"""`assess`: whether a picture is good enough, and how much there is in it for a forger to get right."""

from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.quality import Flaw, Quality


def assess(image: SignatureImage) -> Quality:
    """Judge one capture by itself, as a reference."""
    return Quality(flaw=unfit(image), duration_ms=0.0, complexity=1.0)


def unfit(image: SignatureImage) -> Flaw | None:
    """Say what makes a capture unfit to be compared at all; None: nothing."""
    del image
    return None
