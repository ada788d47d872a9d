"""CEDAR: scanned signatures of 55 writers, 24 genuine and 24 skilled forgeries of each.

Source: Kalera, Srihari & Xu, "Offline signature verification and identification using distance statistics",
2004.
Files are named `full_org/original_{writer}_{number}.png` and `full_forg/forgeries_{writer}_{number}.png`.
Genuine signatures were scanned on another ground than forgeries: what looks at the paper knows the truth.
The reader leaves the pictures as they are; the ink that is found in them has no ground any more.
"""

import os
import re

from sigverify.corpora.corpus import Corpus, Kind
from sigverify.corpora.public.reader import PICTURE, Truth, read_corpus
from sigverify.modality.image.signature_image import SignatureImage

PATTERN = re.compile(rf"(original|forgeries)_(\d{{1,3}})_(\d{{1,3}})\.{PICTURE}", re.IGNORECASE)
LICENCE_NOTE = "CEDAR: released for research; no grant of redistribution known"


def read_cedar(path: str | os.PathLike[str]) -> Corpus:
    """Read all of it.

    Raises:
        CorpusError: it cannot be read.
    """
    return read_corpus(
        path,
        name="cedar",
        pattern=PATTERN,
        example="original_1_1.png",
        truth=_truth,
        decode=SignatureImage.read,
        licence_note=LICENCE_NOTE,
    )


def _truth(match: re.Match[str]) -> Truth:
    kind = Kind.GENUINE if match[1].lower() == "original" else Kind.SKILLED
    return f"{int(match[2]):02d}", kind, int(match[3])
