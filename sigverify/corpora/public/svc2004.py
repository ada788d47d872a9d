"""SVC2004 Tasks 1 and 2: 40 writers each, 20 genuine signatures and 20 skilled forgeries of each.

Source: Yeung et al., "SVC2004: First International Signature Verification Competition", 2004.
Files are named `U{writer}S{number}.TXT`; 1 to 20 are genuine, 21 to 40 forged. The signatures were
invented for the collection and the forgers had seen them being written (as an animation).
"""

import os
import re

from sigverify.corpora.corpus import Corpus, Kind
from sigverify.corpora.public.reader import Truth, read_corpus
from sigverify.errors import FormatError
from sigverify.formats import svc2004
from sigverify.modality.pen.signature import Signature

PATTERN = re.compile(r"U(\d{1,4})S(\d{1,4})\.TXT", re.IGNORECASE)
GENUINE_COUNT = 20
LICENCE_NOTE = "SVC2004: released for research; no grant of redistribution known"


def read_task1(path: str | os.PathLike[str]) -> Corpus:
    """Read Task 1: position, time and button only.

    Raises:
        CorpusError: it cannot be read, or is Task 2.
    """
    return read_corpus(
        path,
        name="svc2004-task1",
        pattern=PATTERN,
        example="U1S1.TXT",
        truth=_truth,
        decode=_decode_task1,
        licence_note=LICENCE_NOTE,
    )


def read_task2(path: str | os.PathLike[str]) -> Corpus:
    """Read Task 2: with pressure.

    Raises:
        CorpusError: it cannot be read, or is Task 1.
    """
    return read_corpus(
        path,
        name="svc2004-task2",
        pattern=PATTERN,
        example="U1S1.TXT",
        truth=_truth,
        decode=_decode_task2,
        licence_note=LICENCE_NOTE,
    )


def _truth(match: re.Match[str]) -> Truth:
    number = int(match[2])
    return f"{int(match[1]):02d}", Kind.GENUINE if number <= GENUINE_COUNT else Kind.SKILLED, number


def _decode_task1(data: bytes) -> Signature:
    signature = svc2004.decode(data)
    if signature.pressure is not None:
        raise FormatError("this is a file of Task 2", expected="4 columns", received="7 columns")
    return signature


def _decode_task2(data: bytes) -> Signature:
    signature = svc2004.decode(data)
    if signature.pressure is None:
        raise FormatError("this is a file of Task 1", expected="7 columns", received="4 columns")
    return signature
