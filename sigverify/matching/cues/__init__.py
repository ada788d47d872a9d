"""Cues that any modality can use, one a file: each compares one part of an `Embedding`."""

from sigverify.matching.cues.extent import EXTENT
from sigverify.matching.cues.pair import PAIR
from sigverify.matching.cues.sequence import SEQUENCE
from sigverify.matching.cues.series import SERIES
from sigverify.matching.cues.trimmed import TRIMMED
from sigverify.matching.cues.vector import VECTOR

__all__ = ["EXTENT", "PAIR", "SEQUENCE", "SERIES", "TRIMMED", "VECTOR"]
