"""Splits by writer, and the check that nothing stands on both sides of one.

Writer "1" of one corpus and writer "1" of another corpus are two people: across corpora a writer is named
"corpus/writer" (`qualified`).
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, Self, TypeVar

import numpy as np

from sigverify.errors import ConfigError, CorpusError, SplitLeak


class WrittenBy(Protocol):
    """Signatures of named writers: a `Corpus`, or the `TraceSet` that training makes of it."""

    @property
    def name(self) -> str:
        """Name of the whole."""

    @property
    def writers(self) -> tuple[str, ...]:
        """Everybody with at least one signature, sorted."""

    def select(self, writers: Iterable[str]) -> Self:
        """Return the part that belongs to `writers`."""

    def digests(self) -> Sequence[tuple[str, bytes]]:
        """Return the writer of each signature, and a digest of the signature alone."""


Part = TypeVar("Part", bound=WrittenBy)


def split_writers(whole: Part, fraction: float, seed: int) -> tuple[Part, Part]:
    """Split by writer into the larger rest and a held-out part of `fraction` of the writers.

    The same writers, fraction and seed give the same split; each side has at least one writer.

    Returns:
        `(rest, held_out)`: train on the first, validate on the second.

    Raises:
        ConfigError: `fraction` is not between 0 and 1.
        CorpusError: fewer than two writers.
    """
    if not 0 < fraction < 1:
        raise ConfigError("split fraction out of range", expected="0 < fraction < 1", received=f"{fraction}")
    count = len(whole.writers)
    if count < 2:
        raise CorpusError(
            f"corpus {whole.name} is too small to split", expected="at least 2 writers", received=str(count)
        )
    held = min(max(round(count * fraction), 1), count - 1)
    order = np.random.default_rng(seed).permutation(count)
    names = [whole.writers[index] for index in order]
    return whole.select(names[held:]), whole.select(names[:held])


def require_disjoint(one: WrittenBy, other: WrittenBy) -> None:
    """Refuse two that share a writer, by name or by a signature that stands in both.

    Raises:
        SplitLeak: what is shared.
    """
    names = [{qualified(each.name, writer) for writer in each.writers} for each in (one, other)]
    if shared := sorted(names[0] & names[1]):
        raise SplitLeak(
            f"{one.name} and {other.name} share writers",
            expected="no writer on both sides of a split",
            received=f"{len(shared)} shared, {shared[0]} among them",
            hint="Split by writer with split_writers, or leave the corpus out of one side",
        )
    known = {digest for _, digest in one.digests()}
    if twice := [writer for writer, digest in other.digests() if digest in known]:
        raise SplitLeak(
            f"{one.name} and {other.name} share a signature under two names",
            expected="no signature on both sides of a split",
            received=f"{len(twice)} shared, one of writer {twice[0]} among them",
            hint="Check that the two are not the same data opened twice",
        )


def joined_name(names: Sequence[str]) -> str:
    """Name the union of several.

    Raises:
        CorpusError: none, or two of one name, whose writers would be taken for the same people.
    """
    if not names or len(set(names)) != len(names):
        raise CorpusError(
            "corpora cannot be joined",
            expected="one or more, each of another name",
            received=", ".join(sorted(names)),
            hint="Give each corpus once; of synthetic corpora make one larger one",
        )
    return "+".join(names)


def joined_terms(notes: Iterable[str]) -> str:
    """Join licence notes, none twice."""
    return "; ".join(dict.fromkeys(note for note in notes if note))


def qualified(corpus: str, writer: str) -> str:
    """Name a writer across corpora; one who was named so already keeps the name.

    >>> qualified("susig-blind", "7"), qualified("susig-blind", "svc2004-task1/7")
    ('susig-blind/7', 'svc2004-task1/7')
    """
    return writer if "/" in writer else f"{corpus}/{writer}"
