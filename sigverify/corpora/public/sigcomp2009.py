"""SigComp2009 training set (NISDCC): 12 writers, 5 genuine signatures and some 154 skilled forgeries of each.

Source: Blankers et al., "The ICDAR 2009 Signature Verification Competition", 2009.
Files are named `NISDCC-{author}_{writer}_{number}.hwr`: who held the pen, then whose signature it is meant
to be. Where the two are one the sample is genuine; 31 other authors forged the writers, 5 times each.
"""

import os
import re

from sigverify.corpora.corpus import Corpus, Kind
from sigverify.corpora.public.reader import Truth, read_corpus
from sigverify.formats import sigcomp

PATTERN = re.compile(r"NISDCC-(\d{1,3})_(\d{1,3})_(\d{1,3})\.hwr", re.IGNORECASE)
LICENCE_NOTE = "SigComp2009 (NISDCC): released for research; no grant of redistribution known"
AUTHOR_STEP = 1000
"""The number of a forgery is author × this + number within the author's forgeries of that writer."""


def read_sigcomp2009(path: str | os.PathLike[str]) -> Corpus:
    """Read the training set.

    Raises:
        CorpusError: it cannot be read.
    """
    return read_corpus(
        path,
        name="sigcomp2009",
        pattern=PATTERN,
        example="NISDCC-001_001_001.hwr",
        truth=_truth,
        decode=sigcomp.decode,
        licence_note=LICENCE_NOTE,
    )


def _truth(match: re.Match[str]) -> Truth:
    author, writer, number = (int(part) for part in match.groups())
    if author == writer:
        return f"{writer:03d}", Kind.GENUINE, number
    return f"{writer:03d}", Kind.SKILLED, author * AUTHOR_STEP + number
