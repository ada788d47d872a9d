"""`SplitFile`: which writers of a corpus are trained on and which are held out, kept in a file."""

import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

from sigverify.corpora.corpus import Corpus
from sigverify.corpora.splits import require_disjoint, split_writers
from sigverify.corpora.toml import to_toml
from sigverify.errors import CorpusError, SplitLeak
from sigverify.whole_file import write_whole

SUFFIX: Final = ".toml"
FIRST_LINE: Final = "# Whom to train on and whom to hold out, by `sigverify corpus split`."
"""By it an older split is known, which may be replaced."""
MAX_BYTES: Final = 4 << 20
"""Of a file of names: those of 100,000 writers take less."""


class Side(StrEnum):
    """One part of a split."""

    TRAIN = "train"
    HELD_OUT = "held_out"


@dataclass(frozen=True, kw_only=True)
class SplitFile:
    """A split by writer, for `--writers` of `train`, `convert` and `evaluate`.

    Attributes:
        corpus: name of the corpus.
        fingerprint: `Corpus.fingerprint` of all of it.
        seed, fraction: how the writers were drawn, see `split_writers`.
        train, held_out: names of the writers, sorted.

    Raises:
        CorpusError: it is not of that form.
        SplitLeak: a writer stands on both sides.
    """

    corpus: str
    fingerprint: str
    seed: int
    fraction: float
    train: tuple[str, ...]
    held_out: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check what was read."""
        texts: tuple[object, ...] = (self.corpus, self.fingerprint)
        if not all(isinstance(text, str) and text for text in texts):
            raise _malformed("corpus and fingerprint, both text", repr(texts))
        for side in Side:
            names = getattr(self, side.value)
            if not isinstance(names, list | tuple) or not names or not all(isinstance(n, str) for n in names):
                raise _malformed(f"{side.value} = [names of writers]", repr(names))
            object.__setattr__(self, side.value, tuple(sorted(set(names))))
        if shared := sorted(set(self.train) & set(self.held_out)):
            raise SplitLeak(
                "a writer stands on both sides of the split",
                expected="each on one",
                received=f"{len(shared)}, {shared[0]} among them",
            )

    @classmethod
    def of(cls, corpus: Corpus, *, fraction: float = 0.2, seed: int = 0) -> Self:
        """Split a corpus.

        Raises:
            ConfigError: `fraction` is not between 0 and 1.
            CorpusError: fewer than two writers.
            SplitLeak: a signature stands on both sides, under two names.
        """
        train, held_out = split_writers(corpus, fraction, seed)
        _require_apart(train, held_out)
        return cls(
            corpus=corpus.name,
            fingerprint=corpus.fingerprint,
            seed=seed,
            fraction=fraction,
            train=train.writers,
            held_out=held_out.writers,
        )

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read what `write` wrote.

        Raises:
            CorpusError: no such file, or not of that form.
            SplitLeak: a writer stands on both sides.
        """
        try:
            said: dict[str, Any] = tomllib.loads(_read(path))
        except (ValueError, RecursionError) as error:
            raise _malformed("a TOML file that `sigverify corpus split` wrote", str(error)) from None
        known = {each.name for each in fields(cls)}
        if set(said) != known:
            odd = min(set(said) ^ known)
            raise _malformed(f"the keys {', '.join(sorted(known))}", f"{odd!r} too many or missing")
        return cls(**said)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write it, wholly or not at all; what is there is replaced.

        Raises:
            CorpusError: it cannot be written, or would not be known as a split file.
        """
        target = Path(path)
        if target.suffix != SUFFIX:
            raise CorpusError(
                "a split file has another ending", expected=f"NAME{SUFFIX}", received=repr(target.name)
            )
        try:
            write_whole(target, self.to_toml())
        except OSError as error:
            raise CorpusError(
                "the split cannot be written", received=f"{target}: {error.strerror}"
            ) from error

    def to_toml(self) -> str:
        """Return the text of the file."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return f"{FIRST_LINE}\n{to_toml(values)}"

    def select(self, corpus: Corpus, side: Side) -> Corpus:
        """Return one side of the corpus that was split, of which nothing stands on the other.

        Raises:
            CorpusError: as `sides`.
            SplitLeak: a signature stands on both sides, under two names.
        """
        # A file may have been changed by hand, or be of before its sides were compared.
        train, held_out = self.sides(corpus)
        _require_apart(train, held_out)
        return {Side.TRAIN: train, Side.HELD_OUT: held_out}[side]

    def sides(self, corpus: Corpus) -> tuple[Corpus, Corpus]:
        """Return both sides of the corpus that was split: `(train, held_out)`, whatever they share.

        Raises:
            CorpusError: it is another corpus, or was changed since, or a side names somebody else.
        """
        if corpus.fingerprint != self.fingerprint:
            raise CorpusError(
                f"the split is not of this corpus {corpus.name}",
                expected=f"{self.corpus} as it was then",
                received="other signatures or writers",
                hint="Split it anew: sigverify corpus split",
            )
        if unknown := sorted({*self.train, *self.held_out} - set(corpus.writers)):
            raise CorpusError(
                f"the split names writers whom corpus {corpus.name} does not have",
                expected=f"some of its {len(corpus.writers)} writers",
                received=f"{len(unknown)} others, {unknown[0]!r} among them",
                hint="Split it anew: sigverify corpus split",
            )
        return corpus.select(self.train), corpus.select(self.held_out)


def _require_apart(one: Corpus, other: Corpus) -> None:
    """Refuse two sides of a corpus of which a signature stands in both.

    Raises:
        SplitLeak: it does.
    """
    try:
        require_disjoint(one, other)
    except SplitLeak as leak:
        raise SplitLeak(
            "a signature stands on both sides of the split, under two names",
            expected="each signature once in the corpus",
            received=f"one twice or more in {one.name}",
            hint="See which with sigverify corpus check, and give them to one writer",
        ) from leak


def is_split_file(path: str | os.PathLike[str]) -> bool:
    """Tell a split file from a corpus or a list of names, by its ending."""
    return Path(path).suffix == SUFFIX and Path(path).is_file()


def select_writers(
    corpora: Sequence[Corpus], path: str | os.PathLike[str] | None, side: Side
) -> list[Corpus]:
    """Return corpora with the writers that a file names: one side of a split, or a list, a name a line.

    Without a file they stay as they are.

    Of several corpora a split file is of one, by name, and the others stay whole. A list is of all: each
    keeps those of its writers that stand in it.

    Raises:
        CorpusError: no such file, none of these corpora, or a name that none of them has.
        SplitLeak: a writer, or a signature, stands on both sides of the split.
    """
    if path is None:
        return list(corpora)
    if not is_split_file(path):
        return _listed(corpora, path)
    split = SplitFile.read(path)
    if split.corpus not in [corpus.name for corpus in corpora]:
        raise CorpusError(
            "the split is of none of these corpora",
            expected=split.corpus,
            received=", ".join(corpus.name for corpus in corpora),
        )
    return [split.select(corpus, side) if corpus.name == split.corpus else corpus for corpus in corpora]


def _listed(corpora: Sequence[Corpus], path: str | os.PathLike[str]) -> list[Corpus]:
    named = {line.strip() for line in _read(path).splitlines()} - {""}
    known = {writer for corpus in corpora for writer in corpus.writers}
    if not named or named - known:
        raise CorpusError(
            f"the list of writers {os.fspath(path)!r} does not fit",
            expected="the name of one writer in each line",
            received=repr(min(named - known)) if named else "nothing",
        )
    chosen = [(corpus, named.intersection(corpus.writers)) for corpus in corpora]
    if without := [corpus.name for corpus, names in chosen if not names]:
        raise CorpusError(
            f"the list of writers {os.fspath(path)!r} names nobody of corpus {without[0]}",
            expected="some of each",
        )
    return [corpus.select(names) for corpus, names in chosen]


def _read(path: str | os.PathLike[str]) -> str:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES} bytes")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise CorpusError(
            f"the file of writers {os.fspath(path)!r} cannot be read", received=error.strerror or "no file"
        ) from error
    except ValueError as error:
        raise CorpusError(
            f"the file of writers {os.fspath(path)!r} is no text", expected="UTF-8", received=str(error)
        ) from None


def _malformed(expected: str, received: str) -> CorpusError:
    return CorpusError("not a split of writers", expected=expected, received=received)
