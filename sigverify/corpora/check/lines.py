"""Pairs of captures whose pen ran along one line, whatever the time it took.

What was slowed by turns, sampled anew or had noise added lies far away by its functions of time; along the
line it does not. See `Modality.runs_along`.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from sigverify.corpora.check.subject import Subject

MOST_COMPARED: Final = 1_000
"""Captures that are compared all with all, which takes half a minute; of more, each writer's own alone."""


def same_lines(subject: Subject) -> list[tuple[int, int]]:
    """Return the places of pairs of one line, the first before the second."""
    outlines = subject.outlines
    every = len(outlines) <= MOST_COMPARED
    pairs: list[tuple[int, int]] = []
    for row in range(len(outlines)):
        known = np.arange(row) if every else np.flatnonzero(subject.writer[:row] == subject.writer[row])
        pairs += [(match, row) for match in _matches(subject, outlines[row], known.tolist())]
        if row % 100 == 0:
            subject.progress("copies in another time", row, len(outlines))
    return sorted(pairs)


def lines_in_both(one: Subject, other: Subject) -> list[tuple[int, int]]:
    """Return the places of pairs of one line, of two corpora; of large ones nobody looks for any."""
    if len(one.outlines) * len(other.outlines) > MOST_COMPARED**2:
        return []
    known = list(range(len(other.outlines)))
    return [(row, match) for row, lines in enumerate(one.outlines) for match in _matches(other, lines, known)]


def _matches(subject: Subject, outlines: Sequence[bytes], known: list[int]) -> Iterator[int]:
    """Yield which of the captures at those places run along one of these outlines."""
    runs_along = subject.modality.runs_along
    lines = [subject.outlines[each][:1] for each in known]
    if runs_along(outlines, [line for each in lines for line in each]):
        yield from (each for each, line in zip(known, lines, strict=True) if runs_along(outlines, line))
