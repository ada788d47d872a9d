"""`with_cohort`: a model that brings along invented people, with whom whoever is enrolled is compared.

Few have to do, as each costs a comparison or two at every enrollment. So they are chosen: of many invented
people those whose log odds have nearly the mean and deviation of all, of others who were enrolled. A dozen
chosen so does what two hundred taken as they come do; `benchmarks/lambs.py` prints that of real people.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from converter.invented import TO_ENROLL, TO_MEET
from converter.trained import refuse_seen
from sigverify.arrays import FloatArray
from sigverify.corpora import Corpus, open_corpus
from sigverify.errors import ConversionError
from sigverify.matcher import Matcher
from sigverify.matching.cohort import pack
from sigverify.matching.comparison import present, without
from sigverify.matching.embedding import References
from sigverify.model_file import Model

PEOPLE: Final = 12
"""In a cohort: benchmarks/lambs.py finds no gain in more, which would take longer at every enrollment."""
_DEVIATIONS: Final = 2.33
"""Above the mean lies the threshold for a rate of 1 %."""
_DEVIATION_COUNTS: Final = 2.7
"""Beside the mean: of n people the variance of a deviation is half of that of a mean: `_DEVIATIONS`² / 2."""
_NEAREST: Final = 3
"""One in so many of those enrolled counts, whom strangers come nearest: only their thresholds are raised."""


def with_cohort(model: Model, *, trusted: bool = False) -> Model:
    """Return the model with a cohort of invented people, in place of any it had; networks and scores stay.

    Args:
        model: whose comparisons choose them, more than a hundred thousand.
        trusted: whether its networks are known to run: then the core in C runs them too, see `Matcher.open`.

    Raises:
        ConversionError: nobody can be invented for such captures.
        SplitLeak: the network was trained on those invented people.
    """
    modality, provenance = model.manifest.modality, model.manifest.provenance
    if modality not in TO_MEET:
        raise ConversionError(
            "nobody can be invented for such captures", expected=" or ".join(TO_MEET), received=modality
        )
    strangers, enrolled = open_corpus(TO_MEET[modality]), open_corpus(TO_ENROLL[modality])
    refuse_seen(provenance, [strangers.name, enrolled.name])
    people, odds = meet(Matcher.open(model, trusted=trusted), strangers, enrolled)
    chosen = people.take(choose(odds, PEOPLE))
    record = {"people": len(chosen), "of": strangers.name, "by": enrolled.name}
    conversion = {**provenance.get("conversion", {}), "cohort": record}
    manifest = replace(model.manifest, provenance={**provenance, "conversion": conversion})
    return replace(model, manifest=manifest, cohort=pack(chosen))


def meet(matcher: Matcher, strangers: Corpus, enrolled: Corpus) -> tuple[References, FloatArray]:
    """Return `n` strangers, and their log odds against `m` people, whom they come nearest: `(m, n)`.

    Only strangers who have what a device may lack; whoever has it is enrolled with it and without.
    """
    people = _people(matcher, strangers)
    sets = _sets(matcher, enrolled)
    less = without(people, matcher.optional)
    odds = np.stack(
        [
            matcher.odds_of(
                people if present(each.series)[:, matcher.optional].all() else less,
                each,
                matcher.spread(each),
            )
            for each in sets
        ]
    )
    near = np.argsort(-(odds.mean(axis=1) + _DEVIATIONS * odds.std(axis=1)), kind="stable")
    return people, odds[near[: -(-len(odds) // _NEAREST)]]


def choose(odds: FloatArray, count: int) -> list[int]:
    """Return the `count` columns of `(m, n)` whose mean and deviation by row are nearest to those of all.

    From the first ones, each in turn gives way to whoever makes it better, until nobody does.
    """
    chosen = list(range(count))
    best = np.inf
    while True:
        before = best
        for place in range(count):
            kept = [*chosen[:place], *chosen[place + 1 :]]
            errors = _errors(odds, kept)
            errors[kept] = np.inf
            if errors.min() < best:
                best, chosen[place] = float(errors.min()), int(errors.argmin())
        if best == before:
            return sorted(chosen)


def _errors(odds: FloatArray, kept: list[int]) -> FloatArray:
    """Return how far those kept and one more, each of `(m, n)` in turn, are from all: `(n,)`."""
    mean, deviation = odds.mean(axis=1, keepdims=True), odds.std(axis=1, keepdims=True)
    scaled = (odds - mean) / deviation
    count = len(kept) + 1
    first = (scaled[:, kept].sum(axis=1, keepdims=True) + scaled) / count
    second = ((scaled[:, kept] ** 2).sum(axis=1, keepdims=True) + scaled**2) / count
    spread = np.sqrt(np.maximum(second - first**2, 0))
    return np.asarray((first**2).mean(axis=0) + _DEVIATION_COUNTS * ((spread - 1) ** 2).mean(axis=0))


def _people(matcher: Matcher, corpus: Corpus) -> References:
    """Embed the first signature of everybody who has what a device may lack."""
    embedded = [matcher.embed(corpus.genuine(writer)[0].capture) for writer in corpus.writers]
    return References.stack([each for each in embedded if present(each.series)[matcher.optional].all()])


def _sets(matcher: Matcher, corpus: Corpus) -> list[References]:
    """Enroll everybody, with what a device may lack and without."""
    sets = [
        References.stack([matcher.embed(each.capture) for each in corpus.genuine(writer)])
        for writer in corpus.writers
    ]
    less = [without(each, matcher.optional) for each in sets] if matcher.optional.any() else []
    return [*(each for each in sets if present(each.series)[:, matcher.optional].all()), *less]
