"""How many writers there are, and how many signatures of each."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sigverify.corpora.check.finding import Finding, Severity, Token
from sigverify.corpora.check.spread import Spread
from sigverify.corpora.check.subject import Subject

LEAST_GENUINE: Final = 2
"""A reference and a genuine trial: with fewer a writer gives no genuine trial at all."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How much there is.

    Attributes:
        writers: with at least one signature.
        genuine, skilled: signatures.
        genuine_each, skilled_each: of one writer.
    """

    writers: int
    genuine: int
    skilled: int
    genuine_each: Spread
    skilled_each: Spread


def count(subject: Subject) -> tuple[Counts, list[Finding]]:
    """Count, and say what is too little."""
    numbers = range(len(subject.corpus.writers))
    genuine = [len(subject.rows(writer)) for writer in numbers]
    skilled = [len(subject.rows(writer, genuine=False)) for writer in numbers]
    counts = Counts(
        writers=len(genuine),
        genuine=sum(genuine),
        skilled=sum(skilled),
        genuine_each=Spread.of(genuine),
        skilled_each=Spread.of(skilled),
    )
    return counts, list(_findings(subject, genuine, skilled))


def _findings(subject: Subject, genuine: list[int], skilled: list[int]) -> Iterator[Finding]:
    writers = subject.corpus.writers
    if len(writers) < 2:
        words = "There is one writer only: nothing can be split by writer, and nobody is a stranger to them."
        yield Finding.of(Token.ONE_WRITER, Severity.WARNING, words, writers)
    if few := [writer for writer, number in zip(writers, genuine, strict=True) if number < LEAST_GENUINE]:
        words = (
            f"Writers with fewer than {LEAST_GENUINE} genuine signatures: they give no genuine trial, "
            "whatever the number of references."
        )
        yield Finding.of(Token.FEW_GENUINE, Severity.WARNING, words, few)
    if not sum(skilled):
        words = "There are no skilled forgeries: error rates are of strangers only, not of forgers."
        yield Finding.of(Token.NO_FORGERIES, Severity.NOTE, words)
    elif without := [writer for writer, number in zip(writers, skilled, strict=True) if not number]:
        words = "Writers whose signature nobody forged: rates against forgers leave them out."
        yield Finding.of(Token.NO_FORGERIES, Severity.NOTE, words, without)
    if alike := _alike(writers):
        words = "Names alike but for capitals, accents, spaces or marks: one person may be two writers here."
        yield Finding.of(Token.SIMILAR_NAMES, Severity.WARNING, words, alike)
    about = subject.corpus.about
    if about is not None and about.sessions == 1:
        words = (
            "All of a writer's genuine signatures are of one session: error rates say nothing of another "
            "day, on which genuine signatures are refused more often."
        )
        yield Finding.of(Token.ONE_SESSION, Severity.NOTE, words)


def _alike(writers: tuple[str, ...]) -> list[str]:
    groups: dict[str, list[str]] = defaultdict(list)
    for writer in writers:
        # Decomposed, an accent is a mark of its own, which is no letter.
        plain = unicodedata.normalize("NFKD", writer.casefold())
        bare = "".join(character for character in plain if character.isalnum())
        groups[bare or writer].append(writer)
    return [" = ".join(group) for group in groups.values() if len(group) > 1]
