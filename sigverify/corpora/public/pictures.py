"""Public corpora of scanned signatures: one value each."""

import re
from typing import Final

from sigverify.corpora.corpus import Kind
from sigverify.corpora.public import cross_media
from sigverify.corpora.public.layouts import (
    PublicLayout,
    Truth,
    sigcomp2011_pattern,
    sigcomp2011_truth,
    told,
)
from sigverify.modality.image.signature_image import SignatureImage

ENDINGS: Final = "(?:png|jpe?g|tiff?|bmp)"
"""End the names of pictures; copies of a corpus are often converted. Lists and thumbnails have others."""
RESEARCH: Final = "{}: released for research; no grant of redistribution known"
LICENSED: Final = "{}: licensed for research by its authors; no redistribution"


def _bhsig260_pattern(script: str) -> re.Pattern[str]:
    """Match either layout, with or without folders before it."""
    original = rf"(?:(?:.*/)?(?P<folder>\d{{1,3}})/|.*/|){script}-S-(\d{{1,3}})-([GF])-(\d{{1,2}})"
    copy = rf"(?:.*/)?bh{script}_(\d{{1,3}})_([gf])_(\d{{1,2}})"
    return re.compile(rf"(?:{original}|{copy})\.{ENDINGS}", re.IGNORECASE)


def _bhsig260_truth(match: re.Match[str]) -> Truth:
    folder, *parts = match.groups()
    writer, letter, number = (part for part in parts if part is not None)
    kind = Kind.GENUINE if letter.lower() == "g" else Kind.SKILLED
    return f"{int(folder or writer):03d}", kind, int(number)


PICTURES: Final = (
    *(
        PublicLayout(
            name=f"bhsig260-{language}",
            title=f"BHSig260, {language.capitalize()}",
            source="Pal, Alaei, Pal & Blumenstein, Performance of an off-line signature verification "
            "method based on texture features on a large Indic-script signature dataset, 2016",
            about="160 writers in Hindi, 100 in Bengali, 24 genuine signatures and 30 forged of each, "
            "scanned in black and white. Some file names of the original tell another writer than their "
            "folder: the folder is right. A copy has bhh_{writer}/bhh_{writer}_g_{number}.png (bhb for "
            "Bengali, by analogy: only the Hindi part was at hand); both are read. In the Hindi part "
            "forgeries are 15 % wider than what they imitate: width, height and stroke width in pixels "
            "alone reach an equal error rate of 20 %. And 33 scans of it stand there twice or more, under "
            "other numbers of the same writer.",
            example=f"{script}-S-1-G-01.tif or bh{script.lower()}_001_g_01.png",
            pattern=_bhsig260_pattern(script),
            truth=_bhsig260_truth,
            decode=SignatureImage.read,
            licence_note=RESEARCH.format("BHSig260"),
            whole_name=True,
        )
        for language, script in (("hindi", "H"), ("bengali", "B"))
    ),
    PublicLayout(
        name="cross-media",
        title="Cross-media Signatures",
        source="Luo, Pu, Yin, Liu, Tan, Zhang & Hu, Is there a difference between paper and electronic "
        "Chinese signatures?, Advanced Intelligent Systems 5, 2300439, 2023",
        about="100 people wrote the same ten Chinese names on paper, a tablet and, twice, a phone; what "
        "that makes of writers and forgers stands in cross_media.",
        example="1/paper_01.png",
        pattern=re.compile(rf"{cross_media.STEM}\.{ENDINGS}", re.IGNORECASE),
        truth=cross_media.truth,
        decode=SignatureImage.read,
        licence_note=cross_media.LICENCE_NOTE,
        whole_name=True,
    ),
    PublicLayout(
        name="cedar",
        title="CEDAR",
        source="Kalera, Srihari & Xu, Offline signature verification and identification using distance "
        "statistics, 2004",
        about="55 writers, 24 genuine signatures and 24 skilled forgeries of each. Genuine ones were "
        "scanned on another ground than forgeries: what looks at the paper knows the truth. The pictures "
        "are left as they are; the ink that is found in them has no ground any more.",
        example="original_1_1.png",
        pattern=re.compile(
            rf"(?P<kind>original|forgeries)_(?P<writer>\d{{1,3}})_(?P<number>\d{{1,3}})\.{ENDINGS}",
            re.IGNORECASE,
        ),
        truth=told(2, "original"),
        decode=SignatureImage.read,
        licence_note=RESEARCH.format("CEDAR"),
    ),
    PublicLayout(
        name="gpds",
        title="GPDS (960, 300, 160 and synthetic)",
        source="Vargas, Ferrer, Travieso & Alonso, Off-line handwritten signature GPDS-960 corpus, 2007; "
        "Ferrer, Díaz-Cabrera & Morales, Static signature synthesis, 2015",
        about="24 genuine signatures and 24 to 30 forgeries of each writer, in a folder each.",
        example="c-001-01.jpg",
        pattern=re.compile(
            rf"(?P<kind>cf?)-(?P<writer>\d{{1,5}})-(?P<number>\d{{1,3}})\.{ENDINGS}", re.IGNORECASE
        ),
        truth=told(5, "c"),
        decode=SignatureImage.read,
        licence_note=LICENSED.format("GPDS"),
    ),
    PublicLayout(
        name="mcyt75",
        title="MCYT-75, off-line",
        source="Fierrez-Aguilar, Alonso-Hermira, Moreno-Marquez & Ortega-Garcia, An off-line signature "
        "verification system based on fusion of local and global information, 2004",
        about="75 writers, 15 genuine signatures and 15 skilled forgeries of each: {writer}v{number}.bmp "
        "and {forger}_{writer}f{number}.bmp, in copies without the forger.",
        example="0001v00.bmp",
        pattern=re.compile(
            rf"(?:(?P<forger>\d{{4}})_)?(?P<writer>\d{{4}})(?P<kind>[vf])(?P<number>\d{{2}})\.{ENDINGS}",
            re.IGNORECASE,
        ),
        truth=told(4, "v"),
        decode=SignatureImage.read,
        licence_note=LICENSED.format("MCYT-75"),
    ),
    *(
        PublicLayout(
            name=f"sigcomp2011-{language}",
            title=f"SigComp2011, off-line, {language.capitalize()}",
            source="Liwicki et al., Signature verification competition for online and offline skilled "
            "forgeries (SigComp2011), 2011",
            about="64 writers in Dutch, 20 in Chinese, with skilled forgeries. The training set has "
            "{writer}_{number}.png, genuine, and {forger}{writer}_{number}.png, forged; writers have three "
            "digits and forgers four. The test set turns that round, in a folder for each writer, below "
            "Reference(…) for what was known and Questioned(…) for what was asked. Writers of the two sets "
            "are numbered each from 1 and named apart here. Dutch and Chinese ones are told apart by a "
            "folder above them of that name; where there is none, all is read.",
            example="001_01.png or 01_001.png",
            pattern=sigcomp2011_pattern(other, ENDINGS),
            truth=sigcomp2011_truth,
            decode=SignatureImage.read,
            licence_note=RESEARCH.format("SigComp2011"),
            whole_name=True,
            unseen=True,
        )
        for language, other in (("dutch", "chinese"), ("chinese", "dutch"))
    ),
)
