"""`convert_tree`: signature files in another format, and what a corpus says of itself put beside them."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from sigverify.corpora.about import ABOUT, About
from sigverify.corpora.layout import MAX_PATTERN, Layout
from sigverify.errors import FormatError
from sigverify.formats import find_written
from sigverify.formats.conversion import Conversion, Progress, convert_files, write_converted
from sigverify.formats.found_files import found_files

_SUFFIX: Final = re.compile(r"\.\w*[A-Za-z]\w*$")
"""How a pattern ends where it names how files end; see `Conversion`, which keeps numbers behind a point."""


def convert_tree(
    paths: Sequence[str | os.PathLike[str]],
    to: str,
    out: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> tuple[Conversion, Path | None]:
    """Convert as `convert_files` does; of one corpus with a corpus.toml, that goes along, terms and all.

    It is copied as it is, unless its layout names how the files ended: then the layout names how they end
    now, or, where that cannot be said, is left out.

    Returns:
        What became of the files, and the corpus.toml that was written; None: there was none.

    Raises:
        CorpusError: a corpus.toml that says what is not known, before anything is written.
        FormatError, UnknownFormat, SigverifyError: as `convert_files`.
    """
    suffix = find_written(to).suffixes[0]
    found = _find_about(paths)
    if found is None:
        return convert_files(paths, to, out, overwrite=overwrite, progress=progress), None
    target = Path(out) / found.name
    if os.path.lexists(target) and not overwrite:
        raise FormatError(
            "nothing is written over what is there",
            expected=f"no {ABOUT} in the folder",
            received=str(target),
            hint="Write into another folder, or say so with --overwrite (overwrite=True)",
        )
    done = convert_files(paths, to, out, overwrite=overwrite, progress=progress)
    write_converted(target, _beside(found, done, Path(out), suffix), "the signature files are written")
    rest = tuple(each for each in done.left_out if each.source != found.path)
    return replace(done, left_out=rest), target


@dataclass(frozen=True, kw_only=True)
class _Found:
    """A corpus.toml: what it is called, its name below the root, what stands in it, and what that says."""

    path: str
    name: PurePosixPath
    content: bytes
    about: About


def _find_about(paths: Sequence[str | os.PathLike[str]]) -> _Found | None:
    """Find that of one folder or zip file, at its root or in the one folder in it."""
    if len(paths) != 1:
        return None
    with found_files(paths) as files:
        deep = 2 if len({file.name.parts[0] for file in files}) == 1 else 1
        for file in files:
            if file.name.name == ABOUT and not file.named and len(file.name.parts) <= deep:
                content = file.read()
                about = About.read(content, paths[0])
                return _Found(path=file.path, name=file.name, content=content, about=about)
    return None


def _beside(found: _Found, done: Conversion, out: Path, suffix: str) -> bytes:
    """Return the content of the corpus.toml of the new tree."""
    layout = found.about.layout
    if layout is None:
        return found.content
    places = list(_places(found, done, out))
    for pattern in _patterns(layout.pattern, suffix):
        its = Layout(pattern)
        if all(its.place(new) == layout.place(old) for old, new in places):
            same = pattern == layout.pattern
            return found.content if same else replace(found.about, layout=its).to_toml().encode()
    return replace(found.about, layout=None).to_toml().encode()


def _places(found: _Found, done: Conversion, out: Path) -> Iterator[tuple[str, str]]:
    """Yield the names of each file before and after, below the folder of the corpus.toml."""
    before = found.path.removesuffix(ABOUT)
    for each in done.converted:
        new = Path(each.target).relative_to(out / found.name.parent)
        yield each.source.removeprefix(before), new.as_posix()


def _patterns(pattern: str, suffix: str) -> Iterator[str]:
    """Yield what may be the layout when files end otherwise."""
    yield pattern
    ended = _SUFFIX.sub("", pattern) + suffix
    if len(ended) <= MAX_PATTERN:
        yield ended
