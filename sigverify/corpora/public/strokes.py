"""Public corpora of pen strokes: one value each."""

import re
from collections.abc import Callable
from typing import Final

import numpy as np

from sigverify.corpora.corpus import Kind
from sigverify.corpora.public.layouts import (
    STEP,
    PublicLayout,
    Truth,
    sigcomp2011_pattern,
    sigcomp2011_truth,
    told,
)
from sigverify.errors import FormatError
from sigverify.formats import Channel, Quantity, read_recording, svc2004
from sigverify.formats.pen_lift import ink_from_touch
from sigverify.formats.recording import Recording
from sigverify.formats.registry import FORMATS
from sigverify.formats.table import Table, split_header, uniform_lines
from sigverify.modality.pen.signature import Signature

SVC2004_GENUINE: Final = 20
"""Numbers to this one are genuine, those above forged."""
SVC2004_COLUMNS: Final = {1: "4 columns", 2: "7 columns"}
SIGCOMP2009_STEP: Final = 1000
"""The number of a forgery is author × this + number within the author's forgeries of that writer."""
SIGCOMP2011_RATE_HZ: Final = 200.0
BIOSECURID_GENUINE: Final = frozenset({1, 2, 6, 7})
"""Of the seven signatures of a session; 3, 4 and 5 are forgeries of that writer's."""
DEEPSIGNDB_PARTS: Final = {"development": "dev", "evaluation": "eval"}
RESEARCH: Final = "{}: released for research; no grant of redistribution known"
LICENSED: Final = "{}: licensed for research by its authors; no redistribution"


def of_formats(*names: str) -> Callable[[bytes], Signature]:
    """Return what decodes files of these formats and refuses others, which a corpus does not have."""

    def decode(data: bytes) -> Signature:
        recording = read_recording(data)
        if recording.format not in names:
            raise FormatError(
                "a file of another format",
                expected=" or ".join(FORMATS[name].title for name in names),
                received=FORMATS[recording.format].title,
            )
        return recording.signature()

    return decode


def _svc2004_task(task: int) -> Callable[[bytes], Signature]:
    """Return what decodes one of the tasks: the other has pressure, or has none."""

    def decode(data: bytes) -> Signature:
        signature = svc2004.decode(data).signature()
        found = 1 if signature.pressure is None else 2
        if found != task:
            raise FormatError(
                f"this is a file of Task {found}",
                expected=SVC2004_COLUMNS[task],
                received=SVC2004_COLUMNS[found],
            )
        return signature

    return decode


def _svc2004_truth(match: re.Match[str]) -> Truth:
    number = int(match[2])
    return f"{int(match[1]):02d}", Kind.GENUINE if number <= SVC2004_GENUINE else Kind.SKILLED, number


def _susig_visual_truth(match: re.Match[str]) -> Truth:
    """People of the validation part are numbered from 1, too: they are others."""
    forged = match["kind"].lower() == "f"
    number = int(match["number"]) + (0 if forged else STEP * int(match["kind"]))
    prefix = "v" if "validation" in (match["folder"] or "").lower() else ""
    return f"{prefix}{int(match['writer']):03d}", Kind.SKILLED if forged else Kind.GENUINE, number


def _sigcomp2009_truth(match: re.Match[str]) -> Truth:
    author, writer, number = (int(part) for part in match.groups())
    if author == writer:
        return f"{writer:03d}", Kind.GENUINE, number
    return f"{writer:03d}", Kind.SKILLED, author * SIGCOMP2009_STEP + number


def _sigcomp2011_decode(data: bytes) -> Signature:
    """Read rows of x, y and pressure at 200 Hz, with or without a count above them."""
    body, first_line = uniform_lines(data), 1
    if re.match(rb"\s*\d+[ \t]*\n", body):
        _, body, first_line = split_header(body, 1)
    x, y, pressure = Table.parse(body, first_line=first_line, widths=(3,)).values.T
    pressure = np.maximum(pressure, 0)
    channels = dict(
        zip((Quantity.X, Quantity.Y, Quantity.PRESSURE), map(Channel, (x, y, pressure)), strict=True)
    )
    ink = ink_from_touch(pressure > 0)
    return Recording(format="", channels=channels, ink=ink, rate_hz=SIGCOMP2011_RATE_HZ).signature()


def _biosecurid_truth(match: re.Match[str]) -> Truth:
    writer, session, number = match[1], int(match[2]), int(match[3])
    kind = Kind.GENUINE if number in BIOSECURID_GENUINE else Kind.SKILLED
    return writer, kind, session * STEP + number


def _mobisig_truth(match: re.Match[str]) -> Truth:
    """Take the folder for whose signature it is; of a file alone the first name."""
    first, second = int(match["first"]), int(match["second"])
    writer = int(match["folder"] or first)
    if match["kind"].upper() == "GEN":
        return f"{writer:02d}", Kind.GENUINE, int(match["number"])
    forger = second if writer == first else first
    return f"{writer:02d}", Kind.SKILLED, forger * STEP + int(match["number"])


def _deepsigndb_truth(match: re.Match[str]) -> Truth:
    """Number by all digits of the rest of the name, which says the original's session, device and sample."""
    rest = int("1" + "".join(f"{int(digits):04d}" for digits in re.findall(r"\d{1,4}", match["rest"])))
    kind = Kind.GENUINE if match["kind"].lower() == "g" else Kind.SKILLED
    return f"{DEEPSIGNDB_PARTS[match['part'].lower()]}-{match['writer']}", kind, rest


def _deepsigndb(device: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?:.*/)?(?P<part>Development|Evaluation)/{device}/"
        r"u(?P<writer>\d{4})_(?P<kind>[gs])_(?P<rest>[\w-]{1,60})\.txt",
        re.IGNORECASE,
    )


STROKES: Final = (
    PublicLayout(
        name="svc2004-task1",
        title="SVC2004 Task 1",
        source="Yeung et al., SVC2004: First International Signature Verification Competition, 2004",
        about="40 writers, 20 genuine signatures and 20 skilled forgeries of each: position, time and "
        "button only. The signatures were invented for the collection, and the forgers had seen them being "
        "written.",
        example="U1S1.TXT",
        pattern=re.compile(r"U(\d{1,4})S(\d{1,4})\.TXT", re.IGNORECASE),
        truth=_svc2004_truth,
        decode=_svc2004_task(1),
        licence_note=RESEARCH.format("SVC2004"),
    ),
    PublicLayout(
        name="svc2004-task2",
        title="SVC2004 Task 2",
        source="Yeung et al., SVC2004: First International Signature Verification Competition, 2004",
        about="40 other writers, 20 genuine signatures and 20 skilled forgeries of each, with pressure.",
        example="U1S1.TXT",
        pattern=re.compile(r"U(\d{1,4})S(\d{1,4})\.TXT", re.IGNORECASE),
        truth=_svc2004_truth,
        decode=_svc2004_task(2),
        licence_note=RESEARCH.format("SVC2004"),
    ),
    PublicLayout(
        name="susig-blind",
        title="SUSIG Blind subcorpus",
        source="Kholmatov & Yanikoglu, SUSIG: an on-line signature database, 2009",
        about="90 writers, 8 to 10 genuine signatures and 10 skilled forgeries of each; nobody saw the ink "
        "while signing.",
        example="001_g_1.sig",
        pattern=re.compile(r"(?P<writer>\d{1,4})_(?P<kind>[gf])_(?P<number>\d{1,4})\.sig", re.IGNORECASE),
        truth=told(3, "g"),
        decode=of_formats("susig"),
        licence_note=RESEARCH.format("SUSIG"),
    ),
    PublicLayout(
        name="susig-visual",
        title="SUSIG Visual subcorpus",
        source="Kholmatov & Yanikoglu, SUSIG: an on-line signature database, 2009",
        about="Some 100 writers, 10 genuine signatures in each of two sessions and 10 skilled forgeries; the "
        "pen's way was shown on the tablet. Names are writer_session_number, below GENUINE/SESSION1 and "
        "SESSION2, and writer_f_number, below FORGERY; VALIDATION holds other people, named v001 and so on "
        "here.",
        example="GENUINE/SESSION1/001_1_1.sig",
        pattern=re.compile(
            r"(?P<folder>.*/)?(?P<writer>\d{1,4})_(?P<kind>[12f])_(?P<number>\d{1,2})\.sig", re.IGNORECASE
        ),
        truth=_susig_visual_truth,
        decode=of_formats("susig"),
        licence_note=RESEARCH.format("SUSIG"),
        whole_name=True,
        unseen=True,
    ),
    PublicLayout(
        name="sigcomp2009",
        title="SigComp2009 training set (NISDCC)",
        source="Blankers et al., The ICDAR 2009 Signature Verification Competition, 2009",
        about="12 writers, 5 genuine signatures and some 154 skilled forgeries of each. A name says who "
        "held the pen, then whose signature it is meant to be: 31 other authors forged the writers, 5 "
        "times each.",
        example="NISDCC-001_001_001.hwr",
        pattern=re.compile(r"NISDCC-(\d{1,3})_(\d{1,3})_(\d{1,3})\.hwr", re.IGNORECASE),
        truth=_sigcomp2009_truth,
        decode=of_formats("sigcomp"),
        licence_note=RESEARCH.format("SigComp2009 (NISDCC)"),
    ),
    *(
        PublicLayout(
            name=f"sigcomp2011-{language}-online",
            title=f"SigComp2011, on-line, {language.capitalize()}",
            source="Liwicki et al., Signature verification competition for online and offline skilled "
            "forgeries (SigComp2011), 2011",
            about="Rows of x, y and pressure, 200 a second. Names as of its scans: writer_number, of a "
            "forgery forger and writer in one, and in the test set turned round. The two sets are named "
            "apart here.",
            example="001_01.hwr or 01_001.hwr",
            pattern=sigcomp2011_pattern(other, "(?:hwr|txt)"),
            truth=sigcomp2011_truth,
            decode=_sigcomp2011_decode,
            licence_note=RESEARCH.format("SigComp2011"),
            whole_name=True,
            unseen=True,
        )
        for language, other in (("dutch", "chinese"), ("chinese", "dutch"))
    ),
    PublicLayout(
        name="mcyt100",
        title="MCYT-100, on-line",
        source="Ortega-Garcia et al., MCYT baseline corpus: a bimodal biometric database, 2003",
        about="100 writers, 25 genuine signatures and 25 skilled forgeries of each. A folder for each "
        "writer has {writer}v{number}.fpg, genuine, and {writer}f{number}.fpg, forged.",
        example="0001v00.fpg",
        pattern=re.compile(
            r"(?:(?P<forger>\d{4})_)?(?P<writer>\d{4})(?P<kind>[vf])(?P<number>\d{2})\.fpg", re.IGNORECASE
        ),
        truth=told(4, "v"),
        decode=of_formats("fpg"),
        licence_note=LICENSED.format("MCYT-100"),
        unseen=True,
    ),
    PublicLayout(
        name="biosecurid",
        title="BiosecurID, signatures",
        source="Fierrez et al., BiosecurID: a multimodal biometric database, 2010",
        about="400 writers in four sessions, each of four genuine signatures (1, 2, 6 and 7) and three "
        "skilled forgeries (3, 4 and 5). The part that is published in MATLAB files has to be exported "
        "first.",
        example="u1001s0001_sg0001.svc",
        pattern=re.compile(r"u(\d{4})s(\d{4})_sg(\d{4})\.(?:svc|txt)", re.IGNORECASE),
        truth=_biosecurid_truth,
        decode=of_formats("svc2004", "deepsigndb"),
        licence_note=LICENSED.format("BiosecurID"),
        unseen=True,
    ),
    PublicLayout(
        name="mobisig",
        title="MOBISIG",
        source="Antal, Szabó & Tordai, Online signature verification on MOBISIG finger-drawn signature "
        "corpus, 2018",
        about="83 people, by finger on a tablet: 45 genuine signatures and 20 skilled forgeries of "
        "invented names. A folder for each has SIGN_GEN_… and SIGN_FOR_… tables.",
        example="USER1/SIGN_GEN_USER1_USER1_1.csv",
        pattern=re.compile(
            r"(?:(?:.*/)?USER(?P<folder>\d{1,3})/|.*/|)"
            r"SIGN_(?P<kind>GEN|FOR)_USER(?P<first>\d{1,3})_USER(?P<second>\d{1,3})_(?P<number>\d{1,2})\.csv",
            re.IGNORECASE,
        ),
        truth=_mobisig_truth,
        decode=of_formats("csv"),
        licence_note=RESEARCH.format("MOBISIG"),
        whole_name=True,
        unseen=True,
    ),
    # Finger first: a folder of either name begins with the other's.
    *(
        PublicLayout(
            name=name,
            title=f"DeepSignDB, {device}",
            source="Tolosana et al., DeepSign: Deep On-Line Signature Verification, 2021",
            about="1526 people of MCYT, BiosecurID, Biosecure DS2 and e-BioSign DS1 and DS2, of which 1084 "
            "are for development: named dev-0001 and eval-0001 here, since both parts count from 1. Who "
            "wrote with a stylus and by finger has one name in both corpora. Numbers of samples are their "
            "whole names.",
            example=f"Development/{device}/u0001_g_0000v00.txt",
            pattern=_deepsigndb(device),
            truth=_deepsigndb_truth,
            decode=of_formats("deepsigndb", "svc2004"),
            licence_note=LICENSED.format("DeepSignDB"),
            whole_name=True,
            unseen=True,
        )
        for name, device in (("deepsigndb-finger", "finger"), ("deepsigndb", "stylus"))
    ),
)
