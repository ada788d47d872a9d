"""From trials to error rates: mean and spread over draws, confidence over writers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sigverify.arrays import BoolArray, FloatArray, IntArray
from sigverify.evaluation.protocol import TrialKind
from sigverify.evaluation.trials import Trials
from sigverify.metrics import (
    WriterBootstrap,
    cllr,
    error_curve,
    expected_calibration_error,
    fmr,
    fnmr,
    interval,
    min_cllr,
    reliability,
    writer_eers,
)
from sigverify.metrics.eer import crossing
from sigverify.policy.profile import Profile

IMPOSTORS: Final = (TrialKind.SKILLED, TrialKind.RANDOM)
FMRS: Final = (0.1, 0.01, 0.001)
"""False-match rates that thresholds are asked for."""
DET_FMRS: Final = tuple(float(rate) for rate in np.round(np.geomspace(1e-4, 0.6, 70), 6))
"""False-match rates at which the DET curve and its band are kept."""
REPLICATES: Final = 1000

Promise = Callable[[int], Mapping[str, Sequence[tuple[float, float]]]]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """An error rate, 0 to 1.

    Attributes:
        mean, std: over the draws of references.
        low, high: 95 % confidence interval of the mean, by bootstrap over writers.
    """

    mean: float
    std: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """What a false-match rate costs.

    Attributes:
        fmr: the rate asked for.
        threshold: mean over draws of the lowest threshold that keeps to it on these trials.
        fnmr: of genuine trials at it.
    """

    fmr: float
    threshold: float
    fnmr: Estimate


@dataclass(frozen=True, kw_only=True)
class PromisedPoint:
    """What a threshold in the model file holds on these trials.

    Attributes:
        fmr: the rate the model promises at the threshold.
        threshold: the threshold; where some captures lack nothing, that for them. The others are decided by
            theirs.
        fmr_found, fnmr_found: what was found, mean over draws.
    """

    fmr: float
    threshold: float
    fmr_found: float
    fnmr_found: float


@dataclass(frozen=True, kw_only=True)
class DetCurve:
    """FNMR at each of `fmr`, mean over draws, with the 95 % confidence band over writers; all `(n,)`."""

    fmr: tuple[float, ...]
    fnmr: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class CalibrationFigures:
    """Whether scores are the probabilities they claim to be; see `metrics.calibration`. Over all draws.

    Attributes:
        cllr, min_cllr: in bits; the difference is what calibration loses.
        ece: expected calibration error, 0 to 1.
        mean_score, genuine_share, weight: the reliability diagram; None in an empty bin.
    """

    cllr: float
    min_cllr: float
    ece: float
    mean_score: tuple[float | None, ...]
    genuine_share: tuple[float | None, ...]
    weight: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ImpostorErrors:
    """Error rates against one kind of impostor.

    Attributes:
        trials: impostor trials in one draw.
        eer: one global threshold.
        eer_per_writer: thresholds of each writer's own, a posteriori, averaged over writers.
        writer_eers: each writer's own, mean over draws.
        points: costs at false-match rates.
        promised: what the model's own thresholds hold; empty for a system that promises none.
        det: the whole curve.
        calibration: None for a system whose scores claim no probability.
    """

    trials: int
    eer: Estimate
    eer_per_writer: Estimate
    writer_eers: Mapping[str, float]
    points: tuple[OperatingPoint, ...]
    promised: tuple[PromisedPoint, ...]
    det: DetCurve
    calibration: CalibrationFigures | None

    def is_few(self, fmr: float) -> bool:
        """Whether the trials are too few for a rate: no errors among n bound it by 3 / n (rule of three)."""
        return self.trials < 3 / fmr


@dataclass(frozen=True, kw_only=True)
class Share:
    """A share of trials, 0 to 1, over all draws.

    Attributes:
        found: what it was on these writers.
        low, high: 95 % confidence interval, by bootstrap over writers: what others of the kind may give.
    """

    found: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class ProfilePoint:
    """What a profile gives on these trials: its threshold is the model's own, against skilled forgers.

    Attributes:
        profile: by name.
        threshold: the score to reach; as of `PromisedPoint`.
        genuine_refused: of genuine trials.
        accepted: of the trials of each kind of impostor; a kind that the corpus lacks is not there.
    """

    profile: Profile
    threshold: float
    genuine_refused: Share
    accepted: Mapping[TrialKind, Share]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What was found with one number of references.

    Attributes:
        references: how many each writer enrolled.
        writers: with enough genuine signatures for it.
        genuine_trials: in one draw.
        impostors: by kind; a kind that the corpus lacks is not there.
        profiles: what each gives; empty for a system that promises no thresholds.
    """

    references: int
    writers: int
    genuine_trials: int
    impostors: Mapping[TrialKind, ImpostorErrors]
    profiles: tuple[ProfilePoint, ...] = ()


def summarize(trials: Trials, *, calibrated: bool, promised: Promise) -> tuple[Condition, ...]:
    """Sum up all trials, by number of references rising.

    Args:
        trials: scores.
        calibrated: whether a score claims to be a probability.
        promised: number of references -> thresholds that the system promises.
    """
    return tuple(
        _condition(trials, references, calibrated=calibrated, promised=promised(references))
        for references in trials.references
    )


def _condition(
    trials: Trials,
    references: int,
    *,
    calibrated: bool,
    promised: Mapping[str, Sequence[tuple[float, float]]],
) -> Condition:
    genuine = trials.select(references=references, kind=TrialKind.GENUINE, draw=0)
    return Condition(
        references=references,
        writers=len(np.unique(genuine["writer"])),
        genuine_trials=len(genuine),
        impostors={
            kind: _errors(trials, references, kind, calibrated=calibrated, promised=promised.get(kind, ()))
            for kind in IMPOSTORS
            if np.isin(
                trials.select(references=references, kind=kind, draw=0)["writer"], genuine["writer"]
            ).any()
        },
        profiles=tuple(_profiles(trials, references, dict(promised.get(TrialKind.SKILLED, ())))),
    )


def _profiles(trials: Trials, references: int, thresholds: Mapping[float, float]) -> Iterator[ProfilePoint]:
    """Yield the profiles for whose rate there is a threshold."""
    bootstrap = WriterBootstrap(len(trials.writers), replicates=REPLICATES)
    for profile in Profile:
        if profile.fmr not in thresholds:
            continue
        threshold = float(thresholds[profile.fmr])
        rows = {
            kind: rows for kind in TrialKind if len(rows := trials.select(references=references, kind=kind))
        }
        genuine = rows.pop(TrialKind.GENUINE)
        yield ProfilePoint(
            profile=profile,
            threshold=threshold,
            genuine_refused=_share(genuine["writer"], genuine["decided"] < threshold, bootstrap),
            accepted={
                kind: _share(its["writer"], its["decided"] >= threshold, bootstrap)
                for kind, its in rows.items()
            },
        )


def _share(writer: IntArray, happened: BoolArray, bootstrap: WriterBootstrap) -> Share:
    """Count what happened in trials of numbered writers, `(n,)` each."""
    writers = bootstrap.counts.shape[1]
    tried = np.bincount(writer, minlength=writers)
    counted = np.bincount(writer, weights=happened, minlength=writers)
    drawn = bootstrap.counts @ tried
    # A replicate may draw only writers without such trials.
    found = interval((bootstrap.counts @ counted)[drawn > 0] / drawn[drawn > 0])
    return Share(found=float(counted.sum() / tried.sum()), low=found.low, high=found.high)


def _errors(
    trials: Trials,
    references: int,
    kind: TrialKind,
    *,
    calibrated: bool,
    promised: Sequence[tuple[float, float]],
) -> ImpostorErrors:
    pooled = [pair(trials, references, kind, draw) for draw in trials.draws]
    # A device decides by thresholds for strangers that are raised for whom these come near, and by those for
    # what was compared.
    column = "limited" if kind is TrialKind.RANDOM else "decided"
    decided = [pair(trials, references, kind, draw, column=column) for draw in trials.draws]
    curves = [error_curve(*scores) for scores in pooled]
    found = [curve.index_at_fmr([*FMRS, *DET_FMRS]) for curve in curves]
    rates = np.array([curve.fnmr[index] for curve, index in zip(curves, found, strict=True)])
    thresholds = np.array([curve.thresholds[index] for curve, index in zip(curves, found, strict=True)])
    bootstrap = WriterBootstrap(len(trials.writers), replicates=REPLICATES)
    eers, costs = replicates(trials, references, kind, bootstrap)
    own = _own_eers(trials, references, kind)
    by_writer = own.mean(axis=0)  # a writer with too few signatures has none in any draw
    return ImpostorErrors(
        trials=len(pooled[0][1]),
        eer=_estimate([float(crossing(curve.fmr, curve.fnmr)) for curve in curves], eers),
        eer_per_writer=_estimate(np.nanmean(own, axis=1), bootstrap.mean(by_writer)),
        writer_eers={
            writer: float(mean)
            for writer, mean in zip(trials.writers, by_writer, strict=True)
            if np.isfinite(mean)
        },
        points=tuple(
            OperatingPoint(
                fmr=rate,
                threshold=float(thresholds[:, index].mean()),
                fnmr=_estimate(rates[:, index], costs[:, index]),
            )
            for index, rate in enumerate(FMRS)
        ),
        promised=tuple(_promised(decided, rate, threshold) for rate, threshold in promised),
        det=_det(rates[:, len(FMRS) :], costs[:, len(FMRS) :]),
        calibration=_calibration(pooled) if calibrated else None,
    )


def pair(
    trials: Trials, references: int, kind: TrialKind, draw: int, *, column: str = "score"
) -> tuple[FloatArray, FloatArray]:
    """Return the genuine and the impostor scores of one draw, all writers together; see `Trials.scores`."""
    return (
        trials.scores(references=references, kind=TrialKind.GENUINE, draw=draw, column=column),
        trials.scores(references=references, kind=kind, draw=draw, column=column),
    )


def replicates(
    trials: Trials, references: int, kind: TrialKind, bootstrap: WriterBootstrap
) -> tuple[FloatArray, FloatArray]:
    """EER `(b,)` and FNMR at `FMRS` and `DET_FMRS` `(b, k)` of each replicate, mean over draws."""
    eers, costs = [], []
    for draw in trials.draws:
        curves = bootstrap.curves(
            trials.by_writer(references=references, kind=TrialKind.GENUINE, draw=draw),
            trials.by_writer(references=references, kind=kind, draw=draw),
        )
        eers.append(curves.eer())
        costs.append(curves.fnmr_at_fmr([*FMRS, *DET_FMRS]))
    return np.mean(eers, axis=0), np.mean(costs, axis=0)


def _own_eers(trials: Trials, references: int, kind: TrialKind) -> FloatArray:
    """EER of each writer in each draw, `(draws, writers)`; NaN where a writer has no trials."""
    out = np.full((len(trials.draws), len(trials.writers)), np.nan)
    for row, draw in enumerate(trials.draws):
        genuine = trials.by_writer(references=references, kind=TrialKind.GENUINE, draw=draw)
        impostor = trials.by_writer(references=references, kind=kind, draw=draw)
        named = {str(i): scores for i, scores in enumerate(zip(genuine, impostor, strict=True))}
        for column, value in writer_eers(named).items():
            out[row, int(column)] = value
    return out


def _estimate(draws: npt.ArrayLike, replicates: FloatArray) -> Estimate:
    values = np.asarray(draws, np.float64)
    found = interval(replicates[np.isfinite(replicates)])
    return Estimate(mean=float(values.mean()), std=float(values.std()), low=found.low, high=found.high)


def _promised(
    pooled: Sequence[tuple[FloatArray, FloatArray]], rate: float, threshold: float
) -> PromisedPoint:
    return PromisedPoint(
        fmr=float(rate),
        threshold=float(threshold),
        fmr_found=float(np.mean([fmr(impostor, threshold) for _, impostor in pooled])),
        fnmr_found=float(np.mean([fnmr(genuine, threshold) for genuine, _ in pooled])),
    )


def _det(rates: FloatArray, costs: FloatArray) -> DetCurve:
    complete = costs[np.isfinite(costs).all(axis=1)]  # others drew no trials of a kind
    nothing_known = np.stack([np.zeros_like(rates[0]), np.ones_like(rates[0])])
    low, high = np.quantile(complete, [0.025, 0.975], axis=0) if len(complete) else nothing_known
    return DetCurve(
        fmr=DET_FMRS,
        fnmr=tuple(float(rate) for rate in rates.mean(axis=0)),
        low=tuple(float(rate) for rate in low),
        high=tuple(float(rate) for rate in high),
    )


def _calibration(pooled: Sequence[tuple[FloatArray, FloatArray]]) -> CalibrationFigures:
    genuine, impostor = (np.concatenate([scores[side] for scores in pooled]) for side in (0, 1))
    found = reliability(genuine, impostor)
    return CalibrationFigures(
        cllr=cllr(genuine, impostor),
        min_cllr=min_cllr(genuine, impostor),
        ece=expected_calibration_error(genuine, impostor),
        mean_score=tuple(float(value) if np.isfinite(value) else None for value in found.mean_score),
        genuine_share=tuple(float(value) if np.isfinite(value) else None for value in found.genuine_share),
        weight=tuple(float(value) for value in found.weight),
    )
