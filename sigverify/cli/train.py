"""`sigverify train`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sigverify.cli.options import ConfigOption, CorpusOption, JsonOption, WritersOption

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sigverify.training import Run, TrainConfig

_NEEDED = ("keras", "tensorflow|jax|torch")
"""Packages."""

# Written out, since the registries load numpy, and every command reads this; a test compares them.
ENCODERS_HELP: Final = (
    "Of strokes tdnn or bromley1993; of pictures, with a --config of theirs, cnn, koch2015, signet or "
    "backbone."
)
LOSSES_HELP: Final = "contrastive, supervised, triplet, classification or alignment. Repeat to sum several."


def train(
    corpus: CorpusOption,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The run's folder: new, empty, or to --resume.")],
    config: ConfigOption = None,
    encoder: Annotated[str | None, typer.Option("--encoder", help=ENCODERS_HELP)] = None,
    loss: Annotated[
        list[str] | None,
        typer.Option("--loss", help=LOSSES_HELP),
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="How long to train.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Batches in an epoch.")] = None,
    writers: WritersOption = None,
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
    from sigverify.cli.checks import require
    from sigverify.cli.output import report
    from sigverify.cli.progress import training_bar
    from sigverify.cli.quiet import quiet
    from sigverify.corpora import open_corpus
    from sigverify.corpora.processes import usable_cores
    from sigverify.corpora.split_file import Side, select_writers
    from sigverify.training import Run
    from sigverify.training.needs import check_needs

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
    require([*_NEEDED, *(["sklearn"] if settings.pair.epochs else [])], "train")
    if not resume:
        Run(path=out).check_new()
        _check_names(settings)
    cores = usable_cores()
    opened = [open_corpus(spec, workers=cores) for spec in corpus]
    corpora = select_writers(opened, writers, Side.TRAIN)
    check_needs(settings, corpora)
    with quiet(), training_bar() as show:
        from sigverify.training import TraceSet
        from sigverify.training import train as train_encoder

        traced = [TraceSet.from_corpus(each, workers=cores) for each in corpora]
        run = train_encoder(settings, traced, out, resume=resume, on_progress=show)
    content = _content(run)
    report(content, as_json=as_json, render=lambda: _summary(content))


def _settings(config: str | None, resumed: Path | None, **options: Any) -> "TrainConfig":
    """Take the file's settings (or those of the run to resume, or the defaults), then the options given."""
    from dataclasses import replace

    from sigverify.training import LossConfig, Run, TrainConfig
    from sigverify.training.recipes import read_recipe
    from sigverify.training.run.checkpoint import read_state

    if resumed:
        read_state(Run(path=resumed))  # it says what to do where there is nothing to go on from
    before = Run(path=resumed).config if resumed else TrainConfig()
    settings = read_recipe(config) if config else before
    given = {name: value for name, value in options.items() if value}
    if options["seed"] is not None:
        given["seed"] = options["seed"]
    if names := given.pop("losses", None):
        given["losses"] = tuple(LossConfig(name=name) for name in names)
    return replace(settings, **given)


def _check_names(settings: "TrainConfig") -> None:
    """Refuse what there is not, before keras is loaded, which takes ten seconds.

    Raises:
        ConfigError: no such loss, or no such encoder of that modality.
        TrainingError: there is no network to start from.
    """
    from sigverify.errors import ConfigError
    from sigverify.training.encoders import encoder_names
    from sigverify.training.losses import output_of
    from sigverify.training.run.origin import Origin

    for loss in settings.losses:
        output_of(loss.name)
    if settings.init_from:
        settings = settings.fitted_to(Origin.find(settings.init_from).facts)
    known = encoder_names(settings.modality)
    if settings.encoder not in known:
        raise ConfigError(
            f"unknown encoder of modality {settings.modality}",
            expected=" or ".join(known),
            received=settings.encoder,
        )


def _content(run: "Run") -> dict[str, Any]:
    from dataclasses import asdict

    from sigverify.errors import TrainingError
    from sigverify.training.run.run import PROVENANCE
    from sigverify.training.run.summary import held_out_rates

    facts = run.provenance
    names = ("epochs_done", "best_epoch", "best", "train", "held_out", "trained_on", "licence_note")
    speed = ("wall_s", "steps_per_second", "backend", "devices_used")
    if missing := [name for name in (*names, *speed) if name not in facts]:  # of a run that is resumed
        raise TrainingError(f"{run.path / PROVENANCE} is damaged", expected=", ".join(missing))
    content = {
        "run": str(run.path),
        "model": str(run.model_path),
        **{name: facts[name] for name in names},
        "epochs": run.config.epochs,
        "seconds": facts["wall_s"],
        "steps_per_second": facts["steps_per_second"],
        "backend": facts["backend"],
        "devices": facts["devices_used"],
        "curves": str(run.path / "curves.png"),
        "pair_network": facts.get("pair"),
        "rates": [asdict(rate) for rate in held_out_rates(run)],
        "next": f"sigverify convert {run.path} --int8 --out {run.path.resolve().name}.sigmodel",
    }
    return content | ({"transfer": facts["transfer"]} if "transfer" in facts else {})


def _summary(content: Mapping[str, Any]) -> "RenderableType":
    from rich.console import Group

    from sigverify.cli.output import table, visible

    held_out, transfer = content["held_out"], content.get("transfer")
    best = content["best_epoch"]
    early = ", stopped early" if content["epochs_done"] < content["epochs"] else ""
    rows = {
        "trained on": _counts(content["train"]),
        "held out": _counts(held_out) if held_out else "nobody: no error rates",
        "epochs": f"{content['epochs_done']} of {content['epochs']}{early}; kept: "
        + (f"that of epoch {best}" if best else "the start, which no epoch has beaten"),
        "took": f"{content['seconds']:.0f} s, {content['steps_per_second']:.1f} steps a second by "
        f"{content['backend']} on {content['devices']} device{'s' if content['devices'] > 1 else ''}",
        "network": content["model"],
        "learning curves": content["curves"],
        "terms of the data": content["licence_note"] or "not said",
    }
    if (pair := content["pair_network"]) and "epochs" in pair:
        rows["pair network"] = f"{pair['epochs']} epochs, {pair['seconds']:.0f} s"
    elif pair:
        rows["pair network"] = f"that of {pair['kept_from']}"
    parts: list[RenderableType] = [table(rows, title=f"Trained: {content['run']}")]
    if content["rates"]:
        parts += ["", _rates(content)]
    if transfer and (seen := ", ".join(map(visible, transfer["may_have_seen"]))):
        parts.append(f"The start may have been trained on writers held out here (of {seen}).")
    return Group(*parts, "", f"Next: {visible(content['next'])}")


def _counts(of: Mapping[str, Any]) -> str:
    forged = f" and {of['skilled']} skilled forgeries" if of["skilled"] else ", no forgeries"
    writers = "1 writer" if of["writers"] == 1 else f"{of['writers']} writers"
    return f"{writers} of {of['name']}: {of['genuine']} genuine signatures{forged}"


def _rates(content: Mapping[str, Any]) -> "RenderableType":
    """Return what each rate is of, and where the run started from another network what it was before."""
    from rich.table import Table

    from sigverify.cli.output import titled

    started = "transfer" in content
    grid = Table("compared", "impostor")
    for name in ("R", "genuine trials", "impostor trials", *(["before"] if started else []), "EER, %"):
        grid.add_column(name, justify="right")
    for rate in content["rates"]:
        counts = [str(rate[name]) for name in ("references", "genuine", "impostors")]
        before = "–" if rate["before"] is None else f"{100 * rate['before']:.2f}"
        grid.add_row(
            rate["compared"],
            rate["impostor"],
            *counts,
            *([before] if started else []),
            f"{100 * rate['eer']:.2f}",
        )
    title = (
        "Equal error rates on the held-out writers, by one output of the network alone and one threshold:\n"
        "they choose the epoch. What a device makes of it, `sigverify evaluate` tells after conversion."
    )
    return titled(title, grid)
