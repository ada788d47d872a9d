"""`open_corpus`: a corpus by what the command line calls it."""

import os
import re
import types
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from sigverify.corpora.corpus import Corpus
from sigverify.corpora.folder import read_folder
from sigverify.corpora.public.pictures import PICTURES as PICTURE_LAYOUTS
from sigverify.corpora.public.strokes import STROKES as STROKE_LAYOUTS
from sigverify.errors import CorpusError

if TYPE_CHECKING:
    from sigverify.corpora.synthetic import SyntheticConfig

SYNTHETIC = "synthetic"
RENDERED = "rendered"
FOLDER = "folder"
_RENDERED_SPEC = re.compile(r"\s*rendered\s*(?:\(([^()]*)\)\s*)?:(.*)", re.DOTALL)
TRUE_WORDS = ("true", "1", "yes", "on")
FALSE_WORDS = ("false", "0", "no", "off")

Reader = Callable[[str | os.PathLike[str]], Corpus]

STROKES: dict[str, Reader] = {layout.name: layout.read for layout in STROKE_LAYOUTS}
PICTURES: dict[str, Reader] = {layout.name: layout.read for layout in PICTURE_LAYOUTS}
READERS = STROKES | PICTURES
"""Public corpora by name; each is read from a folder or a zip file."""


def open_corpus(spec: str, *, workers: int = 1) -> Corpus:
    """Open "name=PATH" of `READERS`, "folder=PATH", "synthetic", or "synthetic:key=value,key=value".

    "rendered:" before a corpus of pen strokes, or "rendered(key=value,key=value):", draws it as pictures.
    What is invented or drawn is so in `workers` processes; the signatures are the same for any number.

    Raises:
        CorpusError: an unknown name or key, no path, or the corpus cannot be read or drawn.
        ConfigError: a setting is out of range.
    """
    if drawn := _RENDERED_SPEC.fullmatch(spec):
        return _rendered(drawn[2], drawn[1] or "", workers)
    name, separator, path = spec.partition("=")
    if read := (READERS | {FOLDER: read_folder}).get(name.strip()):
        if not separator or not path.strip():
            raise CorpusError(
                f"corpus {name} needs a path",
                expected=f"{name}=PATH of a folder or zip",
                received=repr(spec),
            )
        return read(expanded(path.strip()))
    kind, _, settings = spec.partition(":")
    if kind.strip() == SYNTHETIC:
        return _synthesized(settings, workers)
    raise CorpusError(
        "unknown corpus" + _as_path(spec),
        expected=f"{SYNTHETIC}[:key=value,...] or {RENDERED}[(key=value,...)]:CORPUS or {FOLDER}=PATH or "
        + ", ".join(f"{known}=PATH" for known in READERS),
        received=repr(spec),
    )


def _as_path(spec: str) -> str:
    """Say more of what looks like a path, which may be all that is wrong with it."""
    if not spec.strip() or "=" in spec or ":" in spec:
        return ""
    is_there = os.path.exists(expanded(spec))  # noqa: PTH110 - Path raises for a long name
    return f": of files that is {FOLDER}={spec}" if is_there else ", and no such folder or file"


def parse_synthetic(settings: str) -> "SyntheticConfig":
    """Read "writers=200,seed=3" into the fields of `SyntheticConfig`, by their types.

    Raises:
        CorpusError: an unknown key, or a value of another type.
        ConfigError: a value is out of range.
    """
    from sigverify.corpora.synthetic import SyntheticConfig

    return SyntheticConfig(**_settings(SyntheticConfig, settings, SYNTHETIC))


def expanded(path: str) -> Path:
    """Expand "~", which shells leave alone behind an equals sign."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def _synthesized(settings: str, workers: int) -> Corpus:
    from sigverify.corpora.synthetic import synthesize

    return synthesize(parse_synthetic(settings), workers=workers)


def _rendered(spec: str, settings: str, workers: int) -> Corpus:
    from sigverify.corpora.rendered import RenderConfig, render

    config = RenderConfig(**_settings(RenderConfig, settings, RENDERED))
    return render(open_corpus(spec, workers=workers), config, workers=workers)


def _settings(config: type[Any], settings: str, what: str) -> dict[str, Any]:
    """Read "key=value,key=value" into arguments of a dataclass; `what` names it in errors."""
    types_of = get_type_hints(config)
    known = [field.name for field in fields(config) if field.init]
    values: dict[str, Any] = {}
    for pair in filter(None, (part.strip() for part in settings.split(","))):
        key, separator, text = (part.strip() for part in pair.partition("="))
        if key not in known or not separator or key in values:
            raise CorpusError(
                f"a {what} setting is unknown" if key not in values else f"a {what} setting stands twice",
                expected="key=value with a key of " + ", ".join(known),
                received=repr(pair),
            )
        values[key] = _value(key, text, types_of[key], what)
    return values


def _value(key: str, text: str, kind: Any, what: str) -> Any:
    """Convert `text` to the type of a dataclass field; of a union to the first member that takes it."""
    members = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    for member in members:
        try:
            if member is types.NoneType:
                if text.lower() == "none":
                    return None
            elif member is bool:
                return _truth(text)
            else:
                return member(text)
        except (TypeError, ValueError):
            continue
    raise CorpusError(
        f"{what} setting {key} has another type",
        expected=" or ".join(getattr(member, "__name__", str(member)) for member in members),
        received=repr(text),
    )


def _truth(text: str) -> bool:
    word = text.lower()
    if word not in TRUE_WORDS + FALSE_WORDS:
        raise ValueError(text)
    return word in TRUE_WORDS
