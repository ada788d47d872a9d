"""`convert_files`: recordings of any format that is read, written in one that is."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from sigverify.errors import FormatError, InvalidSignature, MissingExtra, SigverifyError, UnknownFormat
from sigverify.formats.format import Format
from sigverify.formats.found_files import FoundFile, found_files
from sigverify.formats.notes import Note, NoteKind
from sigverify.formats.reader import read_recording
from sigverify.formats.registry import find_written, recognize_format
from sigverify.whole_file import obstacle, write_whole

_NAMED: Final = 3
"""Files that a refusal names; it says how many there are."""

Progress = Callable[[str, int, int], None]
"""Told the stage, what is done and how much there is."""


@dataclass(frozen=True, kw_only=True)
class Converted:
    """One file that was written.

    Attributes:
        source: what was read.
        target: what was written.
        format: what it was read as.
        lost: what of it the new format cannot say.
        notes: what was noticed while it was read.
    """

    source: str
    target: str
    format: str
    lost: tuple[str, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True, kw_only=True)
class Refused:
    """One file that was not converted, and why."""

    source: str
    error: SigverifyError


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """What became of many files.

    Attributes:
        format: what was written.
        converted: the files that were.
        failed: signature files that cannot be read, or not said in the new format.
        left_out: what lay in a folder or zip file and is of no format that is read.
    """

    format: str
    converted: tuple[Converted, ...]
    failed: tuple[Refused, ...]
    left_out: tuple[Refused, ...]

    @property
    def lost(self) -> dict[str, int]:
        """In how many files each thing was lost, the most frequent first."""
        return dict(Counter(thing for each in self.converted for thing in each.lost).most_common())

    @property
    def noticed(self) -> dict[Note, int]:
        """In how many files each thing was noticed; not that a channel is never compared, as it is kept."""
        notes = (note for each in self.converted for note in each.notes if note.kind is not NoteKind.IGNORED)
        return dict(Counter(notes).most_common())

    def to_dict(self) -> dict[str, Any]:
        """Say all of it in JSON."""
        return {
            "format": self.format,
            "converted": [
                {
                    "source": each.source,
                    "target": each.target,
                    "format": each.format,
                    "lost": list(each.lost),
                    "notes": [{"kind": note.kind.value, "names": list(note.names)} for note in each.notes],
                }
                for each in self.converted
            ],
            "failed": list(map(_refusal, self.failed)),
            "left_out": list(map(_refusal, self.left_out)),
            "lost": self.lost,
        }


def _refusal(refused: Refused) -> dict[str, Any]:
    error = refused.error
    return {
        "source": refused.source,
        "error": type(error).__name__,
        "status": error.status,
        "message": str(error),
    }


def convert_files(
    paths: Sequence[str | os.PathLike[str]],
    to: str,
    out: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Conversion:
    """Write signature files, and those in folders and zip files, in the format `to` below the folder `out`.

    Names are kept, but for how they end, and so are folders below the one that all paths have in common. A
    file that cannot be read is reported, and the rest goes on. Each file is there whole or not at all.

    Raises:
        FormatError: a format that is not written, nothing at a path, two files for one name, or a file that
            is there already: all before anything is written. Of one file alone, also what is wrong with it.
        UnknownFormat: nothing among the files is a signature file.
        SigverifyError: `out` cannot be written to; what stands there is whole.
    """
    written = find_written(to)
    folder = Path(out)
    if obstacle(folder) is not None:
        raise FormatError(
            f"nothing can be written to {str(folder)!r}", expected="a folder, or a new name for one"
        )
    with found_files(paths) as files:
        if not files:
            raise FormatError("no files there", expected="signature files", received="empty folders")
        targets = [_renamed(file.name, written.suffixes[0]) for file in files]
        _require_single(files, targets)
        if not overwrite:
            _require_absent(files, [folder / target for target in targets])
        return _all_converted(files, [folder / target for target in targets], written, progress)


def _renamed(name: PurePosixPath, suffix: str) -> PurePosixPath:
    """Replace how a name ends; a number behind a point is no such end.

    >>> str(_renamed(PurePosixPath("a/1.sdi"), ".csv")), str(_renamed(PurePosixPath("sig.001"), ".csv"))
    ('a/1.csv', 'sig.001.csv')
    """
    ends = any(character.isalpha() for character in name.suffix)
    return name.with_suffix(suffix) if ends else name.with_name(name.name + suffix)


def _require_single(files: Sequence[FoundFile], targets: Sequence[PurePosixPath]) -> None:
    """Refuse two signature files of one name; a picture or a note beside one is no second."""
    at: dict[PurePosixPath, list[FoundFile]] = {}
    for file, target in zip(files, targets, strict=True):
        at.setdefault(target, []).append(file)
    for target, several in at.items():
        if len(several) > 1 and len(same := list(filter(_is_recording, several))) > 1:
            raise FormatError(
                f"{len(same)} files would be written as {str(target)!r}",
                expected="one file for each name",
                received=_few(file.path for file in same),
                hint="Convert them one after the other, into folders of their own",
            )


def _require_absent(files: Sequence[FoundFile], targets: Sequence[Path]) -> None:
    there = [
        target
        for file, target in zip(files, targets, strict=True)
        if os.path.lexists(target) and _is_recording(file)
    ]
    if there:
        raise FormatError(
            "nothing is written over what is there",
            expected="no file of that name",
            received=f"{len(there)}: {_few(map(str, there))}",
            hint="Write into another folder, or say so with --overwrite (overwrite=True)",
        )


def _few(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:_NAMED]) + (", …" if len(listed) > _NAMED else "")


def _is_recording(file: FoundFile) -> bool:
    try:
        recognize_format(file.read())
    except FormatError:
        return False
    return True


def _all_converted(
    files: Sequence[FoundFile], targets: Sequence[Path], to: Format, progress: Progress | None
) -> Conversion:
    converted: list[Converted] = []
    failed: list[Refused] = []
    left_out: list[Refused] = []
    for done, (file, target) in enumerate(zip(files, targets, strict=True), start=1):
        try:
            content, one = _one(file, target, to)
        except (FormatError, InvalidSignature, MissingExtra) as error:
            unknown = isinstance(error, UnknownFormat) and not file.named
            (left_out if unknown else failed).append(Refused(source=file.path, error=error))
        else:
            standing = f"{len(converted)} of {len(files)} files are written, each of them whole"
            write_converted(target, content, standing)
            converted.append(one)
        if progress is not None:
            progress("converting", done, len(files))
    _require_any(converted, failed, left_out)
    return Conversion(
        format=to.name, converted=tuple(converted), failed=tuple(failed), left_out=tuple(left_out)
    )


def _require_any(
    converted: Sequence[Converted], failed: Sequence[Refused], left_out: Sequence[Refused]
) -> None:
    """Refuse where there is nothing to report but one error, or that nothing is a signature file."""
    if converted or len(failed) > 1:
        return
    first = (*failed, *left_out)[0]
    if failed or len(left_out) == 1:
        raise type(first.error)(f"{first.source}: {_bare(first)}")
    raise UnknownFormat(
        f"none of {len(left_out)} files is a signature file", received=f"first {_bare(first)}"
    )


def _bare(refused: Refused) -> str:
    """Return what is wrong with a file, without its name."""
    return str(refused.error).removeprefix(f"{refused.source}: ")


def _one(file: FoundFile, target: Path, to: Format) -> tuple[bytes, Converted]:
    recording = read_recording(file.read())
    one = Converted(
        source=file.path,
        target=str(target),
        format=recording.format,
        lost=to.lost(recording),
        notes=recording.notes,
    )
    return to.write(recording), one


def write_converted(target: Path, content: bytes, standing: str) -> None:
    """Write one of many files, whole or not at all; what a power cut leaves is converted again.

    Raises:
        SigverifyError: it cannot be written; `standing` says what stands there all the same.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, content, wait=False)
    except OSError as error:
        raise SigverifyError(
            f"cannot write {str(target)!r}", received=error.strerror or type(error).__name__, hint=standing
        ) from None
