"""Whom does the default serve worse? Error rates by what people's signatures are like.

    python benchmarks/fairness.py --data corpora/
    python benchmarks/fairness.py                             # invented people alone

Everybody is enrolled by their first five signatures, and tried by all others, at the threshold of the
default (`balanced`, skilled impostors). People are put into three groups of one size, by their enrolled
signatures: how long these take, how many strokes they have, how much ink is curved, and how unlike one
another they are. Beside each group's rates stands the interval that other people of the group would give,
by bootstrap over them. It decides what docs/fairness.md warns of, and what enrollment should say.

Source: of rates by group ISO/IEC 19795-10:2024, "Quantifying biometric system performance variation across
demographic groups"; here groups are of signatures, as no corpus says who its people are.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from sigverify.arrays import FloatArray
from sigverify.corpora import Corpus, open_corpus
from sigverify.evaluation import SdkSystem, evaluate
from sigverify.evaluation.protocol import TrialKind, find_protocol
from sigverify.evaluation.trials import Trials
from sigverify.experiments.left_out import LEFT_OUT, open_real
from sigverify.matcher import Matcher
from sigverify.matching.embedding import References
from sigverify.matching.scoring import Impostor
from sigverify.modality.pen.signature import Signature
from sigverify.model_file import Model
from sigverify.policy import Profile

REFERENCES = 5
GROUPS = ("least", "middle", "most")
REPLICATES = 2000
SYNTHETIC = "synthetic:writers=60,genuine=12,skilled=10,seed=2041,device={device}"

Trait = Callable[[list[Signature]], float]


def duration_s(enrolled: list[Signature]) -> float:
    """Return the median seconds from pen down to pen up."""
    return float(np.median([its.time_ms[-1] - its.time_ms[0] for its in enrolled])) / 1000


def strokes(enrolled: list[Signature]) -> float:
    """Return the median number of strokes."""
    return float(np.median([np.count_nonzero(~its.ink) for its in enrolled]))


def turns(enrolled: list[Signature]) -> float:
    """Return how often the pen turns round, in half turns: the sum of the changes of its direction."""
    return float(np.median([_turned(its) for its in enrolled])) / np.pi


def main(
    data: Annotated[Path | None, typer.Option("--data", help="Folder of the public corpora.")] = None,
) -> None:
    """Print, of each corpus and trait, what each third of the people meets."""
    matcher = Matcher.open(Model.read("base"))
    real = {} if data is None else {name: its for name, its in open_real(data).items() if name in LEFT_OUT}
    invented = {
        f"invented, {kind}": open_corpus(SYNTHETIC.format(device=kind)) for kind in ("tablet", "finger")
    }
    typer.echo(
        "corpus             trait          group   from to      genuine refused %    forgeries accepted %"
    )
    for name, corpus in (real | invented).items():
        system = SdkSystem(matcher)
        report = evaluate(system, corpus, references=[REFERENCES], protocol=find_protocol("enrolled"))
        threshold = dict(system.thresholds(REFERENCES)[Impostor.SKILLED])[Profile.BALANCED.fmr]
        rates = {
            kind: _by_writer(report.trials, kind, threshold)
            for kind in (TrialKind.GENUINE, TrialKind.SKILLED)
        }
        enrolled = {writer: _enrolled(corpus, writer) for writer in report.trials.writers}
        traits = {
            each.__name__: np.array([each(its) for its in enrolled.values()])
            for each in (duration_s, strokes, turns)
        } | {"unlike": np.array([_unlike(matcher, its) for its in enrolled.values()])}
        for trait, values in traits.items():
            for group, chosen in zip(
                GROUPS, np.array_split(np.argsort(values, kind="stable"), 3), strict=True
            ):
                low, high = values[chosen].min(), values[chosen].max()
                shown = "   ".join(_shown(rates[kind][chosen]) for kind in rates)
                typer.echo(f"{name:18s} {trait:14s} {group:7s} {low:5.2f} {high:5.2f}   {shown}")


def _enrolled(corpus: Corpus, writer: str) -> list[Signature]:
    return [sample.capture for sample in corpus.genuine(writer)[:REFERENCES]]


def _turned(its: Signature) -> float:
    """Add up by how much the direction changes, on ink, from one tenth of the height to the next."""
    step = 0.1 * max(np.ptp(its.y), 1e-9)
    total, angles = 0.0, []
    for stroke in np.split(np.column_stack([its.x, its.y]), np.flatnonzero(~its.ink)):
        places, before = [], None
        for place in stroke:
            if before is None or np.hypot(*(place - before)) >= step:
                places.append(place)
                before = place
        moves = np.diff(places, axis=0)
        if len(moves) > 1:
            angles = np.unwrap(np.arctan2(moves[:, 1], moves[:, 0]))
            total += float(np.abs(np.diff(angles)).sum())
    return total


def _unlike(matcher: Matcher, enrolled: list[Signature]) -> float:
    """Return the mean elastic distance between the enrolled signatures."""
    spread = matcher.spread(References.stack([matcher.embed(its) for its in enrolled]))
    return float(spread[..., 0].sum() / (REFERENCES * (REFERENCES - 1)))


def _by_writer(trials: Trials, kind: TrialKind, threshold: float) -> FloatArray:
    """Return each writer's trials and errors, `(writers, 2)`."""
    scores = trials.by_writer(references=REFERENCES, kind=kind, draw=trials.draws[0])
    wrong = [np.sum(its < threshold if kind is TrialKind.GENUINE else its >= threshold) for its in scores]
    return np.column_stack([[len(its) for its in scores], wrong]).astype(np.float64)


def _shown(counts: FloatArray) -> str:
    """Show the rate over all trials of a group, with what other people might give."""
    rng = np.random.default_rng(0)
    drawn = counts[rng.integers(0, len(counts), (REPLICATES, len(counts)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 1] / np.maximum(drawn[:, 0], 1), (0.025, 0.975))
    rate = counts[:, 1].sum() / max(counts[:, 0].sum(), 1)
    return f"{100 * rate:5.1f} [{100 * low:4.1f}, {100 * high:5.1f}]"


if __name__ == "__main__":
    typer.run(main)
