"""`Subject`: a corpus under check, with what several checks need, computed once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np

from sigverify.arrays import BoolArray, FloatArray, Int8Array, IntArray
from sigverify.corpora.corpus import Corpus, Kind, Sample
from sigverify.matching.embedding import Embedding
from sigverify.modality.modality import Modality
from sigverify.modality.pen.signature import Signature

Progress = Callable[[str, int, int], None]
"""Called with the name of the stage, and how much of how much of it is done."""

_BLOCK: Final = 256
"""Captures encoded at once: 256 of pictures take 25 MB."""


def silent(_stage: str, _done: int, _total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A corpus and what is known of its samples; all arrays are in the order of `corpus.samples`.

    Attributes:
        corpus: what is checked.
        files: names of files by `Sample.key`; those that lack one are named by writer, kind and number.
        progress: told how far it is.
    """

    corpus: Corpus
    files: Mapping[tuple[str, Kind, int], str] = field(default_factory=dict)
    progress: Progress = silent

    @property
    def modality(self) -> Modality[Any]:
        """What the captures are of."""
        return self.corpus.modality

    @cached_property
    def pen(self) -> tuple[Signature, ...]:
        """The recordings of a corpus of strokes; empty for pictures."""
        captures = (sample.capture for sample in self.corpus.samples)
        return tuple(capture for capture in captures if isinstance(capture, Signature))

    @cached_property
    def genuine(self) -> BoolArray:
        """`(n,)` bool."""
        return np.array([sample.kind is Kind.GENUINE for sample in self.corpus.samples])

    @cached_property
    def writer(self) -> IntArray:
        """`(n,)`: numbers of the claimed writers in `corpus.writers`."""
        number = {writer: index for index, writer in enumerate(self.corpus.writers)}
        return np.array([number[sample.writer] for sample in self.corpus.samples])

    @cached_property
    def extent(self) -> FloatArray:
        """`(n,)`: `Modality.extent`."""
        return np.array([self.modality.extent(sample.capture) for sample in self.corpus.samples])

    @cached_property
    def series(self) -> Int8Array:
        """`(n, t, c)` int8: what is compared by hand, as embeddings hold it."""
        samples, blocks = self.corpus.samples, []
        for start in range(0, len(samples), _BLOCK):
            traces = [self.modality.trace(sample.capture) for sample in samples[start : start + _BLOCK]]
            series = self.modality.series(self.modality.encode(np.stack(traces)))
            blocks += [Embedding.from_floats(each, (), None, (), 1).series for each in series]
            self.progress("features", len(blocks), len(samples))
        return np.stack(blocks)

    @cached_property
    def outlines(self) -> tuple[tuple[bytes, ...], ...]:
        """`Modality.outlines` of each."""
        return tuple(self.modality.outlines(sample.capture) for sample in self.corpus.samples)

    def name(self, sample: Sample) -> str:
        """Name a sample for people: by its file, where it has one."""
        return self.files.get(sample.key, f"{sample.writer}/{sample.kind.value}/{sample.number}")

    def names(self, rows: Iterable[int]) -> list[str]:
        """Name the samples at some places."""
        return [self.name(self.corpus.samples[int(row)]) for row in rows]

    def rows(self, writer: int, *, genuine: bool = True) -> IntArray:
        """Return the places of a writer's signatures of one kind."""
        return np.flatnonzero((self.writer == writer) & (self.genuine == genuine))
