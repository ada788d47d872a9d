"""`read_folder`, `write_folder`: a corpus in a tree of folders that anybody can make by hand.

A folder for each writer; in it "genuine" and "skilled", or the writer's own signatures alone::

    people/
      corpus.toml              name = "people", licence_note = "ours"; need not be there
      alice/genuine/1.csv
      alice/skilled/1.csv      somebody else's attempt at alice's signature
      bob/1.csv                all genuine
"""

import io
import json
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sigverify.corpora.corpus import Corpus, Kind, Sample
from sigverify.corpora.files import corpus_files
from sigverify.errors import CorpusError, FormatError, InvalidSignature, SigverifyError
from sigverify.formats import plain_csv, read_capture
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.pen.signature import Signature

ABOUT: Final = "corpus.toml"
"""What the corpus says of itself, at the root of its tree."""
MAX_ABOUT: Final = 65_536
"""Bytes of it."""
MAX_NAME: Final = 64
"""Characters of a corpus's name."""
MAX_NOTE: Final = 2_000
"""Characters of a licence note."""
LAYOUT: Final = f"writer/{Kind.GENUINE}/FILE, writer/{Kind.SKILLED}/FILE or writer/FILE"
_UNSAFE: Final = re.compile(r"[^\w.-]+")
_KINDS: Final = {kind.value: kind for kind in Kind}


@dataclass(frozen=True)
class _File:
    """One file of the tree.

    Attributes:
        parts: its folders and its name, from the root on.
        capture: the signature in it, or why there is none.
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

    Samples are numbered from 1 on, in the natural order of their names ("2.csv" before "10.csv"). Hidden
    files, and files beside the writers' folders that hold no signature, are left alone.

    Raises:
        CorpusError: no signatures, a file elsewhere in the tree or one that cannot be read (named), both
            strokes and pictures, or a corpus.toml that says something else than `name` and `licence_note`.
    """
    about, files = _split(_tree(path))
    name, licence_note = _described(about, path)
    samples, numbers, layouts = [], dict[tuple[str, Kind], int](), dict[str, bool]()
    for file in sorted(files, key=lambda file: [_natural(part) for part in file.parts]):
        if len(file.parts) == 1:
            _require_no_signature(file)
            continue
        writer, kind = _truth(file)
        bare = len(file.parts) == 2
        if layouts.setdefault(writer, bare) is not bare:
            raise CorpusError(
                f"{file} lies beside folders of its writer's signatures",
                expected=f"{Kind.GENUINE}/ and {Kind.SKILLED}/, or files alone",
                received="both",
                hint=f"Move the writer's own signatures into {writer}/{Kind.GENUINE}/",
            )
        if isinstance(file.capture, SigverifyError):
            raise CorpusError(
                f"{file} of corpus {name} cannot be read",
                received=str(file.capture),
                hint="Restore the file, or move it out of the corpus",
            )
        number = numbers[writer, kind] = numbers.get((writer, kind), 0) + 1
        samples.append(Sample(writer, kind, number, file.capture))
    if not samples:
        raise CorpusError(f"no signatures in {os.fspath(path)!r}", expected=LAYOUT, received="none")
    return Corpus(name, tuple(samples), licence_note)


def write_folder(corpus: Corpus, path: str | os.PathLike[str]) -> None:
    """Write strokes as .csv or pictures as .png, and corpus.toml; `read_folder` reads the same captures.

    Where a writer's samples are numbered otherwise than from 1 on, it numbers them anew, in the same order.

    Raises:
        CorpusError: `require_new` refuses the folder, or a writer cannot be the name of one.
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
    root = Path(path)
    for writer in corpus.writers:
        for group in (corpus.genuine(writer), corpus.skilled(writer)):
            for sample in group:
                suffix, data = _encoded(sample.capture)
                folder = root / writer / sample.kind.value
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{sample.number:03d}{suffix}").write_bytes(data)
    said = {"name": safe_name(corpus.name), "licence_note": corpus.licence_note}
    # A JSON string without escapes of non-ASCII characters is one of TOML, too.
    lines = (f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in said.items())
    root.mkdir(parents=True, exist_ok=True)
    (root / ABOUT).write_text("".join(lines), "utf-8")


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


def safe_name(text: str) -> str:
    """Make a name that can stand in file names and before a "/".

    >>> safe_name("Our people (2026)"), safe_name("Zoë"), safe_name("../")
    ('Our-people-2026', 'Zoë', 'folder')
    """
    return _UNSAFE.sub("-", text).strip("-._")[:MAX_NAME].rstrip("-._") or "folder"


def _encoded(capture: Any) -> tuple[str, bytes]:
    """Return how a file of it ends, and what is in it."""
    if isinstance(capture, Signature):
        return ".csv", plain_csv.encode(capture)
    if isinstance(capture, SignatureImage):
        from PIL import Image

        file = io.BytesIO()
        Image.fromarray(capture.grey).save(file, "PNG")
        return ".png", file.getvalue()
    raise CorpusError(
        "a corpus of this kind has no files", expected="strokes or pictures", received=type(capture).__name__
    )


def _tree(path: str | os.PathLike[str]) -> list[_File]:
    """Read everything; what is no signature is kept with its error, since it may be none of the corpus."""
    found: dict[tuple[str, ...], _File] = {}
    for name, data in corpus_files(path):
        parts = tuple(part for part in name.parts if part != name.root)
        if not parts:
            continue  # a zip may hold a file named "."
        if parts in found:
            raise CorpusError(f"{name} stands twice in {os.fspath(path)!r}", expected="each name once")
        found[parts] = _File(parts, data if name.name == ABOUT else _captured(data))
    return list(found.values())


def _captured(data: bytes) -> Any:
    try:
        return read_capture(data)
    except (FormatError, InvalidSignature) as error:
        return error


def _split(tree: list[_File]) -> tuple[bytes, list[_File]]:
    """Return the content of corpus.toml, and all other files; without the folder that holds all of them."""
    if len({file.parts[0] for file in tree}) == 1 and any(file.wrapped for file in tree):
        tree = [_File(file.parts[1:], file.capture) for file in tree if len(file.parts) > 1]
    about = next((file.capture for file in tree if file.parts == (ABOUT,)), b"")
    return about, list(_others(tree))


def _others(tree: list[_File]) -> Iterator[_File]:
    for file in tree:
        if file.parts[-1] != ABOUT:
            yield file
        elif len(file.parts) > 1:
            raise CorpusError(
                f"{file} is of no use there", expected=f"one {ABOUT}, beside the writers' folders"
            )


def _described(about: bytes, path: str | os.PathLike[str]) -> tuple[str, str]:
    """Return the corpus's name and its licence note."""
    try:
        if len(about) > MAX_ABOUT:
            raise ValueError(f"more than {MAX_ABOUT} bytes")
        said = tomllib.loads(about.decode("utf-8-sig"))  # some editors begin a file by a byte order mark
    except (ValueError, RecursionError) as error:
        raise CorpusError(
            f"{ABOUT} of {os.fspath(path)!r} cannot be read", expected="a TOML file", received=str(error)
        ) from None
    for key, value in said.items():
        if key not in ("name", "licence_note"):
            raise CorpusError(
                f"{ABOUT}: a key is unknown", expected="name or licence_note", received=repr(key)
            )
        if not isinstance(value, str):
            raise CorpusError(f"{ABOUT}: {key} is no text", expected=f'{key} = "…"', received=repr(value))
    source = Path(path)
    usual = source.resolve().name if source.is_dir() else source.stem
    name, note = said.get("name", safe_name(usual)), said.get("licence_note", "")
    if name != safe_name(name):
        raise CorpusError(
            f"{ABOUT}: the name cannot stand in file names",
            expected=f"at most {MAX_NAME} letters, digits, '.', '_' and '-'",
            received=repr(name),
        )
    if len(note) > MAX_NOTE or not (note.isprintable() or not note):
        raise CorpusError(
            f"{ABOUT}: the licence note cannot stand in a model's manifest",
            expected=f"one line of at most {MAX_NOTE} characters",
            received=repr(note),
        )
    return name, note


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
