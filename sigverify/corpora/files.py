"""`corpus_files`: the files of a corpus, out of a folder or a zip file."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from sigverify.errors import CorpusError, FormatError
from sigverify.formats.found_files import found_files

Damaged = Callable[[PurePosixPath, CorpusError], None]
"""Told of a file whose bytes cannot be had; one that raises ends the reading."""


def _raise(name: PurePosixPath, error: CorpusError) -> None:  # noqa: ARG001 - a `Damaged`; the error names it
    raise error


def corpus_files(
    path: str | os.PathLike[str], *, damaged: Damaged = _raise
) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield the relative name and content of each file, sorted by name; hidden files are left out.

    Raises:
        CorpusError: nothing there, neither folder nor zip; and, unless `damaged` takes it, a damaged or
            unreadable member.
    """
    source = Path(path)
    if not source.exists():
        raise CorpusError(
            f"no corpus at {os.fspath(path)!r}", expected="a folder or a zip file", received="nothing there"
        )
    try:
        with found_files([path]) as files:
            if source.is_dir():
                files.sort(key=lambda each: each.name)
            for each in files:
                if each.named:
                    raise CorpusError(
                        f"cannot open {path}",
                        expected="a whole zip file",
                        received="another file, or a damaged one",
                        hint="Copy or download it again, or give the folder it was unpacked to",
                    )
                try:
                    data = each.read()
                except FormatError as error:
                    # Of a folder's file the error names the path; of a zip file's the member alone.
                    damaged(each.name, CorpusError(str(error) if source.is_dir() else f"{path}: {error}"))
                else:
                    yield each.name, data
    except FormatError as error:
        raise CorpusError(str(error)) from None
