"""Signatures that stand in a corpus more than once, as they are or a little changed.

Exact copies have one `Modality.fingerprint`, which does not see where and when a capture was taken. Near ones
are looked for in two ways. A sketch of each (see `policy.replay`) finds pairs that may be of one capture, and
elastic alignment decides: they lie nearer than anybody signs twice. Others were written in another time along
one line, see `lines`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from sigverify.arrays import Float32Array, FloatArray, IndexArray, Int8Array
from sigverify.corpora.check.distance import distances
from sigverify.corpora.check.finding import Finding, Severity, Token
from sigverify.corpora.check.lines import lines_in_both, same_lines
from sigverify.corpora.check.repetitions import repetitions
from sigverify.corpora.check.spread import Spread
from sigverify.corpora.check.subject import Subject
from sigverify.corpora.corpus import Sample
from sigverify.policy.replay import Sketcher

NEARER: Final = 0.35
"""Share of the usual distance between a writer's own signatures below which two captures are one. Of all
pairs of captures the nearest lie at 0.53 (SVC2004 Task 2), 0.52 (Task 1), 0.50 (SUSIG Blind), 0.46 (SigComp
2009) and 0.40 (synthetic). Copies moved, scaled, slowed or rounded lie at 0.2 to 0.3, those at half the
sampling rate, or with noise of 0.3 % of the width, at 0.3 to 0.45. Of pens as those of SVC2004 about nine in
ten of the former are found, elsewhere fewer; of the latter a third to a half."""
SKETCH_BITS: Final = 110
"""Sketches of 512 bits that differ in fewer may be of one capture, and are aligned: on the same corpora those
of one pair in a thousand, and of 95 copies in a hundred."""
MOST_ALIGNED: Final = 200_000
"""Pairs aligned at most, the nearest first: a minute's work."""
_BLOCK: Final = 1024
"""Sketches compared with all others at once."""
_SECRET: Final = b"sigverify corpus check: no secret is kept here"


@dataclass(frozen=True, kw_only=True)
class Copies:
    """How many pairs are of one capture.

    Attributes:
        exact: captures that stand there once more.
        near: pairs that are nearer than their bound, exact copies left out.
        same_line: pairs along one line in another time; those above are left out.
        bound: distances below which two captures are one, in standard deviations of the compared functions:
            `NEARER` of the usual distance between the writer's own, or `Modality.copy_distance` where that
            is more.
        nearest: of all other pairs the nearest two, as a share of the usual distance between the own
            signatures of their writers; None: none are near enough to be aligned.
    """

    exact: int
    near: int
    same_line: int
    bound: Spread
    nearest: float | None


def copies(subject: Subject, usual: FloatArray) -> tuple[Copies, list[Finding]]:
    """Look for copies within a corpus; `usual` `(w,)` is how far each writer's own signatures lie apart."""
    groups = [group for group in _by_content(subject).values() if len(group) > 1]
    known = {(one, other) for group in groups for one in group for other in group}
    sketches = _sketches(subject.series)
    rows, columns = _candidates(sketches, sketches, same=True)
    apart = _apart(subject, subject, rows, columns)
    bounds, own = _bounds(subject, usual), usual[subject.writer]
    other = np.array(
        [pair not in known for pair in zip(rows.tolist(), columns.tolist(), strict=True)], np.bool_
    )
    near = other & (apart < np.minimum(bounds[rows], bounds[columns]))
    rest = other & ~near & (own[rows] > 0) & (own[columns] > 0)
    pairs = list(zip(rows[near].tolist(), columns[near].tolist(), strict=True))
    lines = [pair for pair in same_lines(subject) if pair not in known and pair not in set(pairs)]
    shares = apart[rest] / np.minimum(own[rows[rest]], own[columns[rest]])
    figures = Copies(
        exact=sum(len(group) - 1 for group in groups),
        near=len(pairs),
        same_line=len(lines),
        bound=Spread.of(bounds),
        nearest=float(shares.min()) if len(shares) else None,
    )
    return figures, [*_findings(subject, groups, pairs), *_of_lines(subject, lines)]


def between(one: Subject, other: Subject) -> list[tuple[int, int]]:
    """Return the places of captures that stand in both, exactly or nearly."""
    if one.modality is not other.modality:
        return []
    held = _by_content(other)
    exact = {
        (row, match)
        for content, rows in _by_content(one).items()
        for row in rows
        for match in held.get(content, ())
    }
    rows, columns = _candidates(_sketches(one.series), _sketches(other.series), same=False)
    first, second = (_bounds(each, repetitions(each).usual) for each in (one, other))
    near = _apart(one, other, rows, columns) < np.minimum(first[rows], second[columns])
    pairs = zip(rows[near].tolist(), columns[near].tolist(), strict=True)
    return sorted(exact.union(pairs, lines_in_both(one, other)))


def _bounds(subject: Subject, usual: FloatArray) -> FloatArray:
    """Return the distance below which a signature and its like are one, of each signature `(n,)`."""
    return np.maximum(NEARER * usual, subject.modality.copy_distance)[subject.writer]


def _apart(one: Subject, other: Subject, rows: IndexArray, columns: IndexArray) -> FloatArray:
    """Align the pairs of signatures at those places: `(p,)`."""
    parts = [np.zeros(0)]
    for start in range(0, len(rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        parts.append(distances(one.series[rows[part]], other.series[columns[part]]))
        one.progress("near copies", min(start + _BLOCK, len(rows)), len(rows))
    return np.concatenate(parts)


def _candidates(first: Float32Array, second: Float32Array, *, same: bool) -> tuple[IndexArray, IndexArray]:
    """Return the pairs whose sketches, ±1 `(n, b)` and `(m, b)`, differ in few bits, the nearest first."""
    parts = []
    for start in range(0, len(first), _BLOCK):
        apart = (first.shape[1] - first[start : start + _BLOCK] @ second.T) / 2
        rows, columns = np.nonzero(apart < SKETCH_BITS)
        kept = rows + start < columns if same else np.ones(len(rows), np.bool_)
        rows, columns = rows[kept], columns[kept]
        parts.append(np.stack([apart[rows, columns], rows + start, columns]))
    apart, rows, columns = np.concatenate(parts, axis=1)
    nearest = np.argsort(apart, kind="stable")[:MOST_ALIGNED]
    return rows[nearest].astype(np.intp), columns[nearest].astype(np.intp)


def _sketches(series: Int8Array) -> Float32Array:
    """Return the bits of the sketches of series `(n, t, c)`, as ±1: `(n, b)`."""
    sketcher = Sketcher(_SECRET)
    packed = b"".join(sketcher.sketch(b"", each).bits for each in series)
    bits = np.unpackbits(np.frombuffer(packed, np.uint8).reshape(len(series), -1), axis=1)
    return np.where(bits, np.float32(1), np.float32(-1))


def _by_content(subject: Subject) -> dict[bytes, list[int]]:
    groups: dict[bytes, list[int]] = defaultdict(list)
    for row, sample in enumerate(subject.corpus.samples):
        groups[subject.modality.fingerprint(sample.capture)].append(row)
    return groups


def _findings(subject: Subject, groups: list[list[int]], near: list[tuple[int, int]]) -> Iterator[Finding]:
    samples = subject.corpus.samples
    elsewhere = [group for group in groups if len({_truth(samples[row]) for row in group}) > 1]
    within = [group for group in groups if group not in elsewhere]
    if elsewhere:
        words = (
            "One capture stands under several writers, or as genuine and as forged: of one of them the truth "
            "is wrong, and split by writer it stands on both sides."
        )
        yield Finding.of(Token.COPY_ELSEWHERE, Severity.ERROR, words, _joined(subject, elsewhere))
    if within:
        words = (
            "A writer's signature stands there more than once: as a probe it meets itself among the "
            "references."
        )
        yield Finding.of(Token.COPY, Severity.WARNING, words, _joined(subject, within))
    if near:
        words = (
            f"Two captures lie nearer than {NEARER:g} of the usual distance between a writer's own "
            "signatures, where no two acts of signing lie: probably one capture, converted or moved."
        )
        yield Finding.of(Token.NEAR_COPY, _severity(subject, near), words, _joined(subject, near))


def _of_lines(subject: Subject, pairs: list[tuple[int, int]]) -> Iterator[Finding]:
    if pairs:
        words = (
            "The pen ran along one line in two captures, as it does in no two acts of signing: probably one "
            "capture, stretched in time, sampled anew or with noise."
        )
        yield Finding.of(Token.SAME_LINE, _severity(subject, pairs), words, _joined(subject, pairs))


def _severity(subject: Subject, pairs: list[tuple[int, int]]) -> Severity:
    samples = subject.corpus.samples
    apart = any(_truth(samples[one]) != _truth(samples[other]) for one, other in pairs)
    return Severity.ERROR if apart else Severity.WARNING


def _truth(sample: Sample) -> tuple[str, str]:
    return sample.writer, sample.kind.value


def _joined(subject: Subject, groups: Iterable[Iterable[int]]) -> list[str]:
    return [" = ".join(subject.names(group)) for group in groups]
