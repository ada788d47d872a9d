"""`PublicLayout`: a corpus that others have published: how its files are named and read, and its terms."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from sigverify.corpora.corpus import Corpus, Kind, Sample
from sigverify.corpora.files import corpus_files
from sigverify.errors import CorpusError, FormatError, InvalidSignature
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.pen.signature import Signature

Truth = tuple[str, Kind, int]
"""Claimed writer, kind and number, as a file name tells them."""
Decode = Callable[[bytes], Signature] | Callable[[bytes], SignatureImage]

STEP: Final = 100
"""The number of a forgery is its forger × this + the number among that forger's, where a name says both; of a
genuine one its session × this + the number in that session."""


@dataclass(frozen=True, kw_only=True)
class PublicLayout:
    """One public corpus.

    Attributes:
        name: by which it is opened, as `name=PATH`; it stands in the manifests of models.
        title: what people call it.
        source: who published it, and where.
        about: how many signatures of whom, and what to know of them.
        example: a file name, as an error shows it.
        pattern: what the name of a signature's file is like; other files are left alone.
        truth: what the name says; None where the file is known to be wrong, and is left out.
        decode: reads one file.
        licence_note: the terms; they stand in the manifest of a model that is trained on it.
        whole_name: whether the pattern is of the name with its folders, below the path that is opened.
        unseen: whether the data were not at hand, so that the layout is what published programs expect.
    """

    name: str
    title: str
    source: str
    about: str
    example: str
    pattern: re.Pattern[str]
    truth: Callable[[re.Match[str]], Truth | None]
    decode: Decode
    licence_note: str
    whole_name: bool = False
    unseen: bool = False

    def read(self, path: str | os.PathLike[str]) -> Corpus:
        """Read every file of a folder or zip whose name is of this layout.

        Raises:
            CorpusError: nothing to read, a file that is no signature (named), or two for one sample.
        """
        samples = []
        for file, data in corpus_files(path):
            match = self.pattern.fullmatch(file.as_posix() if self.whole_name else file.name)
            told = None if match is None else self.truth(match)
            if told is not None:
                samples.append(Sample(*told, self._decoded(file, data)))
        if not samples:
            raise CorpusError(
                f"no files of corpus {self.name} in {os.fspath(path)!r}",
                expected=f"file names like {self.example}",
                received="none",
            )
        return Corpus(self.name, tuple(samples), self.licence_note)

    def _decoded(self, file: PurePosixPath, data: bytes) -> Signature | SignatureImage:
        try:
            return self.decode(data)
        except (FormatError, InvalidSignature) as error:
            raise CorpusError(
                f"{file} of corpus {self.name} cannot be read",
                received=str(error),
                hint="Restore the file from the original, or move it out of the corpus",
            ) from error


def told(width: int, genuine: str) -> Callable[[re.Match[str]], Truth]:
    """Return a `truth` of a pattern's groups: writer, kind and number; session or forger where there are.

    Args:
        width: digits of a writer's number.
        genuine: what the group "kind" says of genuine signatures, in lower case.
    """

    def truth(match: re.Match[str]) -> Truth:
        groups = match.groupdict()
        kind = Kind.GENUINE if (groups["kind"] or "").lower() == genuine else Kind.SKILLED
        before = groups.get("session") if kind is Kind.GENUINE else groups.get("forger")
        number = int(groups["number"]) + STEP * int(before or 0)
        return f"{int(groups['writer']):0{width}d}", kind, number

    return truth


def sigcomp2011_truth(match: re.Match[str]) -> Truth:
    """Tell what names of SigComp2011 say: those of its training set and of its test set are turned round."""
    part, prefix = ("train", "") if match["writer"] else ("test", "test_")
    writer, forger, number = (match[f"{prefix}{what}"] for what in ("writer", "forger", "number"))
    name = f"{part}-{writer}"
    if forger:
        return name, Kind.SKILLED, int(forger) * STEP + int(number)
    questioned = "questioned" in (match["folder"] or "").lower()
    return name, Kind.GENUINE, int(number) + STEP * questioned  # it comes after the references


def sigcomp2011_pattern(other: str, endings: str) -> re.Pattern[str]:
    """Return what its names are like; `other` is the folder of the other language, which is left alone."""
    training = r"(?P<forger>\d{4})?(?P<writer>\d{3})_(?P<number>\d{1,2})"
    test = r"(?P<test_number>\d{1,2})_(?P<test_forger>\d{4})?(?P<test_writer>\d{3})"
    return re.compile(rf"(?!.*{other})(?P<folder>.*/)?(?:{training}|{test})\.{endings}", re.IGNORECASE)
