"""Print what each part brings: error rates by cue, by network and by number of references, as Markdown.

Every row is one network and some of its cues; a scoring is fitted for just those, on every real corpus but
the one measured (or on synthetic writers), and the trials are the protocol's. What the pair network adds to
the rest is printed with its 95 % interval, by drawing the writers anew.

    python benchmarks/ablation.py --data corpora/ --network base --network "no augmentation=plain.sigmodel"
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from converter import fitting
from sigverify.cli.progress import stage_bar
from sigverify.cli.quiet import quiet
from sigverify.corpora import Corpus, open_corpus
from sigverify.evaluation import Measured, Report, SdkSystem, compare, evaluate, measure
from sigverify.evaluation.tables import WriterTables
from sigverify.experiments.left_out import LEFT_OUT, open_real
from sigverify.matcher import Matcher
from sigverify.model_file import Model

PARTS: Final = {
    "hand-made functions (DTW)": ("series",),
    "hand-made functions, trimmed": ("series", "trimmed"),
    "hand-made functions, trimmed, duration, tempo": ("series", "trimmed", "extent", "tempo"),
    "global vector": ("vector",),
    "local sequence": ("sequence",),
    "pair network": ("pair",),
    "sequence, vector": ("sequence", "vector"),
    "pair network, vector": ("pair", "vector"),
    "all but the pair network": ("series", "trimmed", "sequence", "vector", "extent", "tempo"),
    "all": None,
}
"""Rows for the first network, where it has those cues; of every other only what it learned, and all."""

LEARNED: Final = ("local sequence", "pair network", "all")


@dataclass(frozen=True, eq=False)
class Seen:
    """A corpus as one network sees it: for trials, and for fitting."""

    trials: Measured | None
    writers: list[WriterTables]


def main(
    data: Annotated[Path, typer.Option("--data", exists=True, file_okay=False)],
    network: Annotated[list[str], typer.Option("--network", help="A model, or LABEL=MODEL; repeat.")],
    *,
    references: Annotated[str, typer.Option("--references")] = "1,3,5,10",
    calibrate_on: Annotated[str, typer.Option("--calibrate-on", help="Synthetic writers to fit on.")] = "",
    report_on: Annotated[str, typer.Option("--report-on", help="Corpora to measure on.")] = ",".join(
        LEFT_OUT
    ),
) -> None:
    """Measure and print the table."""
    counts = [int(count) for count in references.split(",")]
    corpora = open_real(data)
    wanted = report_on.split(",")
    fit_on = {calibrate_on: open_corpus(calibrate_on)} if calibrate_on else corpora
    lines, gains = [], []
    with quiet(), stage_bar("Measuring") as show:
        for number, spec in enumerate(network):
            label, _, path = spec.rpartition("=")
            matcher = Matcher.open(Model.read(path))
            system = SdkSystem(matcher)
            label = label or system.name
            seen = {
                name: _see(
                    system,
                    matcher.engine,
                    corpus,
                    lambda stage, done, total, what=f"{label}, {name}": show(f"{what}: {stage}", done, total),
                    tried=name in wanted,
                    fitted=name in fit_on,
                )
                for name, corpus in {**fit_on, **{name: corpora[name] for name in wanted}}.items()
            }
            known = {cue.name for cue in system.cues}
            reports = {}
            for part in PARTS if not number else LEARNED:
                if not _tells(part, known):
                    continue
                reports[part] = [_report(system, part, seen, list(fit_on), name, counts) for name in wanted]
                cells = [_cell(report, counts) for report in reports[part]]
                lines.append(f"| {label} | {part} | {' | '.join(cells)} |")
            if "all but the pair network" in reports:
                without, whole = reports["all but the pair network"], reports["all"]
                gains += [
                    f"- {label}, {name}: {_gain(*pair)}"
                    for name, *pair in zip(wanted, without, whole, strict=True)
                ]
    typer.echo(f"EER in %, skilled forgeries, one global threshold, at R = {', '.join(map(str, counts))}.\n")
    typer.echo(f"| network | cues | {' | '.join(wanted)} |\n|---|---|{'---|' * len(wanted)}")
    typer.echo("\n".join(lines))
    typer.echo("\nWhat the pair network changes, EER in points [95 %]:\n\n" + "\n".join(gains))


def _tells(part: str, known: set[str]) -> bool:
    """Whether a row is another one than those before: some cue of its own is there, and it is not all."""
    wanted = PARTS[part]
    if wanted is None:
        return True
    if part.startswith("all but"):
        return "pair" in known
    return set(wanted) <= known


def _see(system, engine, corpus: Corpus, show, *, tried: bool, fitted: bool) -> Seen:
    """Measure one corpus: as trials, as writers to fit on, or both."""
    trials = measure(system, corpus, progress=show) if tried else None
    if not fitted:
        return Seen(trials, [])
    embeddings = [system.embed(sample.capture) for sample in corpus.samples]
    writers = [f"{corpus.name}/{sample.writer}" for sample in corpus.samples]
    genuine = [sample.kind == "genuine" for sample in corpus.samples]
    return Seen(trials, fitting.measure(embeddings, writers, genuine, system.cues, engine))


def _report(system, part, seen, fit_on, name, counts) -> Report:
    """Fit on all corpora but `name`, and return its report for each number of references."""
    kept = [PARTS[part] is None or cue.name in PARTS[part] for cue in system.cues]
    # A cue that never varies gets no weight.
    others = [writer.with_cues(kept) for other in fit_on if other != name for writer in seen[other].writers]
    refitted = system.scored_by(fitting.fit_scoring(others, system.cues))
    measured = seen[name].trials
    fewest = min(len(measured.corpus.genuine(writer)) for writer in measured.corpus.writers)
    possible = [count for count in counts if count < fewest]
    return evaluate(refitted, measured.corpus, references=possible, measured=measured)


def _cell(report: Report, counts) -> str:
    found = {each.references: each.impostors["skilled"].eer.mean for each in report.conditions}
    return " · ".join(f"{100 * found[count]:.2f}" if count in found else "–" for count in counts)


def _gain(without: Report, whole: Report) -> str:
    """Compare two reports on the same trials; below 0 the pair network helps."""
    return "; ".join(
        f"R = {each.references} {100 * each.difference:+.2f} [{100 * each.low:+.2f}, {100 * each.high:+.2f}]"
        for each in compare([without], [whole])
        if each.impostor == "skilled"
    )


if __name__ == "__main__":
    typer.run(main)
