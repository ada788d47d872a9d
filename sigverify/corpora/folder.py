"""`read_folder`, `write_folder`: a corpus in a tree of folders that anybody can make by hand.

A folder for each writer; in it "genuine" and "skilled", or the writer's own signatures alone::

    people/
      corpus.toml              what the corpus says of itself, see `About`; need not be there
      alice/genuine/1.csv
      alice/skilled/1.csv      somebody else's attempt at alice's signature
      bob/1.csv                all genuine

Of another tree corpus.toml says the layout, see `Layout`. `survey_folder` reads what can be read, and keeps
the error of each file that cannot.
"""

import io
import os
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np

from sigverify.corpora.about import ABOUT, MAX_NAME, About, safe_name
from sigverify.corpora.corpus import Corpus, Kind, Sample
from sigverify.corpora.files import corpus_files
from sigverify.corpora.layout import Place
from sigverify.errors import CorpusError, FormatError, InvalidSignature, SigverifyError
from sigverify.formats import FORMATS, Format, read_capture, read_signature
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.pen.signature import Signature
from sigverify.modality.quality import Flaw

LAYOUT: Final = f"writer/{Kind.GENUINE}/FILE, writer/{Kind.SKILLED}/FILE or writer/FILE"
_KINDS: Final = {kind.value: kind for kind in Kind}


class Trouble(StrEnum):
    """What can be wrong with one file of a tree."""

    UNREADABLE = "unreadable"
    """Its bytes cannot be read, or hold no signature."""
    MISPLACED = "misplaced"
    """It lies where no signature is looked for."""
    DOUBLED = "doubled"
    """Its name says the same writer, kind and number as that of another file."""
    OTHER_KIND = "other_kind"
    """A picture among strokes, or strokes among pictures."""


@dataclass(frozen=True)
class Problem:
    """One file that is not part of the corpus, and why not.

    Attributes:
        file: its name within the tree.
        trouble: what is wrong.
        error: as `read_folder` raises it.
    """

    file: str
    trouble: Trouble
    error: CorpusError


Refuse = Callable[[Problem], None]
"""Told of each problem; one that raises ends the reading."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Survey:
    """A tree, as far as it can be read.

    Attributes:
        about: what the corpus says of itself.
        corpus: the signatures that could be read; None: not one.
        files: the name of the file of each sample, by `Sample.key`.
        problems: the other files.
    """

    about: About
    corpus: Corpus | None
    files: Mapping[tuple[str, Kind, int], str]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class _File:
    """One file of the tree.

    Attributes:
        parts: its folders and its name, from the root on.
        capture: the signature in it, or why there is none; of corpus.toml its bytes.
    """

    parts: tuple[str, ...]
    capture: Any

    def __str__(self) -> str:
        return "/".join(self.parts)

    @property
    def wrapped(self) -> bool:
        """Whether the tree of `LAYOUT` begins one folder further down."""
        return len(self.parts) == 4 or (len(self.parts) == 3 and self.parts[1].casefold() not in _KINDS)


def read_folder(path: str | os.PathLike[str]) -> Corpus:
    """Read a tree of strokes or of pictures: a folder or a zip file, or the one folder in it.

    Samples are numbered from 1 on, in the natural order of their names ("2.csv" before "10.csv"), or as the
    layout in corpus.toml says. Hidden files, and files beside the writers' folders that hold no signature,
    are left alone.

    Raises:
        CorpusError: no signatures, a file elsewhere in the tree or one that cannot be read (named), both
            strokes and pictures, or a corpus.toml that says what is not known.
    """
    survey = _surveyed(path, _raise)
    if survey.corpus is None:
        expected = str(survey.about.layout or LAYOUT)
        raise CorpusError(f"no signatures in {os.fspath(path)!r}", expected=expected, received="none")
    return survey.corpus


def survey_folder(path: str | os.PathLike[str]) -> Survey:
    """Read what can be read of a tree, and say of each other file why it cannot.

    Raises:
        CorpusError: nothing there, no whole zip file, or a corpus.toml that says what is not known.
    """
    found: list[Problem] = []
    survey = _surveyed(path, found.append)
    return replace(survey, problems=tuple(found))


def _raise(problem: Problem) -> None:
    raise problem.error


def _surveyed(path: str | os.PathLike[str], refuse: Refuse) -> Survey:
    content, files = _split(_tree(path, refuse), refuse)
    about = About.read(content, path)
    ordered = sorted(files, key=lambda file: [_natural(part) for part in file.parts])
    readings = _by_layout(about, ordered, refuse) if about.layout else _by_folders(about, ordered, refuse)
    names: dict[tuple[str, Kind, int], str] = {}
    samples = []
    for file, sample in _numbered(readings):
        if (first := names.setdefault(sample.key, str(file))) != str(file):
            refuse(_doubled(file, first, sample))
        else:
            timed = replace(sample, capture=_timed(sample.capture, about.sampling_rate_hz))
            samples.append(timed)
    kept = samples if refuse is _raise else _of_one_kind(samples, names, refuse)
    corpus = Corpus(about.name, tuple(kept), about.licence_note, about) if kept else None
    return Survey(about=about, corpus=corpus, files=names, problems=())


def _by_folders(about: About, files: list[_File], refuse: Refuse) -> Iterator[tuple[_File, Place]]:
    """Yield the signatures in folders of writers and kinds, with whose they are."""
    told = {file.parts[0] for file in files if len(file.parts) == 3 and file.parts[1].casefold() in _KINDS}
    for file in files:
        try:
            if len(file.parts) == 1:
                _require_no_signature(file)
                continue
            writer, kind = _truth(file)
            if len(file.parts) == 2 and writer in told:
                raise CorpusError(
                    f"{file} lies beside folders of its writer's signatures",
                    expected=f"{Kind.GENUINE}/ and {Kind.SKILLED}/, or files alone",
                    received="both",
                    hint=f"Move the writer's own signatures into {writer}/{Kind.GENUINE}/",
                )
        except CorpusError as error:
            refuse(Problem(str(file), Trouble.MISPLACED, error))
            continue
        if _is_readable(file, about, refuse):
            yield file, Place(writer=writer, kind=kind, number=None)


def _by_layout(about: About, files: list[_File], refuse: Refuse) -> Iterator[tuple[_File, Place]]:
    """Yield the signatures whose names are as the corpus's own layout says."""
    for file in files:
        place = None if about.layout is None else about.layout.place(str(file))
        if place is not None:
            if _is_readable(file, about, refuse):
                yield file, place
        elif not isinstance(file.capture, SigverifyError):
            error = CorpusError(
                f"{file} lies where no signature is looked for",
                expected=str(about.layout),
                hint=f"Move it out of the corpus, or change the layout in {ABOUT}",
            )
            refuse(Problem(str(file), Trouble.MISPLACED, error))


def _is_readable(file: _File, about: About, refuse: Refuse) -> bool:
    if not isinstance(file.capture, SigverifyError):
        return True
    error = CorpusError(
        f"{file} of corpus {about.name} cannot be read",
        received=str(file.capture),
        hint="Restore the file, or move it out of the corpus",
    )
    refuse(Problem(str(file), Trouble.UNREADABLE, error))
    return False


def _numbered(readings: Iterator[tuple[_File, Place]]) -> Iterator[tuple[_File, Sample]]:
    """Yield samples with the numbers of their names, or, where these have none, counted from 1 on."""
    counted: Counter[tuple[str, Kind]] = Counter()
    for file, place in readings:
        counted[place.writer, place.kind] += 1
        number = counted[place.writer, place.kind] if place.number is None else place.number
        yield file, Sample(place.writer, place.kind, number, file.capture)


def _timed(capture: Any, rate_hz: float | None) -> Any:
    """Time a recording that has no time stamps, or only an index, by its sampling rate."""
    if rate_hz is None or not isinstance(capture, Signature) or capture.repaired.flaw is not Flaw.NO_TIME:
        return capture
    time_ms = np.arange(len(capture)) * (1000 / rate_hz)
    return Signature(capture.x, capture.y, time_ms, capture.pressure, capture.ink)


def _doubled(file: _File, first: str, sample: Sample) -> Problem:
    error = CorpusError(
        f"{file} and {first} have one place in the corpus",
        expected="one file for each writer, kind and number",
        received=f"writer {sample.writer}, {sample.kind}, number {sample.number} twice",
    )
    return Problem(str(file), Trouble.DOUBLED, error)


def _of_one_kind(
    samples: list[Sample], names: Mapping[tuple[str, Kind, int], str], refuse: Refuse
) -> list[Sample]:
    """Leave out the captures of the kind that is rarer."""
    counted = Counter(type(sample.capture) for sample in samples)
    if len(counted) < 2:
        return samples
    usual = counted.most_common(1)[0][0]
    for sample in samples:
        if not isinstance(sample.capture, usual):
            error = CorpusError(
                f"{names[sample.key]} is of another kind than most files",
                expected=usual.__name__,
                received=type(sample.capture).__name__,
            )
            refuse(Problem(names[sample.key], Trouble.OTHER_KIND, error))
    return [sample for sample in samples if isinstance(sample.capture, usual)]


def write_folder(
    corpus: Corpus,
    path: str | os.PathLike[str],
    *,
    strokes: Format = FORMATS["csv"],
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, int]:
    """Write strokes in a format or pictures as .png, and corpus.toml; `read_folder` reads the same.

    Where a writer's samples are numbered otherwise than from 1 on, it numbers them anew, in the same order.
    The folder is there once all of it is.

    Returns:
        What the format cannot say, in how many of the files that are not read as what was written; of csv
        and of pictures nothing.

    Raises:
        CorpusError: `require_new` refuses the folder, or a writer cannot be the name of one.
        FormatError: the format is read only, or cannot say a signature at all.
        OSError: it cannot be written.
    """
    for writer in corpus.writers:
        if writer != safe_name(writer) or writer.casefold() in _KINDS:
            raise CorpusError(
                f"a writer of corpus {corpus.name} cannot be the name of a folder",
                expected=f"at most {MAX_NAME} letters, digits, '.', '_' and '-'",
                received=repr(writer),
            )
    require_new(path)
    target = Path(path).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    lost: Counter[str] = Counter()
    try:
        for done, sample in enumerate(corpus.samples, start=1):
            suffix, data = _encoded(sample.capture, strokes)
            lost.update(_lost(sample.capture, data, strokes))
            folder = fresh / sample.writer / sample.kind.value
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{sample.number:03d}{suffix}").write_bytes(data)
            if progress is not None:
                progress("writing", done, len(corpus))
        about = replace(
            corpus.about or About(),
            name=safe_name(corpus.name),
            licence_note=corpus.licence_note,
            layout=None,  # it is written in folders, whatever it was
        )
        (fresh / ABOUT).write_text(about.to_toml(), "utf-8")
        target.mkdir(exist_ok=True)
        for each in sorted(fresh.iterdir(), key=lambda each: each.name == ABOUT):  # which comes last
            each.rename(target / each.name)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return dict(lost.most_common())


def require_new(path: str | os.PathLike[str]) -> None:
    """Refuse to write into a folder where something is.

    Raises:
        CorpusError: it is not empty, or no folder.
        OSError: it cannot be looked into.
    """
    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CorpusError(
            f"{os.fspath(path)!r} is in use",
            expected="a new folder, or an empty one",
            received="a folder with something in it" if folder.is_dir() else "a file",
        )


def _lost(capture: Any, data: bytes, strokes: Format) -> tuple[str, ...]:
    """Name what strokes lost where they are read as others than were written."""
    if not isinstance(capture, Signature):
        return ()
    try:
        return () if read_signature(data) == capture else strokes.lost(capture)
    except (FormatError, InvalidSignature):
        return strokes.lost(capture)


def _encoded(capture: Any, strokes: Format) -> tuple[str, bytes]:
    """Return how a file of it ends, and what is in it."""
    if isinstance(capture, Signature):
        return strokes.suffixes[0], strokes.write(capture)
    if isinstance(capture, SignatureImage):
        from PIL import Image

        file = io.BytesIO()
        Image.fromarray(capture.grey).save(file, "PNG")
        return ".png", file.getvalue()
    raise CorpusError(
        "a corpus of this kind has no files", expected="strokes or pictures", received=type(capture).__name__
    )


def _tree(path: str | os.PathLike[str], refuse: Refuse) -> list[_File]:
    """Read everything; what is no signature is kept with its error, since it may be none of the corpus."""
    found: dict[tuple[str, ...], _File] = {}

    def damaged(name: PurePosixPath, error: CorpusError) -> None:
        refuse(Problem(str(name), Trouble.UNREADABLE, error))

    for name, data in corpus_files(path, damaged=damaged):
        if name.parts in found:
            error = CorpusError(f"{name} stands twice in {os.fspath(path)!r}", expected="each name once")
            refuse(Problem(str(name), Trouble.DOUBLED, error))
        else:
            found[name.parts] = _File(name.parts, data if name.name == ABOUT else _captured(data))
    return list(found.values())


def _captured(data: bytes) -> Any:
    try:
        return read_capture(data)
    except (FormatError, InvalidSignature) as error:
        return error


def _split(tree: list[_File], refuse: Refuse) -> tuple[bytes, list[_File]]:
    """Return the content of corpus.toml, and all other files; without the folder that holds all of them."""
    tops = {file.parts[0] for file in tree}
    told = any(file.parts == (top, ABOUT) for file in tree for top in tops)
    if len(tops) == 1 and (told or any(file.wrapped for file in tree)):
        tree = [_File(file.parts[1:], file.capture) for file in tree if len(file.parts) > 1]
    about = next((file.capture for file in tree if file.parts == (ABOUT,)), b"")
    return about, list(_others(tree, refuse))


def _others(tree: list[_File], refuse: Refuse) -> Iterator[_File]:
    for file in tree:
        if file.parts[-1] != ABOUT:
            yield file
        elif len(file.parts) > 1:
            expected = f"one {ABOUT}, beside the writers' folders"
            error = CorpusError(f"{file} is of no use there", expected=expected)
            refuse(Problem(str(file), Trouble.MISPLACED, error))


def _require_no_signature(file: _File) -> None:
    """Refuse a signature beside the writers' folders: nobody knows whose it is."""
    if not isinstance(file.capture, SigverifyError):
        raise CorpusError(
            f"{file} lies in no writer's folder", expected=LAYOUT, hint="Make a folder for each writer"
        )


def _truth(file: _File) -> tuple[str, Kind]:
    """Tell the claimed writer, and whether it is theirs."""
    writer, *between, _ = file.parts
    if writer.casefold() in _KINDS:
        raise CorpusError(
            f"{file} lies in no writer's folder",
            expected=LAYOUT,
            hint="Give the folder that holds a folder for each writer",
        )
    if not between:
        return writer, Kind.GENUINE
    if len(between) > 1 or between[0].casefold() not in _KINDS:
        raise CorpusError(f"{file} lies where no signature is looked for", expected=LAYOUT)
    return writer, _KINDS[between[0].casefold()]


def _natural(name: str) -> list[tuple[str, int, str]]:
    """Sort numbers within names by what they count.

    >>> sorted(["10.csv", "2.csv", "b", "02.csv"], key=_natural)
    ['02.csv', '2.csv', '10.csv', 'b']
    """
    pieces = re.findall(r"([^0-9]*)([0-9]*)", name)
    digits = [(text, number.lstrip("0")) for text, number in pieces]
    return [*((text.casefold(), len(number), number) for text, number in digits), (name, 0, "")]
