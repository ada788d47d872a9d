"""GPDS (960, 300, 160 and synthetic): scans, 24 genuine signatures and 24 to 30 forgeries of each writer.

Source: Vargas, Ferrer, Travieso & Alonso, "Off-line handwritten signature GPDS-960 corpus", 2007; Ferrer,
Díaz-Cabrera & Morales, "Static signature synthesis: a neuromotor inspired approach for biometrics", 2015.
A folder for each writer has `c-{writer}-{number}.jpg`, genuine, and `cf-{writer}-{number}.jpg`, forged.
"""

import os
import re

from sigverify.corpora.corpus import Corpus, Kind
from sigverify.corpora.public.reader import PICTURE, Truth, read_corpus
from sigverify.modality.image.signature_image import SignatureImage

PATTERN = re.compile(rf"c(f?)-(\d{{1,5}})-(\d{{1,3}})\.{PICTURE}", re.IGNORECASE)
LICENCE_NOTE = "GPDS: licensed for research by its authors; no redistribution"


def read_gpds(path: str | os.PathLike[str]) -> Corpus:
    """Read all writers that are there.

    Raises:
        CorpusError: it cannot be read.
    """
    return read_corpus(
        path,
        name="gpds",
        pattern=PATTERN,
        example="c-001-01.jpg",
        truth=_truth,
        decode=SignatureImage.read,
        licence_note=LICENCE_NOTE,
    )


def _truth(match: re.Match[str]) -> Truth:
    return f"{int(match[2]):05d}", Kind.SKILLED if match[1] else Kind.GENUINE, int(match[3])
