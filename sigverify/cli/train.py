"""`sigverify train`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sigverify.cli.options import CorpusOption, JsonOption

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sigverify.training import Run, TrainConfig


def train(
    corpus: CorpusOption,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The run's folder: new, empty, or to --resume.")],
    config: Annotated[
        Path | None,
        typer.Option("--config", exists=True, dir_okay=False, help="A TOML file; options beat it."),
    ] = None,
    encoder: Annotated[str | None, typer.Option("--encoder", help="tdnn or bromley1993.")] = None,
    loss: Annotated[
        list[str] | None,
        typer.Option(
            "--loss", help="triplet, contrastive, alignment or classification. Repeat to sum several."
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="How long to train.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Batches in an epoch.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Of weights, splits and batches.")] = None,
    mixed_precision: Annotated[
        bool, typer.Option("--mixed-precision", help="Compute in 16 bits, for GPUs that can.")
    ] = False,
    init_from: Annotated[
        str | None,
        typer.Option("--init-from", help="A model that ships (base), a run or a .keras file to start from."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in --out.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Train an encoder on one or more corpora. Some of the writers are held out to validate on."""
    from sigverify.cli.output import report
    from sigverify.cli.progress import training_bar
    from sigverify.cli.quiet import quiet
    from sigverify.corpora import open_corpus

    settings = _settings(
        config,
        out if resume else None,
        encoder=encoder,
        losses=loss,
        epochs=epochs,
        steps_per_epoch=steps,
        seed=seed,
        mixed_precision=mixed_precision or None,
        init_from=init_from,
    )
    corpora = [open_corpus(spec) for spec in corpus]
    with quiet(), training_bar() as show:
        from sigverify.training import train as train_encoder

        run = train_encoder(settings, corpora, out, resume=resume, on_progress=show)
    content = _content(run)
    report(content, as_json=as_json, render=lambda: _summary(content))


def _settings(config: Path | None, resumed: Path | None, **options: Any) -> "TrainConfig":
    """Take the file's settings (or those of the run to resume, or the defaults), then the options given."""
    from dataclasses import replace

    from sigverify.training import LossConfig, Run, TrainConfig
    from sigverify.training.run.checkpoint import read_state

    if resumed:
        read_state(Run(path=resumed))  # it says what to do where there is nothing to go on from
    before = Run(path=resumed).config if resumed else TrainConfig()
    settings = TrainConfig.read(config) if config else before
    given = {name: value for name, value in options.items() if value}
    if options["seed"] is not None:
        given["seed"] = options["seed"]
    if names := given.pop("losses", None):
        given["losses"] = tuple(LossConfig(name=name) for name in names)
    return replace(settings, **given)


def _content(run: "Run") -> dict[str, Any]:
    facts = run.provenance
    content = {
        "run": str(run.path),
        "model": str(run.model_path),
        "epochs_done": facts["epochs_done"],
        "best_epoch": facts["best_epoch"],
        "best": facts["best"],
        "seconds": facts["wall_s"],
        "steps_per_second": facts["steps_per_second"],
        "backend": facts["backend"],
        "devices": facts["devices_used"],
        "curves": str(run.path / "curves.png"),
    }
    return content | ({"transfer": facts["transfer"]} if "transfer" in facts else {})


def _summary(content: Mapping[str, Any]) -> "RenderableType":
    from rich.console import Group

    from sigverify.cli.output import table

    rows = {name: value for name, value in content.items() if name != "transfer"}
    parts = [table(rows, title="Trained")]
    if "transfer" in content:
        parts += ["", _transfer(content["transfer"])]
    return Group(*parts)


def _transfer(record: Mapping[str, Any]) -> "RenderableType":
    """Return error rates before and after, per cent, on the same held-out writers."""
    from rich.console import Group
    from rich.table import Table

    from sigverify.cli.output import titled, visible

    grid = Table("", "before", "after")
    for name, after in record["after"].items():
        before = record["before"].get(name)
        grid.add_row(name, "–" if before is None else f"{100 * before:.2f}", f"{100 * after:.2f}")
    seen = ", ".join(map(visible, record["may_have_seen"]))
    parts = [titled(f"EER on {record['writers']} held-out writers, %", grid)]
    if seen:
        parts.append(f"The start may have been trained on writers held out here (of {seen}).")
    return Group(*parts)
