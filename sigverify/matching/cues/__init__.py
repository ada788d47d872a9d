"""Cues that any modality can use, one a file: each compares one part of an `Embedding`."""

from sigverify.matching.cues.extent import EXTENT
from sigverify.matching.cues.sequence import SEQUENCE
from sigverify.matching.cues.series import SERIES
from sigverify.matching.cues.vector import VECTOR

__all__ = ["EXTENT", "SEQUENCE", "SERIES", "VECTOR"]
