"""`About`: what a corpus in files says of itself, in the corpus.toml beside them."""

import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Self

from sigverify.corpora.layout import Layout
from sigverify.corpora.toml import to_toml
from sigverify.errors import CorpusError

ABOUT: Final = "corpus.toml"
"""Its name, at the root of the tree."""
MAX_ABOUT: Final = 65_536
"""Bytes of it."""
MAX_NAME: Final = 64
"""Characters of a corpus's name."""
MAX_NOTE: Final = 2_000
"""Characters of a text for people."""
MAX_SESSIONS: Final = 1_000
RATES_HZ: Final = (4.0, 4_000.0)
"""Sampling rates that a pen may have; `modality.pen.clock` takes no others for writing."""
_UNSAFE: Final = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, kw_only=True)
class About:
    """What is known of a corpus beside its files; "" and None: nothing.

    Attributes:
        name: of the corpus.
        licence_note: under what terms the data may be used; ends up in the manifest of a model.
        sessions: on how many occasions each writer's own signatures were written; 1: all at once.
        forgers: who made the skilled forgeries, and from what.
        sampling_rate_hz: of the pen; a recording without time stamps is timed by it.
        layout: where in the tree the signatures lie, if not in folders of writers and kinds.

    Raises:
        CorpusError: one of them is of another type or out of range; names the key.
    """

    name: str = ""
    licence_note: str = ""
    sessions: int | None = None
    forgers: str = ""
    sampling_rate_hz: float | None = None
    layout: Layout | None = None

    def __post_init__(self) -> None:
        """Check what stands in it."""
        for key in ("name", "licence_note", "forgers"):
            if not isinstance(getattr(self, key), str):
                raise CorpusError(
                    f"{ABOUT}: {key} is no text", expected=f'{key} = "…"', received=repr(getattr(self, key))
                )
        if self.name and self.name != safe_name(self.name):
            raise CorpusError(
                f"{ABOUT}: the name cannot stand in file names",
                expected=f"at most {MAX_NAME} letters, digits, '.', '_' and '-'",
                received=repr(self.name),
            )
        _check_line("the licence note cannot stand in a model's manifest", self.licence_note)
        _check_line("forgers is no line of text", self.forgers)
        _check_number("sessions", self.sessions, int, (1, MAX_SESSIONS))
        _check_number("sampling_rate_hz", self.sampling_rate_hz, (int, float), RATES_HZ)

    @classmethod
    def read(cls, data: bytes, path: str | os.PathLike[str]) -> Self:
        """Read the content of a corpus.toml; what it says nothing of is named after `path`.

        Raises:
            CorpusError: no TOML, an unknown key, or a value out of range.
        """
        said = _parsed(data, path)
        known = [each.name for each in fields(cls)]
        if unknown := [key for key in said if key not in known]:
            raise CorpusError(
                f"{ABOUT}: a key is unknown",
                expected=f"{', '.join(known[:-1])} or {known[-1]}",
                received=repr(unknown[0]),
            )
        if said.get("name") == "":
            said["name"] = " "  # which is refused: to say nothing is to leave the key out
        if "layout" in said:
            said["layout"] = Layout.of(said["layout"])
        about = cls(**said)
        source = Path(path)
        usual = source.resolve().name if source.is_dir() else source.stem
        return replace(about, name=about.name or safe_name(usual))

    def to_toml(self) -> str:
        """Write all that is known; `read` gives it back."""
        return to_toml(dict(self._said()))

    def _said(self) -> Iterator[tuple[str, Any]]:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is None or (value == "" and each.name not in ("name", "licence_note")):
                continue
            yield each.name, str(value) if isinstance(value, Layout) else value


def safe_name(text: str) -> str:
    """Make a name that can stand in file names and before a "/".

    >>> safe_name("Our people (2026)"), safe_name("Zoë"), safe_name("../")
    ('Our-people-2026', 'Zoë', 'folder')
    """
    return _UNSAFE.sub("-", text).strip("-._")[:MAX_NAME].rstrip("-._") or "folder"


def _parsed(data: bytes, path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        if len(data) > MAX_ABOUT:
            raise ValueError(f"more than {MAX_ABOUT} bytes")
        return tomllib.loads(data.decode("utf-8-sig"))  # some editors begin a file by a byte order mark
    except (ValueError, RecursionError) as error:
        raise CorpusError(
            f"{ABOUT} of {os.fspath(path)!r} cannot be read", expected="a TOML file", received=str(error)
        ) from None


def _check_line(what: str, text: str) -> None:
    if len(text) > MAX_NOTE or not (text.isprintable() or not text):
        raise CorpusError(
            f"{ABOUT}: {what}",
            expected=f"one line of at most {MAX_NOTE} characters",
            received=repr(text),
        )


def _check_number(key: str, value: Any, kind: Any, bounds: tuple[float, float]) -> None:
    if value is None:
        return
    low, high = bounds
    if not isinstance(value, kind) or isinstance(value, bool) or not low <= value <= high:
        raise CorpusError(
            f"{ABOUT}: {key} is out of range",
            expected=f"a number, {low:g} to {high:g}",
            received=repr(value),
        )
