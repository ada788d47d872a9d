"""SigComp2011, off-line: scanned Dutch signatures (64 writers) and Chinese ones (20), with skilled forgeries.

Source: Liwicki et al., "Signature verification competition for online and offline skilled forgeries
(SigComp2011)", 2011.
The training set has `{writer}_{number}.png`, genuine, and `{forger}{writer}_{number}.png`, forged; writers
have three digits and forgers four. The test set turns that round, in a folder for each writer:
`{number}_{writer}.png` and `{number}_{forger}{writer}.png`, below "Reference(…)" for what was known and
"Questioned(…)" for what was asked. The data were not at hand: these are the names that published programs
expect.

Writers of the two sets are numbered each from 1 and named apart here. Dutch and Chinese ones are told apart
by a folder above them of that name; where there is none, all is read.
"""

import os
import re

from sigverify.corpora.corpus import Corpus, Kind
from sigverify.corpora.public.reader import PICTURE, Truth, read_corpus
from sigverify.modality.image.signature_image import SignatureImage

LICENCE_NOTE = "SigComp2011: released for research; no grant of redistribution known"
FORGER_STEP = 100
"""The number of a forgery is forger × this + number within the forger's forgeries of that writer."""
QUESTIONED = 100
"""Added to the number of a questioned genuine signature: it comes after the references."""


def read_dutch(path: str | os.PathLike[str]) -> Corpus:
    """Read the Dutch part.

    Raises:
        CorpusError: it cannot be read.
    """
    return _read(path, "sigcomp2011-dutch", other="chinese")


def read_chinese(path: str | os.PathLike[str]) -> Corpus:
    """Read the Chinese part.

    Raises:
        CorpusError: it cannot be read.
    """
    return _read(path, "sigcomp2011-chinese", other="dutch")


def _read(path: str | os.PathLike[str], name: str, *, other: str) -> Corpus:
    training = r"(?P<forger>\d{4})?(?P<writer>\d{3})_(?P<number>\d{1,2})"
    test = r"(?P<test_number>\d{1,2})_(?P<test_forger>\d{4})?(?P<test_writer>\d{3})"
    return read_corpus(
        path,
        name=name,
        pattern=re.compile(rf"(?!.*{other})(?P<folder>.*/)?(?:{training}|{test})\.{PICTURE}", re.IGNORECASE),
        whole_name=True,
        example="001_01.png or 01_001.png",
        truth=_truth,
        decode=SignatureImage.read,
        licence_note=LICENCE_NOTE,
    )


def _truth(match: re.Match[str]) -> Truth:
    part, prefix = ("train", "") if match["writer"] else ("test", "test_")
    writer, forger, number = (match[f"{prefix}{what}"] for what in ("writer", "forger", "number"))
    name = f"{part}-{writer}"
    if forger:
        return name, Kind.SKILLED, int(forger) * FORGER_STEP + int(number)
    questioned = "questioned" in (match["folder"] or "").lower()
    return name, Kind.GENUINE, int(number) + QUESTIONED * questioned
