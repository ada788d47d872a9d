"""`adjust`: a model fitted to the people of a device: one number, from twenty people and no forgeries.

The network and the weights of its cues stay. What is fitted is a shift of the log odds: where people and
forgeries stand differs from device to device far more than what tells them apart, and twenty people cannot
tell eleven weights. docs/training.md, "Fit to a device", has what that was measured against.

- With skilled forgeries of the people, the shift puts the forgeries at 10 and at 5 % of their distribution
  where the model's own thresholds for these rates are.
- Without any, nothing tells where forgers stand: on real and on invented devices neither genuine signatures
  nor forgeries made of them did. So the thresholds stay, but for two reasons. Forgeries made of people's own
  signatures may come closer to them than those made of invented people, on whom the model was calibrated:
  then it becomes stricter. Or people may be refused more often than `REFUSED` at the balanced profile: then
  it becomes less strict, but no further than until made forgeries come as close as those of invented people.

What is found is trusted in part: half of it with `TRUSTED` people, or `TRUSTED_TRIES` tries by forgers.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np

from converter.invented import TO_COMPARE
from converter.people import gather_people
from converter.tries import PROFILES, Probe, Progress, Trier, Tries, log_odds
from sigverify.arrays import FloatArray
from sigverify.corpora import Corpus, open_corpus
from sigverify.corpora.splits import joined_terms
from sigverify.errors import ConfigError, ConversionError
from sigverify.matcher import Matcher
from sigverify.matching.scoring import Scoring
from sigverify.metrics import WriterBootstrap, interval
from sigverify.modality.registry import find_modality
from sigverify.model_file import Model
from sigverify.policy.profile import Profile
from sigverify.training.data.trace_set import TraceSet

TRUSTED: Final = 20
"""With so many people half of the shift that is found is taken: of n, n / (n + TRUSTED)."""
TRUSTED_TRIES: Final = 50
"""The same of tries by real forgers."""
REFUSED: Final = 0.05
"""Share of their own tries that people may be refused: what the balanced profile is made for."""
MIN_FORGED: Final = 10
"""People with skilled forgeries from which on these are used."""
REPLICATES: Final = 1000
"""Draws of people behind an interval."""
_INVENTED_NAMES: Final = ("synthetic", "rendered-synthetic")
_RULE_OF_THREE: Final = 3.0
"""No error among n tries: with 95 % certainty the rate is below 3/n. Source: B. D. Jovanovic, P. S. Levy, "A
look at the rule of three", The American Statistician, 1997."""
_WHY_FORGED: Final = (
    "No skilled forgeries were given: those made of people's own signatures tell how much the device blurs, "
    "not how good a practiced forger is."
)
_WHY_AS_BEFORE: Final = (
    "The thresholds stay as they were: forgeries made of these people's signatures come no closer than those "
    f"of invented people, and balanced refuses no more than {100 * REFUSED:g} % of their own. Only skilled "
    "forgeries would tell more."
)
_RATES: Final = (Profile.CONVENIENT, Profile.BALANCED)
"""Whose rates the shift by real forgeries keeps; at 1 % nobody has forgeries enough."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A share of tries, 0 to 1.

    Attributes:
        found: what it was; everybody counts the same, however often they signed.
        low, high: 95 % interval, by drawing the people anew; of no error it is 0 to 0, see `bound`.
        tries: how many.
        bound: where there was no error: the rate lies below this (3 / tries), no more is shown. None: see
            the interval.
    """

    found: float
    low: float
    high: float
    tries: int
    bound: float | None


@dataclass(frozen=True, kw_only=True)
class ProfileRates:
    """What a profile does to the people themselves.

    Attributes:
        profile: by name.
        score: what a try had to score by the model before to be accepted now, with its 95 % interval; of
            captures that lack nothing, such as pressure. The shift is the same for those that do.
        score_before: its threshold by the model before.
        refused: of genuine tries.
        accepted: of others, by kind.
        before: the same of the model as it was: "refused", and the kinds.
    """

    profile: str
    score: float
    score_low: float
    score_high: float
    score_before: float
    refused: Rate
    accepted: Mapping[str, Rate]
    before: Mapping[str, float]


@dataclass(frozen=True, eq=False, kw_only=True)
class Adjustment:
    """A model fitted to people.

    Attributes:
        model: ready to be written.
        shift: what is added to the log odds of every try; below 0 the model has become stricter.
        low, high: its 95 % interval, by drawing the people anew.
        people, signatures: who were fitted to, and how many genuine signatures they have.
        references: of each try.
        forgeries: "skilled" where real ones decided, "forged" where they were made.
        profiles: what each gives, everybody left out of the fit in turn.
    """

    model: Model
    shift: float
    low: float
    high: float
    people: int
    signatures: int
    references: int
    forgeries: str
    profiles: tuple[ProfileRates, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the figures say and what they do not, in plain sentences."""
        strictest = min(PROFILES, key=lambda profile: profile.fmr)
        rates = next(each for each in self.profiles if each.profile == strictest)
        tried = rates.accepted[Probe.SKILLED].tries if Probe.SKILLED in rates.accepted else 0
        notes = []
        if self.forgeries == Probe.FORGED:
            notes.append(_WHY_FORGED if self.shift else _WHY_AS_BEFORE)
        if tried < (needed := _RULE_OF_THREE / strictest.fmr):
            notes.append(
                f"{self.people} people are too few to check a false-match rate of {100 * strictest.fmr:g} %: "
                f"that takes {needed:.0f} tries by forgers, and here are {tried}."
            )
        if any(rate.bound is not None for each in self.profiles for rate in _all_rates(each)):
            notes.append(
                "No error among n tries shows only that the rate is below 3/n, and less where many of the "
                "tries are one person's."
            )
        return *notes, "It is another model than before: people enroll with it anew."

    def to_dict(self) -> dict[str, Any]:
        """Return all but the model, as JSON can hold it."""
        content = {name: getattr(self, name) for name in _NUMBERS}
        return content | {"profiles": [asdict(each) for each in self.profiles]}


_NUMBERS: Final = ("shift", "low", "high", "people", "signatures", "references", "forgeries")


def adjust(
    source: str | os.PathLike[str] | Model,
    corpora: Sequence[Corpus],
    *,
    name: str = "",
    progress: Progress = lambda _stage, _done, _total: None,
) -> Adjustment:
    """Fit a converted model to the people of a device; the same people give the same bytes.

    A model that was fitted so before is fitted from what it was, not twice.

    Args:
        source: a model, its file, or the name of one that ships.
        corpora: at least 20 people with 5 genuine signatures each.
        name: of the model; that of the source if not given.
        progress: told the stage, what is done of it and how much there is to do.

    Raises:
        ModelError: the model cannot be read or run.
        ConversionError: too few people or signatures, another kind of capture, or a model whose scores were
            fitted on real signatures while no forgeries are here.
        SplitLeak: the network was trained on one of the corpora.
    """
    model = _unshifted(source if isinstance(source, Model) else Model.read(source))
    people = gather_people(corpora, model.manifest.provenance, find_modality(model.manifest.modality))
    kind = Probe.SKILLED if _forged_people(people) >= MIN_FORGED else Probe.FORGED
    if kind is Probe.FORGED:
        _require_invented(model)
    matcher = Matcher.open(model)
    trier = Trier(matcher, people)
    tries = trier.tries(progress, f"{len(people.writers)} people")
    forged = 0.0
    if kind is Probe.FORGED:
        forged = mean_forged(_invented(matcher, trier.references, progress))
    fit = Fit(kind, forged)
    counts = WriterBootstrap(len(tries), replicates=REPLICATES).counts
    shift = fit(tries)
    low, high = _bounds([fit(_drawn(tries, row)) for row in counts])
    left_out = [fit([*tries[:at], *tries[at + 1 :]]) for at in range(len(tries))]
    genuine = int(np.count_nonzero(people.genuine))
    made = Adjustment(
        model=model,
        shift=round(shift, 6),
        low=low,
        high=high,
        people=len(tries),
        signatures=genuine,
        references=trier.references,
        forgeries=str(kind),
        profiles=tuple(
            _profile(matcher, at, tries, left_out, (shift, low, high), trier.references)
            for at in range(len(PROFILES))
        ),
    )
    return replace(made, model=_shifted(model, made, corpora, name))


@dataclass(frozen=True)
class Fit:
    """From tries to the shift; `forged` is the mean margin of forgeries made of invented people."""

    kind: Probe
    forged: float

    def __call__(self, tries: Sequence[Tries]) -> float:
        """Return the part of the shift found that so many people, or tries, are trusted for; NaN of none."""
        if not any(self.kind in each.margins for each in tries):
            return np.nan
        if self.kind is Probe.SKILLED:
            margins = _pooled(tries, Probe.SKILLED)
            found = -float(np.mean([_quantile(margins, profile, 1 - profile.fmr) for profile in _RATES]))
            return found * len(margins) / (len(margins) + TRUSTED_TRIES)
        allowed = self.forged - mean_forged(tries)
        asked = -_quantile(_pooled(tries, Probe.GENUINE), Profile.BALANCED, REFUSED)
        return min(allowed, max(0.0, asked)) * len(tries) / (len(tries) + TRUSTED)


def _pooled(tries: Sequence[Tries], kind: Probe) -> FloatArray:
    return np.concatenate([each.margins[kind] for each in tries if kind in each.margins])


def _quantile(margins: FloatArray, profile: Profile, share: float) -> float:
    return float(np.quantile(margins[:, PROFILES.index(profile)], share))


def mean_forged(tries: Sequence[Tries]) -> float:
    """Mean margin of made forgeries to the balanced profile; everybody counts the same."""
    column = PROFILES.index(Profile.BALANCED)
    return float(np.mean([each.margins[Probe.FORGED][:, column].mean() for each in tries]))


def _drawn(tries: Sequence[Tries], counts: FloatArray) -> list[Tries]:
    """Return everybody as often as they were drawn."""
    return [each for each, count in zip(tries, counts, strict=True) for _ in range(int(count))]


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    # Where few have forgeries a draw may hold none of these people.
    found = interval([value for value in values if np.isfinite(value)])
    return round(found.low, 6), round(found.high, 6)


def _forged_people(people: TraceSet) -> int:
    return len(set(people.writer_index[~people.genuine].tolist()))


def _invented(matcher: Matcher, references: int, progress: Progress) -> list[Tries]:
    """Try invented people likewise, with the same number of references."""
    spec = TO_COMPARE[matcher.modality.name].format(genuine=references + 1)
    progress("inventing people to compare with", 0, 1)
    invented = TraceSet.from_corpus(open_corpus(spec))
    return Trier(matcher, invented).tries(progress, f"{len(invented.writers)} invented people")


def _require_invented(model: Model) -> None:
    """Refuse to compare with invented people what was calibrated on others."""
    manifest = model.manifest
    if manifest.modality not in TO_COMPARE:
        raise ConversionError(
            "no forgeries can be made of such captures",
            expected=" or ".join(TO_COMPARE),
            received=manifest.modality,
            hint=_SKILLED_HINT,
        )
    names = [str(each) for each in manifest.provenance.get("conversion", {}).get("calibrated_on", ())]
    if not names or not all(each.startswith(_INVENTED_NAMES) for each in names):
        raise ConversionError(
            "the thresholds of this model were not fitted on invented people, with whom those of the corpus "
            "could be compared",
            expected="a model as base and base-image are",
            received=", ".join(names) or "a model without thresholds",
            hint=_SKILLED_HINT,
        )


_SKILLED_HINT: Final = f"Give skilled forgeries of at least {MIN_FORGED} of the people"


def _profile(
    matcher: Matcher,
    column: int,
    tries: Sequence[Tries],
    left_out: Sequence[float],
    shift: tuple[float, float, float],
    references: int,
) -> ProfileRates:
    """Measure a profile; everybody's decisions are by the shift that was fitted without them."""
    profile = PROFILES[column]
    threshold = log_odds(matcher.threshold(profile.fmr, references=references))
    kinds = [kind for kind in Probe if any(kind in each.margins for each in tries)]
    before = {kind: _shares(tries, kind, column, [0.0] * len(tries)) for kind in kinds}
    after = {kind: _shares(tries, kind, column, left_out) for kind in kinds}
    others = [kind for kind in kinds if kind is not Probe.GENUINE]
    return ProfileRates(
        profile=str(profile),
        score=_score(threshold - shift[0]),
        score_low=_score(threshold - shift[2]),
        score_high=_score(threshold - shift[1]),
        score_before=_score(threshold),
        refused=_rate(1 - after[Probe.GENUINE], len(_pooled(tries, Probe.GENUINE))),
        accepted={str(kind): _rate(after[kind], len(_pooled(tries, kind))) for kind in others},
        before={
            "refused": float(np.mean(1 - before[Probe.GENUINE])),
            **{str(kind): float(np.nanmean(before[kind])) for kind in others},
        },
    )


def _shares(tries: Sequence[Tries], kind: Probe, column: int, shifts: Sequence[float]) -> FloatArray:
    """Share of everybody's tries of a kind that is accepted at a profile, each by their own shift, `(n,)`."""
    return np.array([each.share_accepted(kind, its)[column] for each, its in zip(tries, shifts, strict=True)])


def _all_rates(rates: ProfileRates) -> list[Rate]:
    return [rates.refused, *rates.accepted.values()]


def _rate(shares: FloatArray, tries: int) -> Rate:
    """Average over people, of whom some may have no try of that kind."""
    drawn = WriterBootstrap(len(shares), replicates=REPLICATES).mean(shares)
    bounds = interval(drawn[np.isfinite(drawn)])
    found = float(np.nanmean(shares))
    return Rate(
        found=found,
        low=bounds.low,
        high=bounds.high,
        tries=tries,
        bound=None if found else _RULE_OF_THREE / tries,
    )


def _score(odds: float) -> float:
    return round(float(1 / (1 + np.exp(-odds))), 6)


def _shifted(model: Model, made: Adjustment, corpora: Sequence[Corpus], name: str) -> Model:
    """Shift every row, and write down how it came about."""
    manifest = model.manifest
    conversion = dict(manifest.provenance.get("conversion", {}))
    names = [corpus.name for corpus in corpora]
    record = {
        **conversion,
        "calibrated_on": [*conversion.get("calibrated_on", ()), *names],
        "calibration_corpora": [
            *conversion.get("calibration_corpora", ()),
            *(TraceSet.from_corpus(corpus).record() for corpus in corpora),
        ],
        "calibration_licence_note": joined_terms(
            [str(conversion.get("calibration_licence_note", "")), *(each.licence_note for each in corpora)]
        ),
        "adjustment": {
            "people_of": names,
            "fingerprints": [corpus.fingerprint for corpus in corpora],
            "people": made.people,
            "signatures": made.signatures,
            "references": made.references,
            "skilled_forgeries": "real" if made.forgeries == Probe.SKILLED else "synthetic",
            "shift": made.shift,
            "interval": [made.low, made.high],
            "calibrated_before": {key: conversion[key] for key in _CALIBRATION if key in conversion},
            "adjusted_from": model.id,
        },
    }
    return replace(
        model,
        manifest=replace(
            manifest,
            name=name or manifest.name,
            scoring=_moved(manifest.scoring, made.shift),
            provenance={**manifest.provenance, "conversion": record},
        ),
    )


_CALIBRATION: Final = ("calibrated_on", "calibration_corpora", "calibration_licence_note")
"""What the record says of those whom scores were fitted on."""


def _unshifted(model: Model) -> Model:
    """Return the model as it was before it was fitted to people; itself where it never was.

    Raises:
        ConfigError: its record cannot be read, or it has no scores that were fitted.
    """
    manifest = model.manifest
    if not manifest.scoring.calibrated:
        raise ConfigError("the model has no thresholds to fit", hint="Convert it with --calibrate-on first")
    conversion = dict(manifest.provenance.get("conversion", {}))
    if "adjustment" not in conversion:
        return model
    record = conversion.pop("adjustment")
    try:
        shift, before = float(record["shift"]), dict(record["calibrated_before"])
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            "the model says not how it was fitted before", expected="shift and calibrated_before"
        ) from error
    rest = {key: value for key, value in conversion.items() if key not in _CALIBRATION}
    manifest = replace(
        manifest,
        scoring=_moved(manifest.scoring, -shift),
        provenance={**manifest.provenance, "conversion": rest | before},
    )
    return replace(model, manifest=manifest)


def _moved(scoring: Scoring, shift: float) -> Scoring:
    rows, reduced = (
        {count: replace(row, bias=row.bias + shift) for count, row in rows.items()}
        for rows in (scoring.rows, scoring.reduced)
    )
    return replace(scoring, rows=rows, reduced=reduced)
