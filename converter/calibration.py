"""`calibrate`: scoring fitted on a converted network's own embeddings, and how well it separates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from converter import fitting
from sigverify import metrics
from sigverify.arrays import BoolArray
from sigverify.evaluation.protocol import TrialKind
from sigverify.matching.cue import Cue
from sigverify.matching.embedding import Embedding
from sigverify.matching.pairing import PLAIN, Engine
from sigverify.matching.scoring import Scoring

REFERENCES: Final = 5
"""The headline error rate is for this many references, or the most that were fitted below it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Calibrated:
    """A fitted scoring.

    Attributes:
        scoring: the scorer.
        eer: equal error rate, 0 to 1, against skilled forgeries (random ones where there are no
            skilled), one global threshold, on the signatures it was fitted on: to compare two
            precisions of one network, not to quote.
        references: how many references that rate is for.
    """

    scoring: Scoring
    eer: float
    references: int


Calibrate = Callable[
    [Sequence[Embedding], Sequence[Embedding], npt.NDArray[np.str_], BoolArray, Sequence[Cue], Engine],
    Calibrated,
]
"""`(embeddings, reduced, writers, genuine, cues, engine) -> Calibrated`."""


def calibrate(
    embeddings: Sequence[Embedding],
    reduced: Sequence[Embedding],
    writers: npt.NDArray[np.str_],
    genuine: BoolArray,
    cues: Sequence[Cue],
    engine: Engine = PLAIN,
) -> Calibrated:
    """Fit scoring and thresholds on the calibration signatures.

    Args:
        embeddings: of the signatures.
        reduced: of the same, had they been captured without optional sensors; may be empty.
        writers: of each; of a forgery the writer forged.
        genuine: of each.
        cues: to compare by.
        engine: what compares.

    Raises:
        ConversionError: too few writers or signatures to fit anything.
    """
    measured = fitting.measure(embeddings, writers.tolist(), genuine.tolist(), cues, engine)
    scoring = fitting.fit_scoring(measured, cues)
    if reduced:
        less = fitting.measure_reduced(embeddings, reduced, writers.tolist(), genuine.tolist(), cues, engine)
        scoring = replace(scoring, reduced=fitting.fit_scoring(less, cues).rows)
    references = max(count for count in scoring.rows if count <= REFERENCES)
    row = scoring.row(references)
    trials = fitting.gather(
        [writer for writer in measured if writer.genuine > references], cues, references, seed=1
    )
    odds = row.odds(trials.evidence)
    against = TrialKind.SKILLED if trials.of(TrialKind.SKILLED).any() else TrialKind.RANDOM
    return Calibrated(
        scoring=scoring,
        eer=metrics.eer(odds[trials.of(TrialKind.GENUINE)], odds[trials.of(against)]),
        references=references,
    )
