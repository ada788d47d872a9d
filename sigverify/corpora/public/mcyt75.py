"""MCYT-75: scanned signatures of 75 writers, 15 genuine and 15 skilled forgeries of each.

Source: Fierrez-Aguilar, Alonso-Hermira, Moreno-Marquez & Ortega-Garcia, "An off-line signature verification
system based on fusion of local and global information", 2004.
A folder for each writer has `{writer}v{number}.bmp`, genuine, and `{writer}f{number}.bmp`, forged.
"""

import os
import re

from sigverify.corpora.corpus import Corpus, Kind
from sigverify.corpora.public.reader import PICTURE, Truth, read_corpus
from sigverify.modality.image.signature_image import SignatureImage

PATTERN = re.compile(rf"(\d{{4}})([vf])(\d{{2}})\.{PICTURE}", re.IGNORECASE)
LICENCE_NOTE = "MCYT-75: licensed for research by its authors; no redistribution"


def read_mcyt75(path: str | os.PathLike[str]) -> Corpus:
    """Read all of it.

    Raises:
        CorpusError: it cannot be read.
    """
    return read_corpus(
        path,
        name="mcyt75",
        pattern=PATTERN,
        example="0001v00.bmp",
        truth=_truth,
        decode=SignatureImage.read,
        licence_note=LICENCE_NOTE,
    )


def _truth(match: re.Match[str]) -> Truth:
    return match[1], Kind.GENUINE if match[2].lower() == "v" else Kind.SKILLED, int(match[3])
