"""Corpora: signatures with their truth, for training and evaluation."""

from sigverify.corpora.corpus import Corpus, Kind, Sample, merge, require_disjoint, split_writers
from sigverify.corpora.registry import READERS, open_corpus

__all__ = ["READERS", "Corpus", "Kind", "Sample", "merge", "open_corpus", "require_disjoint", "split_writers"]
