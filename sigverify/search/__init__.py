"""One signature against everybody enrolled (1:N)."""

from sigverify.search.index import Index, IndexKind, find_kind
from sigverify.search.match import Match, Matches
from sigverify.search.searcher import Searcher

__all__ = ["Index", "IndexKind", "Match", "Matches", "Searcher", "find_kind"]
