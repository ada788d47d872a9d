"""`Examined`: what a comparison needs of one capture."""

from dataclasses import dataclass

from sigverify.matching.embedding import Embedding
from sigverify.modality.quality import Flaw


@dataclass(frozen=True, eq=False, kw_only=True)
class Examined:
    """One capture, looked at once.

    Attributes:
        flaw: what makes it unfit to be compared at all; None: nothing.
        embedding: of one that is fit; None where it is not.
        outlines: of one that is fit, see `Modality.outlines`; none where its kind has none, or nobody asked.
    """

    flaw: Flaw | None = None
    embedding: Embedding | None = None
    outlines: tuple[bytes, ...] = ()
