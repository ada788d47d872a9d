"""How many strangers match each single person, and what a cohort of invented people changes.

    python benchmarks/lambs.py --data corpora/
    python benchmarks/lambs.py                             # invented people alone

A threshold holds for all people together; of a few, far more strangers are accepted than were asked for (the
"lambs"). Each person is enrolled by their first references, and one signature of every other person is a
stranger. `model` is what the SDK does with the model that ships: its cohort is compared with the references,
and the threshold is raised for whom it comes near. The other rows raise by cohorts of other sizes: `first` so
many of 200 invented people as they come, `chosen` by `converter.cohort`. It decides how large one has to be.

Source: G. Doddington and others, "Sheep, Goats, Lambs and Wolves", ICSLP 1998; of the raised threshold:
R. Auckenthaler and others, "Score Normalization for Text-Independent Speaker Verification Systems", 2000.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

import numpy as np
import typer

from converter.cohort import choose, meet
from converter.invented import TO_ENROLL, TO_MEET
from sigverify.arrays import FloatArray
from sigverify.corpora import open_corpus
from sigverify.corpora.registry import STROKES
from sigverify.enrollment.expected_strangers import MOST_TIMES
from sigverify.experiments.left_out import open_real
from sigverify.matcher import Matcher
from sigverify.matching.comparison import without
from sigverify.matching.embedding import Embedding, References
from sigverify.matching.scoring import Impostor
from sigverify.matching.strangers import NormalFit, Strangers
from sigverify.model_file import Model

SYNTHETIC = "synthetic:writers={writers},genuine=10,skilled=0,seed=2031"
FIRST = (12, 32, 48, 64, 100, 200)
CHOSEN = (8, 12, 16, 32)
RATES = (0.05, 0.01, 0.001)
LEAST = 30
"""People of a corpus, with a signature more than are enrolled."""


@dataclass(frozen=True)
class Try:
    """A signature against somebody's references."""

    score: float
    reduced: bool


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody enrolled.

    Attributes:
        genuine: their own tries.
        strangers: of one signature of everybody else.
        near: how near strangers come, by the cohort of that name; None: nobody knows.
    """

    genuine: Sequence[Try]
    strangers: Sequence[Try]
    near: Mapping[str, Strangers | None]

    @classmethod
    def enrolled(
        cls,
        matcher: Matcher,
        own: Sequence[Embedding],
        others: Sequence[Embedding],
        references: int,
        pool: References,
        cohorts: Mapping[str, Sequence[int]],
    ) -> Self:
        """Enroll somebody by their first references, and compare."""
        its = matcher.common(References.stack(own[:references]))
        spread = matcher.spread(its)

        def tried(probe: Embedding) -> Try:
            compared = matcher.compare(probe, its, spread)
            return Try(matcher.score_of(compared), compared.reduced)

        less = without(its, matcher.optional)
        reduced = matcher.odds_of(without(pool, matcher.optional), less, matcher.spread(less))
        whole = reduced if less is its else matcher.odds_of(pool, its, spread)
        return cls(
            [tried(probe) for probe in own[references:]],
            [tried(probe) for probe in others],
            {"none": None, "model": matcher.strangers(its, spread)}
            | {name: _fit(whole[list(chosen)], reduced[list(chosen)]) for name, chosen in cohorts.items()},
        )

    def reached(self, tries: Sequence[Try], matcher: Matcher, rate: float, cohort: str, count: int) -> float:
        """Return the share of tries that reach this person's own threshold."""
        wanted = {
            reduced: matcher.threshold(
                rate,
                impostor=Impostor.RANDOM,
                references=count,
                reduced=reduced,
                strangers=self.near[cohort],
            )
            for reduced in (False, True)
        }
        return float(np.mean([each.score >= wanted[each.reduced] for each in tries]))


def main(
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the public corpora.")] = None,
    references: Annotated[int, typer.Option("--references")] = 5,
    writers: Annotated[int, typer.Option("--writers", help="Of each corpus, the first.")] = 60,
) -> None:
    """Print the distribution of the false-match rate of single people, without a cohort and with several."""
    matcher = Matcher.open(Model.read("base"))
    pool, odds = meet(matcher, open_corpus(TO_MEET["pen"]), open_corpus(TO_ENROLL["pen"]))
    sizes = [min(size, len(pool)) for size in FIRST]
    cohorts: dict[str, Sequence[int]] = {f"first {size}": range(size) for size in sizes}
    cohorts |= {f"chosen {size}": choose(odds, size) for size in CHOSEN}
    corpora = {"synthetic": open_corpus(SYNTHETIC.format(writers=writers))}
    if data is not None:
        corpora |= {name: each for name, each in open_real(data, writers=writers).items() if name in STROKES}
    typer.echo(
        "corpus           asked   people  cohort       mean   median  90 %   most   over 5x  raised  refused"
    )
    for name, corpus in corpora.items():
        own = [[matcher.embed(each.capture) for each in corpus.genuine(writer)] for writer in corpus.writers]
        own = [each for each in own if len(each) > references]
        if len(own) < LEAST:
            continue  # one stranger would be some per cent
        # The last one: of another day, where a corpus has several.
        visitors = [each[-1] for each in own]
        people = [
            Person.enrolled(
                matcher, each, visitors[:place] + visitors[place + 1 :], references, pool, cohorts
            )
            for place, each in enumerate(own)
        ]
        for rate in RATES:
            for cohort in people[0].near:
                line = _line(people, matcher, rate, cohort, references)
                typer.echo(f"{name:16s} {100 * rate:4.1f} %  {len(people):6d}  {cohort:11s}  {line}")


def _line(people: Sequence[Person], matcher: Matcher, rate: float, cohort: str, count: int) -> str:
    def all_of(kind: str, cohort: str) -> FloatArray:
        return np.array([each.reached(getattr(each, kind), matcher, rate, cohort, count) for each in people])

    found = all_of("strangers", cohort)
    raised = [_is_raised(each, matcher, rate, cohort, count) for each in people]
    over = found > MOST_TIMES * rate
    figures = (
        found.mean(), np.median(found), np.quantile(found, 0.9), found.max(), over.mean(),
        np.mean(raised), 1 - all_of("genuine", cohort).mean(),
    )  # fmt: skip
    return "  ".join(f"{100 * figure:5.1f}" for figure in figures)


def _is_raised(person: Person, matcher: Matcher, rate: float, cohort: str, count: int) -> bool:
    """Whether the threshold of this person's own tries is higher than that of all people."""
    reduced = person.genuine[0].reduced
    common, own = (
        matcher.threshold(
            rate, impostor=Impostor.RANDOM, references=count, reduced=reduced, strangers=person.near[name]
        )
        for name in ("none", cohort)
    )
    return own > common


def _fit(whole: FloatArray, reduced: FloatArray) -> Strangers:
    return Strangers(whole=NormalFit.of(whole), reduced=NormalFit.of(reduced))


if __name__ == "__main__":
    typer.run(main)
