"""What is wrong with a corpus, before anything is trained or measured on it: one thing a file."""

from sigverify.corpora.check.check import Check, check_corpus
from sigverify.corpora.check.finding import Finding, Severity, Token

__all__ = ["Check", "Finding", "Severity", "Token", "check_corpus"]
