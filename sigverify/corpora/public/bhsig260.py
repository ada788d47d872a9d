"""BHSig260: scanned signatures in Hindi (160 writers) and Bengali (100), 24 genuine and 30 forged of each.

Source: Pal, Alaei, Pal & Blumenstein, "Performance of an off-line signature verification method based on
texture features on a large Indic-script signature dataset", 2016.
The original has a folder for each writer with `H-S-{writer}-G-{number}.tif`, G for genuine and F for forged
(B for Bengali). Some file names there tell another writer than their folder: the folder is right. A copy has
`bhh_{writer}/bhh_{writer}_g_{number}.png` and `bhh_{writer}_forg/bhh_{writer}_f_{number}.png` (bhb for
Bengali, by analogy: only the Hindi part was at hand). Both are read.

The scans are black and white. In the Hindi part forgeries are 15 % wider than what they imitate: width,
height and stroke width in pixels alone reach an equal error rate of 20 %. And 33 scans of it stand there
twice or more, under other numbers of the same writer.
"""

import os
import re

from sigverify.corpora.corpus import Corpus, Kind
from sigverify.corpora.public.reader import PICTURE, Truth, read_corpus
from sigverify.modality.image.signature_image import SignatureImage

LICENCE_NOTE = "BHSig260: released for research; no grant of redistribution known"


def read_hindi(path: str | os.PathLike[str]) -> Corpus:
    """Read the Hindi part.

    Raises:
        CorpusError: it cannot be read.
    """
    return _read(path, "bhsig260-hindi", "H")


def read_bengali(path: str | os.PathLike[str]) -> Corpus:
    """Read the Bengali part.

    Raises:
        CorpusError: it cannot be read.
    """
    return _read(path, "bhsig260-bengali", "B")


def _read(path: str | os.PathLike[str], name: str, script: str) -> Corpus:
    return read_corpus(
        path,
        name=name,
        pattern=_pattern(script),
        whole_name=True,
        example=f"{script}-S-1-G-01.tif or bh{script.lower()}_001_g_01.png",
        truth=_truth,
        decode=SignatureImage.read,
        licence_note=LICENCE_NOTE,
    )


def _pattern(script: str) -> re.Pattern[str]:
    """Match either layout, with or without folders before it."""
    original = rf"(?:(?:.*/)?(?P<folder>\d{{1,3}})/|.*/|){script}-S-(\d{{1,3}})-([GF])-(\d{{1,2}})"
    copy = rf"(?:.*/)?bh{script}_(\d{{1,3}})_([gf])_(\d{{1,2}})"
    return re.compile(rf"(?:{original}|{copy})\.{PICTURE}", re.IGNORECASE)


def _truth(match: re.Match[str]) -> Truth:
    folder, *parts = match.groups()
    writer, letter, number = (part for part in parts if part is not None)
    kind = Kind.GENUINE if letter.lower() == "g" else Kind.SKILLED
    return f"{int(folder or writer):03d}", kind, int(number)
