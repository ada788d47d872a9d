"""`found_files`: the files that paths name, those in folders and zip files among them."""

import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

from sigverify.errors import FormatError, one_line
from sigverify.formats.limits import check_size, read_bounded

BROKEN_ZIP: Final = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError)
"""What zipfile raises for damaged, encrypted or exotically compressed members."""


@dataclass(frozen=True, kw_only=True)
class FoundFile:
    """One file, read when it is wanted.

    Attributes:
        path: what people call it: a path, or one within a zip file.
        name: below the root that all paths have in common.
        named: whether somebody named it, rather than a folder or zip file with it.
        read: gives its content, or raises FormatError.
    """

    path: str
    name: PurePosixPath
    named: bool
    read: Callable[[], bytes]


@contextmanager
def found_files(paths: Sequence[str | os.PathLike[str]]) -> Iterator[list[FoundFile]]:
    """Yield the files at `paths`, of folders and zip files all that are in them, each sorted by name.

    Hidden files and what is no file (a pipe in a folder) are left out. Links are followed, no folder twice.
    Names begin at the folder that all paths have in common; a zip file counts as a folder of its name.

    Raises:
        FormatError: nothing at a path, a folder that cannot be listed, or a damaged zip file.
    """
    whole = [os.path.abspath(path) for path in paths]  # noqa: PTH100 - resolve would follow links: names are kept
    tops = [_top(path) for path in whole]
    root = os.path.commonpath(tops) if tops else ""
    with ExitStack() as opened:
        files: list[FoundFile] = []
        for given, path, top in zip(paths, whole, tops, strict=True):
            below = PurePosixPath(Path(os.path.relpath(top, root)).as_posix())
            files += _files(os.fspath(given), Path(path), below, opened)
        yield files


def _top(path: str) -> str:
    """Return the folder below which names are kept: of a file the one that it lies in."""
    if os.path.isdir(path):  # noqa: PTH112 - Path raises for a long name
        return path
    if _is_zip(path):
        return str(Path(path).with_suffix(""))
    if not os.path.exists(path):  # noqa: PTH110 - the same
        raise FormatError(f"nothing at {path!r}", expected="a signature file, a folder or a zip file")
    return str(Path(path).parent)


def _is_zip(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode) and zipfile.is_zipfile(path)  # noqa: PTH116 - of any name
    except (OSError, ValueError):
        return False


def _files(given: str, path: Path, below: PurePosixPath, opened: ExitStack) -> Iterator[FoundFile]:
    if path.is_dir():
        yield from _in_folder(given, path, below)
    elif _is_zip(str(path)):
        yield from _in_zip(given, path, below, opened)
    else:
        yield FoundFile(path=given, name=below / path.name, named=True, read=partial(read_bounded, given))


def _in_folder(given: str, folder: Path, below: PurePosixPath) -> Iterator[FoundFile]:
    walked: set[str] = set()
    for parent, folders, names in os.walk(folder, onerror=_refuse_folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in walked:
            folders.clear()
            continue
        walked.add(real)
        folders[:] = sorted(each for each in folders if not is_hidden(each))
        inside = Path(parent).relative_to(folder)
        for name in sorted(names):
            if not is_hidden(name) and _may_be_file(Path(parent, name)):
                shown = str(Path(given) / inside / name)
                yield FoundFile(
                    path=shown,
                    name=below / inside.as_posix() / name,
                    named=False,
                    read=partial(read_bounded, shown),
                )


def _refuse_folder(error: OSError) -> None:
    raise FormatError(
        f"cannot list {os.fsdecode(error.filename or '')!r}", received=error.strerror or one_line(error)
    ) from None


def _may_be_file(path: Path) -> bool:
    """Leave out what would block when it is read; a link to nothing stays, and is said to be one."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def _in_zip(given: str, path: Path, below: PurePosixPath, opened: ExitStack) -> Iterator[FoundFile]:
    try:
        archive = opened.enter_context(zipfile.ZipFile(path))
    except BROKEN_ZIP as error:
        raise FormatError(
            f"cannot open {given!r}", expected="a whole zip file", received=one_line(error)
        ) from None
    for member in sorted(archive.infolist(), key=lambda each: each.filename):
        parts = [part for part in PurePosixPath(member.filename).parts if part not in ("/", "..", ".")]
        if parts and not member.is_dir() and not any(map(is_hidden, parts)):
            yield FoundFile(
                path=f"{given}/{member.filename}",
                name=below.joinpath(*parts),  # whatever a member is called, it stays below the root
                named=False,
                read=partial(_member, archive, member),
            )


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    check_size(member.file_size, member.filename)
    try:
        return archive.read(member)
    except BROKEN_ZIP as error:
        raise FormatError(
            f"cannot read {member.filename!r}",
            expected="a whole, unencrypted zip file",
            received=one_line(error),
            hint="Copy or download it again",
        ) from None


def is_hidden(name: str) -> bool:
    """Tell what file managers leave behind: .DS_Store, __MACOSX/._x."""
    return name.startswith((".", "__MACOSX"))
