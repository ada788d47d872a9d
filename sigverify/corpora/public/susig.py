"""SUSIG Blind subcorpus: 90 writers, 8 to 10 genuine signatures and 10 skilled forgeries of each.

Source: Kholmatov & Yanikoglu, "SUSIG: an on-line signature database", 2009.
Files are named `{writer}_g_{number}.sig` and `{writer}_f_{number}.sig`; nobody saw the ink while signing.
"""

import os
import re

from sigverify.corpora.corpus import Corpus, Kind
from sigverify.corpora.public.reader import Truth, read_corpus
from sigverify.formats import susig

PATTERN = re.compile(r"(\d{1,4})_([gf])_(\d{1,4})\.sig", re.IGNORECASE)
LICENCE_NOTE = "SUSIG: released for research; no grant of redistribution known"


def read_susig_blind(path: str | os.PathLike[str]) -> Corpus:
    """Read the Blind subcorpus.

    Raises:
        CorpusError: it cannot be read.
    """
    return read_corpus(
        path,
        name="susig-blind",
        pattern=PATTERN,
        example="001_g_1.sig",
        truth=_truth,
        decode=susig.decode,
        licence_note=LICENCE_NOTE,
    )


def _truth(match: re.Match[str]) -> Truth:
    kind = Kind.GENUINE if match[2].lower() == "g" else Kind.SKILLED
    return f"{int(match[1]):03d}", kind, int(match[3])
