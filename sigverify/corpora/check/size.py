"""Sizes: whether writers have one unit, and how much the size of a signature alone tells.

The size is what the modality calls the extent: of a pen the duration, of a picture the ratio of its sides.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.corpora.check.finding import Finding, Severity, Token
from sigverify.corpora.check.spread import Spread
from sigverify.corpora.check.subject import Subject
from sigverify.metrics import eer

UNITS_APART: Final = 10.0
"""A writer whose signatures are wider or narrower than those of the median writer by more has other units, or
a device of another resolution: in SUSIG Blind the narrowest writer and the widest differ by 11, and either of
them from the median one by less than 5."""
EASY_EER: Final = 0.15
"""Forgeries told by their size alone at a lower error rate are easy ones, or made otherwise: by duration it
is 22 % on SVC2004, whose forgers had seen the signature being written, and 6 and 4 % on SUSIG Blind and
SigComp 2009, whose forgers had a picture of it."""
BINS: Final = 30
_TINY: Final = 1e-9


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What sizes tell.

    Attributes:
        measure: what the size is: "duration" or "shape".
        width: of each writer's signatures, the median in the units of the files; of pens only.
        eer_skilled: equal error rate of size alone, 0 to 1, against forgeries; None: there are too few.
        eer_random: the same against strangers: the first genuine signature of every other writer.
        edges: `(BINS + 1,)` of a histogram, evenly spaced in their logarithm; milliseconds, or a ratio.
        genuine, skilled: how many signatures lie between two edges, `(BINS,)`.
    """

    measure: str
    width: Spread
    eer_skilled: float | None
    eer_random: float | None
    edges: tuple[float, ...]
    genuine: tuple[int, ...]
    skilled: tuple[int, ...]


def size(subject: Subject) -> tuple[Sizes, list[Finding]]:
    """Measure all sizes, and what they tell.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    widths = _widths(subject)
    skilled, random = _alone(subject)
    edges = np.geomspace(*_range(subject.extent), BINS + 1)
    # The outer edges are rounded by computing them: no value may fall out.
    values = np.clip(subject.extent, edges[0], edges[-1])
    counted = [np.histogram(values[subject.genuine == kind], edges)[0].tolist() for kind in (True, False)]
    sizes = Sizes(
        measure="duration" if subject.pen else "shape",
        width=Spread.of(list(widths.values())),
        eer_skilled=skilled,
        eer_random=random,
        edges=tuple(edges.tolist()),
        genuine=tuple(counted[0]),
        skilled=tuple(counted[1]),
    )
    return sizes, list(_findings(widths, sizes))


def _range(extent: FloatArray) -> tuple[float, float]:
    """Return the least and the most, apart from each other and from 0."""
    least = max(float(extent.min()), _TINY)
    return least, max(float(extent.max()), 1.01 * least)


def _findings(widths: dict[str, float], sizes: Sizes) -> Iterator[Finding]:
    usual = sizes.width.median
    if apart := [
        name for name, each in widths.items() if not usual / UNITS_APART <= each <= usual * UNITS_APART
    ]:
        words = (
            "Writers whose signatures are wider or narrower than usual by more than "
            f"{UNITS_APART:g} times: x and y are probably in other units. The scale is taken out before "
            "anything is compared, but devices of such different resolution differ in more."
        )
        yield Finding.of(Token.EXTENTS_DIFFER, Severity.WARNING, words, apart)
    if sizes.eer_skilled is not None and sizes.eer_skilled < EASY_EER:
        words = (
            f"The {sizes.measure} alone tells forgeries at an equal error rate of {sizes.eer_skilled:.1%}: "
            "they are easy ones, or made otherwise than the genuine signatures. What a model does against "
            "them says little of better forgers."
        )
        yield Finding.of(Token.SIZE_TELLS, Severity.WARNING, words)


def _widths(subject: Subject) -> dict[str, float]:
    """The median width of each writer's genuine signatures."""
    if not subject.pen:
        return {}
    width = np.array(
        [
            max(float(np.ptp(capture.x[capture.ink])), float(np.ptp(capture.y[capture.ink])))
            for capture in subject.pen
        ]
    )
    own = {name: subject.rows(number) for number, name in enumerate(subject.corpus.writers)}
    return {name: float(np.median(width[rows])) for name, rows in own.items() if len(rows)}


def _alone(subject: Subject) -> tuple[float | None, float | None]:
    """Equal error rates of size alone: against forgeries, and against strangers."""
    logs = np.log(np.maximum(subject.extent, _TINY))
    own = [subject.rows(writer) for writer in range(len(subject.corpus.writers))]
    first = np.array([rows[0] for rows in own if len(rows)], np.intp)
    genuine, skilled, random = ([np.zeros(0)] for _ in range(3))
    for writer, rows in enumerate(own):
        if len(rows) < 2:
            continue
        usual = float(np.median(logs[rows]))
        # A signature is measured by the writer's others; the forgeries of one by all of them.
        genuine.append(np.array([-abs(logs[row] - np.median(logs[rows[rows != row]])) for row in rows]))
        skilled.append(-np.abs(logs[subject.rows(writer, genuine=False)] - usual))
        random.append(-np.abs(logs[first[first != rows[0]]] - usual))
    return _eer(genuine, skilled), _eer(genuine, random)


def _eer(genuine: list[FloatArray], impostors: list[FloatArray]) -> float | None:
    ours, theirs = np.concatenate(genuine), np.concatenate(impostors)
    return float(eer(ours, theirs)) if len(ours) and len(theirs) else None
