"""`corpus_files`: the files of a corpus, out of a folder or a zip file."""

import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from sigverify.errors import CorpusError, FormatError
from sigverify.formats.limits import MAX_BYTES, read_bounded

BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError)
"""What zipfile raises for damaged, encrypted or exotically compressed members."""


def corpus_files(path: str | os.PathLike[str]) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield the relative name and content of each file, sorted by name; hidden files are left out.

    Raises:
        CorpusError: nothing there, neither folder nor zip, or a damaged or unreadable member.
    """
    source = Path(path)
    if source.is_dir():
        yield from _folder_files(source)
    elif source.is_file():
        yield from _zip_files(source)
    else:
        raise CorpusError(
            f"no corpus at {os.fspath(path)!r}", expected="a folder or a zip file", received="nothing there"
        )


def _folder_files(folder: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    for path in sorted(folder.rglob("*")):
        name = PurePosixPath(path.relative_to(folder).as_posix())
        if path.is_file() and not _hidden(name):
            try:
                yield name, read_bounded(path)
            except FormatError as error:
                raise CorpusError(str(error)) from None  # which names the file


def _zip_files(path: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    try:
        archive = zipfile.ZipFile(path)
    except BROKEN_ZIP as error:
        raise CorpusError(
            f"cannot open {path}",
            expected="a whole zip file",
            received=str(error),
            hint="Copy or download it again, or give the folder it was unpacked to",
        ) from error
    with archive:
        for member in sorted(archive.infolist(), key=lambda info: info.filename):
            name = PurePosixPath(member.filename)
            if not member.is_dir() and not _hidden(name):
                yield name, _member_bytes(archive, member, path)


def _member_bytes(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> bytes:
    if member.file_size > MAX_BYTES:
        raise CorpusError(
            f"{member.filename} in {path} is too large for a signature",
            expected=f"at most {MAX_BYTES} bytes",
            received=f"{member.file_size} bytes",
        )
    try:
        return archive.read(member)
    except BROKEN_ZIP as error:
        raise CorpusError(
            f"cannot read {member.filename} in {path}",
            expected="a whole, unencrypted zip file",
            received=str(error),
            hint="Copy or download it again",
        ) from error


def _hidden(name: PurePosixPath) -> bool:
    """Tell what file managers leave behind: .DS_Store, __MACOSX/._x."""
    return any(part.startswith((".", "__MACOSX")) for part in name.parts)
