"""Captures that are unfit to be compared at all, by what the device would say of them."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from sigverify.corpora.check.finding import Finding, Severity, Token
from sigverify.corpora.check.subject import Subject
from sigverify.modality.quality import Flaw
from sigverify.words import sentence

TIMES: Final = (Flaw.IN_SECONDS, Flaw.IN_MICROSECONDS, Flaw.IN_NANOSECONDS, Flaw.NO_TIME)
"""What the clocks say already."""


def unfit(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each flaw that some captures have."""
    found: dict[Flaw, list[int]] = defaultdict(list)
    for row, sample in enumerate(subject.corpus.samples):
        flaw = subject.modality.unfit(sample.capture)
        if flaw is not None and flaw not in TIMES:
            found[flaw].append(row)
        subject.progress("quality", row + 1, len(subject.corpus))
    for flaw, rows in found.items():
        words = f"Nothing can be compared with these: {sentence(flaw)}. Evaluation counts them all the same."
        yield Finding.of(Token.UNFIT, Severity.WARNING, words, subject.names(rows))
