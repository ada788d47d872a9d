"""Corpora: signatures with their truth, for training and evaluation."""

from sigverify.corpora.corpus import Corpus, Kind, Sample, merge
from sigverify.corpora.registry import READERS, open_corpus
from sigverify.corpora.splits import require_disjoint, split_writers

__all__ = ["READERS", "Corpus", "Kind", "Sample", "merge", "open_corpus", "require_disjoint", "split_writers"]
