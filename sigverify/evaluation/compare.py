"""`compare`: do two reports on the same trials differ by more than chance?"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.errors import ConfigError
from sigverify.evaluation.protocol import TrialKind
from sigverify.evaluation.report import Report, told_apart
from sigverify.evaluation.summary import IMPOSTORS, REPLICATES, pair
from sigverify.evaluation.trials import Trials
from sigverify.metrics import WriterBootstrap, eer, interval

LEVEL: Final = 0.95


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """EER of two systems on the same trials; rates are 0 to 1.

    Attributes:
        corpus: name of the corpus.
        references: how many each writer enrolled.
        impostor: which impostors.
        first, second: names of the systems.
        first_eer, second_eer: mean over draws, one global threshold.
        difference: second minus first; below 0 the second is better.
        low, high: 95 % confidence interval of the difference, by paired bootstrap over writers.
        p_value: two-sided, of no difference.
    """

    corpus: str
    references: int
    impostor: TrialKind
    first: str
    second: str
    first_eer: float
    second_eer: float
    difference: float
    low: float
    high: float
    p_value: float

    @property
    def significant(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0

    def __bool__(self) -> bool:
        raise TypeError("a Comparison is neither true nor false: ask it whether it is .significant")

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types, `significant` among them."""
        return {**asdict(self), "impostor": self.impostor.value, "significant": self.significant}


def compare(first: Sequence[Report], second: Sequence[Report]) -> tuple[Comparison, ...]:
    """Compare reports on the same corpus, protocol, draws and number of references, pair by pair.

    Writers are drawn anew together for both (paired bootstrap), so that what makes a writer hard for both
    does not blur the difference. Source: B. Efron, R. Tibshirani, "An introduction to the bootstrap", 1993.

    Raises:
        ConfigError: nothing in the two can be compared, or a report lacks its trials.
    """
    found = [
        comparison
        for one in told_apart(first)
        for other in second
        if _key(one) == _key(other)
        for comparison in _compare(one, other)
    ]
    if not found:
        raise ConfigError(
            "the reports have nothing in common",
            expected="the same corpus (by content), protocol, draws and a number of references in both",
            received=f"{_names(first)} against {_names(second)}",
            hint="Evaluate both systems with the same options",
        )
    return tuple(found)


def unpaired(first: Sequence[Report], second: Sequence[Report]) -> tuple[str, ...]:
    """Describe the reports, or parts of them, that have no like in the other folder."""
    return tuple(
        f"{report.system} on {_names([report], counts)}"
        for reports, others in ((first, second), (second, first))
        for report in reports
        if (counts := _alone(report, others))
    )


def _alone(report: Report, others: Sequence[Report]) -> tuple[int, ...]:
    """Return the numbers of references of `report` that none of `others` tried on the same trials."""
    tried = {
        condition.references
        for other in others
        if _key(other) == _key(report)
        for condition in other.conditions
    }
    return tuple(each.references for each in report.conditions if each.references not in tried)


def _compare(one: Report, other: Report) -> list[Comparison]:
    trials, others = _trials(one), _trials(other)
    if trials.writers != others.writers:
        raise ConfigError("the reports name other writers", hint="Evaluate both again")
    return [
        _difference(one, other, references, kind)
        for references in trials.references
        if references in others.references
        for kind in IMPOSTORS
        if kind in one.condition(references).impostors and kind in other.condition(references).impostors
    ]


def _difference(one: Report, other: Report, references: int, kind: TrialKind) -> Comparison:
    (one_eer, one_replicates), (other_eer, other_replicates) = (
        _replicated(_trials(report), references, kind) for report in (one, other)
    )
    gaps = other_replicates - one_replicates
    # A replicate of writers without impostors, or without genuine trials, is no evidence.
    gaps = gaps[np.isfinite(gaps)]
    found = interval(gaps, LEVEL)
    # One is added above and below: a bootstrap of b replicates cannot show a p-value below 1 / b.
    tail = min(np.count_nonzero(gaps <= 0), np.count_nonzero(gaps >= 0)) + 1
    return Comparison(
        corpus=one.corpus,
        references=references,
        impostor=kind,
        first=one.system,
        second=other.system,
        first_eer=one_eer,
        second_eer=other_eer,
        difference=other_eer - one_eer,
        low=found.low,
        high=found.high,
        p_value=min(1.0, 2 * float(tail) / (len(gaps) + 1)),
    )


def _replicated(trials: Trials, references: int, kind: TrialKind) -> tuple[float, FloatArray]:
    """EER and its bootstrap replicates `(b,)`, NaN without trials, mean over draws."""
    bootstrap = WriterBootstrap(len(trials.writers), replicates=REPLICATES)
    draws = [
        bootstrap.curves(
            trials.by_writer(references=references, kind=TrialKind.GENUINE, draw=draw),
            trials.by_writer(references=references, kind=kind, draw=draw),
        ).eer()
        for draw in trials.draws
    ]
    point = np.mean([eer(*pair(trials, references, kind, draw)) for draw in trials.draws])
    return float(point), np.mean(draws, axis=0)


def _trials(report: Report) -> Trials:
    if report.trials is None:
        raise ConfigError(
            f"the report of {report.system} on {report.corpus} has lost its trials",
            expected="the trials-*.npz files beside report.json",
        )
    return report.trials


def _key(report: Report) -> tuple[str, str, int]:
    return report.corpus_fingerprint, report.protocol, report.draws


def _names(reports: Sequence[Report], counts: Sequence[int] = ()) -> str:
    return ", ".join(
        f"{report.corpus} ({report.protocol}, {report.draws} draws, R = "
        f"{'/'.join(map(str, counts or [condition.references for condition in report.conditions]))})"
        for report in reports
    )
