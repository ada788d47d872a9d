"""How large pictures are, and how much of them is ink."""

from dataclasses import dataclass

from sigverify.corpora.check.spread import Spread
from sigverify.corpora.check.subject import Subject
from sigverify.modality.image.signature_image import SignatureImage


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """What the pictures are like.

    Attributes:
        width, height: in pixels.
        ink: share of the pixels that are ink, in the part of a picture in which there is some.
    """

    width: Spread
    height: Spread
    ink: Spread


def look(subject: Subject) -> Pictures:
    """Measure all pictures."""
    heights, widths, shares = [], [], []
    for sample in subject.corpus.samples:
        if isinstance(sample.capture, SignatureImage):
            heights.append(sample.capture.grey.shape[0])
            widths.append(sample.capture.grey.shape[1])
            shares.append(float(sample.capture.ink.where.mean()))
            subject.progress("ink", len(shares), len(subject.corpus))
    return Pictures(width=Spread.of(widths), height=Spread.of(heights), ink=Spread.of(shares))
