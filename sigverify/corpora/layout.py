"""`Layout`: where in a tree of files each signature lies, as one line that people write.

A pattern is the path of a file, from the root of the corpus, with names in braces for what differs::

    {writer}/{kind}/{any}.csv                        the layout that needs no pattern
    {writer}_{kind:g=genuine,f=skilled}_{number}.txt
    {writer}/{number:1-20=genuine,21-40=skilled}.svc

| piece | stands for |
|---|---|
| `{writer}` | whose signature it claims to be; a second one must say the same |
| `{kind}` | `genuine` or `skilled`; `{kind:g=genuine,f=skilled}` with the corpus's own words |
| `{number}` | digits that number a writer's signatures; `{number:1-20=genuine,…}` tells the kind by it |
| `{any}` | anything |

`{writer}` and `{any}` are at least one character and none of them a "/"; each takes as little as lets the
rest fit. `{writer:digits}` takes digits alone. Without a kind all are genuine; without a number the natural
order of the names counts. Everything else stands for itself, capitals or not.

A pattern is no regular expression: it is matched in one pass from its end, in time proportional to its pieces
and to the length of the path, whatever both hold.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Self

from sigverify.corpora.corpus import Kind
from sigverify.errors import CorpusError

MAX_PATTERN: Final = 200
"""Characters of a pattern."""
MAX_PIECES: Final = 16
"""Pieces in braces; trees of signatures need four."""
MAX_PATH: Final = 500
"""Characters of a path that is looked at; file systems take names of 255."""
MAX_DIGITS: Final = 9
"""Of a number that orders samples."""
EXAMPLE: Final = "{writer}_{kind:g=genuine,f=skilled}_{number}.csv"

_KINDS: Final = {kind.value: kind for kind in Kind}
_WORD: Final = re.compile(r"[^\s{}/=,]+")
_RANGE: Final = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_BRACES: Final = re.compile(r"\{([^{}]*)\}")

Ends = Callable[[str, int], Iterator[int]]
"""Where a piece may end that begins at a place of the path; the one to prefer comes first."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """What the path of a file says.

    Attributes:
        writer: the claimed writer.
        kind: genuine, or a skilled forgery.
        number: as its name has it; None where the layout has none.
    """

    writer: str
    kind: Kind
    number: int | None


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """One piece of a pattern.

    Attributes:
        name: "writer", "kind", "number", "any", or "" for text.
        ends: where it may end.
        reach: whether it may be of any length, and so needs a place where the next one begins.
    """

    name: str
    ends: Ends
    reach: bool = False


@dataclass(frozen=True)
class Layout:
    """A pattern, read.

    Raises:
        CorpusError: it is none; says which piece.
    """

    pattern: str
    _pieces: tuple[_Piece, ...] = field(init=False, repr=False, compare=False)
    _words: Mapping[str, Kind] = field(init=False, repr=False, compare=False)
    _ranges: tuple[tuple[int, int, Kind], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Read the pattern."""
        text = self.pattern
        if not text or len(text) > MAX_PATTERN or not text.isprintable():
            raise _wrong(f"at most {MAX_PATTERN} printable characters", text)
        words: dict[str, Kind] = {}
        ranges: list[tuple[int, int, Kind]] = []
        pieces = [piece for part in _parts(text) for piece in _read(part, words, ranges)]
        _check(pieces, text)
        for name, value in (("_pieces", tuple(pieces)), ("_words", words), ("_ranges", tuple(ranges))):
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, pattern: object) -> Self:
        """Read a pattern of whatever type a file had it.

        Raises:
            CorpusError: no text, or no pattern.
        """
        if not isinstance(pattern, str):
            raise _wrong("text", pattern)
        return cls(pattern)

    def __str__(self) -> str:
        """Return the pattern."""
        return self.pattern

    def place(self, path: str) -> Place | None:
        """Say what the path of a file tells; None: it is of another form.

        >>> Layout("{writer}_{kind:g=genuine,f=skilled}_{number}.txt").place("Ann_Lee_f_07.TXT")
        Place(writer='Ann_Lee', kind=<Kind.SKILLED: 'skilled'>, number=7)
        """
        found = self._matched(path)
        if found is None or len(set(found.get("writer", ()))) != 1:
            return None
        number = int(found["number"][0]) if "number" in found else None
        kind = self._kind(found, number)
        return None if kind is None else Place(writer=found["writer"][0], kind=kind, number=number)

    def _kind(self, found: Mapping[str, list[str]], number: int | None) -> Kind | None:
        if "kind" in found:
            word = found["kind"][0].casefold()
            return next(kind for known, kind in self._words.items() if known.casefold() == word)
        if not self._ranges or number is None:
            return Kind.GENUINE
        return next((kind for low, high, kind in self._ranges if low <= number <= high), None)

    def _matched(self, path: str) -> dict[str, list[str]] | None:
        """Return the texts of each named piece; None where the path does not fit."""
        if len(path) > MAX_PATH:
            return None
        # From which places of the path the pieces from each one on fit to its end, the last piece first.
        fits: list[set[int]] = [{len(path)}]
        for piece in reversed(self._pieces):
            after = fits[-1]
            fits.append(
                {start for start in range(len(path)) if any(end in after for end in piece.ends(path, start))}
                if not piece.reach
                else _reached(path, after, piece)
            )
        fits.reverse()
        if 0 not in fits[0]:
            return None
        found: dict[str, list[str]] = {}
        at = 0
        for piece, after in zip(self._pieces, fits[1:], strict=True):
            end = next(end for end in piece.ends(path, at) if end in after)
            if piece.name:
                found.setdefault(piece.name, []).append(path[at:end])
            at = end
        return found


def _reached(path: str, after: set[int], piece: _Piece) -> set[int]:
    """From where a piece of any length leads to one of the places `after`: one pass from the end."""
    starts: set[int] = set()
    leads = False
    for start in range(len(path) - 1, -1, -1):
        one = next(piece.ends(path, start), None)  # whether its first character may be of the piece
        leads = one is not None and (leads or start + 1 in after)
        if leads:
            starts.add(start)
    return starts


def _parts(text: str) -> Iterator[str]:
    """Yield text and pieces in braces."""
    at = 0
    for match in _BRACES.finditer(text):
        yield from filter(None, (text[at : match.start()], match[0]))
        at = match.end()
    yield from filter(None, (text[at:],))


def _read(part: str, words: dict[str, Kind], ranges: list[tuple[int, int, Kind]]) -> Iterator[_Piece]:
    if not _BRACES.fullmatch(part):
        if "{" in part or "}" in part:
            raise _wrong("a closing brace for each opening one", part)
        yield _Piece(name="", ends=_of_words([part]))
        return
    name, _, said = part[1:-1].partition(":")
    match name, said:
        case (("writer" | "any"), ""):
            yield _Piece(name=name, ends=_wide, reach=True)
        case (("writer" | "any"), "digits"):
            yield _Piece(name=name, ends=_digits)
        case "kind", _ if not words:
            words.update(_told(said, part) if said else _KINDS)
            yield _Piece(name=name, ends=_of_words(list(words)))
        case "number", _ if not ranges:
            ranges.extend(_range(low, kind, part) for low, kind in _told(said, part).items() if said)
            yield _Piece(name=name, ends=_digits)
        case _:
            raise _wrong("{writer}, {kind}, {number} or {any}, kind and number once", part)


def _told(said: str, part: str) -> dict[str, Kind]:
    """Read "g=genuine,f=skilled"."""
    told: dict[str, Kind] = {}
    for pair in filter(None, said.split(",")):
        word, _, kind = (each.strip() for each in pair.partition("="))
        if kind not in _KINDS or not _WORD.fullmatch(word) or word.casefold() in map(str.casefold, told):
            raise _wrong("pairs such as g=genuine,f=skilled, each word once", part)
        told[word] = _KINDS[kind]
    return told


def _range(text: str, kind: Kind, part: str) -> tuple[int, int, Kind]:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise _wrong("ranges such as 1-20=genuine,21-40=skilled", part)
    return int(match[1]), int(match[2] or match[1]), kind


def _check(pieces: list[_Piece], text: str) -> None:
    names = [piece.name for piece in pieces if piece.name]
    if "writer" not in names or len(names) > MAX_PIECES:
        raise _wrong(f"{{writer}}, and at most {MAX_PIECES} pieces in braces", text)
    if names.count("kind") > 1 or names.count("number") > 1:
        raise _wrong("kind and number once", text)
    if "kind" in names and "{number:" in text:
        raise _wrong("the kind by its word or by the number", text)
    for before, after in pairwise(pieces):
        if before.ends is after.ends:  # both of any length, or both digits
            raise _wrong("text between two pieces that nothing else parts", text)


def _of_words(words: list[str]) -> Ends:
    """End behind any of some words, the longest first."""
    ordered = sorted(((len(word), word.casefold()) for word in words), reverse=True)

    def ends(path: str, start: int) -> Iterator[int]:
        for length, word in ordered:
            if path[start : start + length].casefold() == word:
                yield start + length

    return ends


def _wide(path: str, start: int) -> Iterator[int]:
    """End behind one character or more, at most before the next "/"."""
    for at in range(start, len(path)):
        if path[at] == "/":
            return
        yield at + 1


def _digits(path: str, start: int) -> Iterator[int]:
    """End behind all digits that stand there, of which there may be `MAX_DIGITS`."""
    end = start
    while end < len(path) and path[end] in "0123456789":
        end += 1
    if 0 < end - start <= MAX_DIGITS and not (start and path[start - 1] in "0123456789"):
        yield end


def _wrong(expected: str, received: object) -> CorpusError:
    return CorpusError(
        "the layout is no pattern",
        expected=expected,
        received=repr(received),
        hint=f"An example: {EXAMPLE}",
    )
