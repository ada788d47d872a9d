"""`read_corpus`: what the readers of public corpora share."""

import os
import re
from collections.abc import Callable
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

PICTURE: Final = "(?:png|jpe?g|tiff?|bmp)"
"""Ends the names of pictures; copies of a corpus are often converted. Lists and thumbnails have others."""


def read_corpus(
    path: str | os.PathLike[str],
    *,
    name: str,
    pattern: re.Pattern[str],
    example: str,
    truth: Callable[[re.Match[str]], Truth | None],
    decode: Decode,
    licence_note: str,
    whole_name: bool = False,
) -> Corpus:
    """Read every file of a folder or zip whose base name matches `pattern`; other files are left alone.

    With `whole_name` the pattern is of the name with its folders, relative to `path`. A file whose `truth` is
    None is known to be wrong and left out.

    Raises:
        CorpusError: nothing to read, a file that is no signature (named), or two for one sample.
    """
    samples = []
    for file, data in corpus_files(path):
        match = pattern.fullmatch(file.as_posix() if whole_name else file.name)
        told = None if match is None else truth(match)
        if told is not None:
            samples.append(Sample(*told, _decoded(file, data, decode, name)))
    if not samples:
        raise CorpusError(
            f"no files of corpus {name} in {os.fspath(path)!r}",
            expected=f"file names like {example}",
            received="none",
        )
    return Corpus(name, tuple(samples), licence_note)


def _decoded(file: PurePosixPath, data: bytes, decode: Decode, name: str) -> Signature | SignatureImage:
    try:
        return decode(data)
    except (FormatError, InvalidSignature) as error:
        raise CorpusError(
            f"{file} of corpus {name} cannot be read",
            received=str(error),
            hint="Restore the file from the original, or move it out of the corpus",
        ) from error
