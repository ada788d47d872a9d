"""`read_corpus`: what the readers of public corpora share."""

import os
import re
from collections.abc import Callable
from pathlib import PurePosixPath

from sigverify.corpora.corpus import Corpus, Kind, Sample
from sigverify.corpora.files import corpus_files
from sigverify.errors import CorpusError, FormatError, InvalidSignature
from sigverify.modality.pen.signature import Signature

Truth = tuple[str, Kind, int]
"""Claimed writer, kind and number, as a file name tells them."""


def read_corpus(
    path: str | os.PathLike[str],
    *,
    name: str,
    pattern: re.Pattern[str],
    example: str,
    truth: Callable[[re.Match[str]], Truth],
    decode: Callable[[bytes], Signature],
    licence_note: str,
) -> Corpus:
    """Read every file of a folder or zip whose base name matches `pattern`; other files are left alone.

    Raises:
        CorpusError: nothing to read, a file that is no signature (named), or two for one sample.
    """
    samples = []
    for file, data in corpus_files(path):
        match = pattern.fullmatch(file.name)
        if match is not None:
            samples.append(Sample(*truth(match), _decoded(file, data, decode, name)))
    if not samples:
        raise CorpusError(
            f"no files of corpus {name} in {os.fspath(path)!r}",
            expected=f"file names like {example}",
            received="none",
        )
    return Corpus(name, tuple(samples), licence_note)


def _decoded(file: PurePosixPath, data: bytes, decode: Callable[[bytes], Signature], name: str) -> Signature:
    try:
        return decode(data)
    except (FormatError, InvalidSignature) as error:
        raise CorpusError(
            f"{file} of corpus {name} cannot be read",
            received=str(error),
            hint="Restore the file from the original, or move it out of the corpus",
        ) from error
