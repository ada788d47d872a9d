"""Train on 100 writers of BHSig260, and measure on the other 60, as Markdown.

The split is the one of the literature: writers 1 to 100 train (some of them set the thresholds), 101 to 160
test. It decides whether a network that looks at aligned pictures earns its place where it has seen the kind
of scans that it is asked about, beside `base-image`, which has not.

    python benchmarks/bhsig260.py bhsig260_hindi.zip --out runs/bhsig260
"""

from pathlib import Path
from typing import Annotated, Any

import typer

import converter
from sigverify.corpora import open_corpus
from sigverify.evaluation import DtwBaseline, Report, SdkSystem, TrialKind, evaluate
from sigverify.evaluation.summary import IMPOSTORS
from sigverify.matcher import Matcher
from sigverify.model_file import Model
from sigverify.training import train
from sigverify.training.recipes import read_recipe

TRAINED = 100
"""Writers to train on; the rest test."""
REFERENCES = (1, 5)


def main(
    path: Annotated[str, typer.Argument(help="The corpus: a folder or a zip file.")],
    out: Annotated[Path, typer.Option("--out", help="A new folder for the run and the model.")],
) -> None:
    """Print equal error rates of elastic matching, of `base-image` and of a model trained on the corpus."""
    corpus = open_corpus(f"bhsig260-hindi={path}")
    known, unknown = corpus.select(corpus.writers[:TRAINED]), corpus.select(corpus.writers[TRAINED:])
    run = train(read_recipe("bhsig260"), [known], out / "run")
    own = converter.convert(run.path, precision="int8", name="bhsig260").model
    own.write(out / "bhsig260.sigmodel")
    systems: list[Any] = [
        DtwBaseline(),
        *(SdkSystem(Matcher.open(each)) for each in (Model.read("base-image"), own)),
    ]
    typer.echo(f"| {len(unknown.writers)} writers, EER in % | R = 1 | R = 5 | random, R = 1 | R = 5 |")
    typer.echo("|---|---|---|---|---|")
    for system in systems:
        report = evaluate(system, unknown, references=REFERENCES)
        rates = [_rate(report, count, kind) for kind in IMPOSTORS for count in REFERENCES]
        typer.echo(f"| {system.name} | {' | '.join(rates)} |")


def _rate(report: Report, count: int, kind: TrialKind) -> str:
    """Mean and standard deviation over the draws, per cent."""
    eer = report.condition(count).impostors[kind].eer
    return f"{100 * eer.mean:.2f} ± {100 * eer.std:.2f}"


if __name__ == "__main__":
    typer.run(main)
