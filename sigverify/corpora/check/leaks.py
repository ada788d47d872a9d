"""What stands in a corpus and in another one, or on both sides of a split."""

from collections.abc import Iterator

from sigverify.corpora.check.copies import between
from sigverify.corpora.check.finding import Finding, Severity, Token
from sigverify.corpora.check.subject import Subject
from sigverify.corpora.corpus import Corpus
from sigverify.errors import CorpusError


def leaks(subject: Subject, other: Corpus) -> list[Finding]:
    """Compare a corpus with another one that shall hold nothing of it.

    Raises:
        CorpusError: the other one is the same.
    """
    if subject.corpus.fingerprint == other.fingerprint:
        raise CorpusError(
            "the corpus is compared with itself",
            expected="another corpus, or a split file",
            received=f"{other.name} twice",
        )
    return list(_leaks(subject, Subject(other, progress=subject.progress)))


def _leaks(one: Subject, other: Subject) -> Iterator[Finding]:
    pairs = between(one, other)
    names = [
        f"{one.name(one.corpus.samples[row])} = {other.name(other.corpus.samples[match])}"
        for row, match in pairs
    ]
    if names:
        words = (
            f"Signatures of {one.corpus.name} stand in {other.corpus.name} too, exactly or nearly: what is "
            "measured on one after training on the other is not to be believed."
        )
        yield Finding.of(Token.LEAK, Severity.ERROR, words, names)
    shared = sorted(set(one.corpus.writers) & set(other.corpus.writers))
    if shared and one.corpus.name == other.corpus.name:
        words = "Writers stand on both sides under one name."
        yield Finding.of(Token.LEAK, Severity.ERROR, words, shared)
    elif shared:
        words = (
            f"Writers of {one.corpus.name} and {other.corpus.name} have one name: they are taken for "
            "different people. If they are the same, leave them out of one of the two."
        )
        yield Finding.of(Token.SHARED_NAMES, Severity.NOTE, words, shared)
