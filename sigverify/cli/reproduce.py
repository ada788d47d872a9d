"""`sigverify reproduce`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from sigverify.cli.options import JsonOption

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sigverify.evaluation.results import Row
    from sigverify.experiments.left_out import Experiment

SYNTHETIC: Final = "synthetic:writers=10000,genuine=6,skilled=6,seed=11,device=mixed"
CALIBRATION: Final = "synthetic:writers=250,genuine=14,skilled=14,seed=12,device=mixed"
QUICK_SYNTHETIC: Final = "synthetic:writers=48,genuine=8,skilled=8"
QUICK_WRITERS: Final = 10
QUICK_REFERENCES: Final = (1, 5)
QUICK_DRAWS: Final = 2


def reproduce(
    data: Annotated[
        Path,
        typer.Option(
            "--data", exists=True, file_okay=False, help="Folder with the public corpora, zipped or not."
        ),
    ],
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for networks, models, reports and the table.")
    ],
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many networks to train.")] = 3,
    config: Annotated[
        Path | None, typer.Option("--config", exists=True, dir_okay=False, help="Settings of the training.")
    ] = None,
    corpus: Annotated[
        str, typer.Option("--corpus", "-c", help="What the networks are trained on.")
    ] = SYNTHETIC,
    base: Annotated[
        list[Path] | None,
        typer.Option(
            "--base",
            exists=True,
            file_okay=False,
            metavar="RUN",
            help="A network trained already, instead of training; repeat for each seed.",
        ),
    ] = None,
    calibrate_on: Annotated[
        str,
        typer.Option(
            "--calibrate-on",
            metavar="SYNTHETIC",
            help='Invented writers for the rows whose calibration sees nothing real; "" for those that each '
            "run held out.",
        ),
    ] = CALIBRATION,
    leave_out: Annotated[
        list[str] | None,
        typer.Option("--leave-out", metavar="NAME", help="A corpus to measure on; all three if not given."),
    ] = None,
    fast: Annotated[
        bool, typer.Option("--quick", help="In minutes, on a few writers; the figures mean nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the results table: train, leave one real corpus out, calibrate on the others, measure on it.

    What is there already is not done again, so an interrupted run goes on where it was.
    """
    from sigverify.cli.output import report
    from sigverify.cli.progress import stage_bar
    from sigverify.cli.quiet import quiet
    from sigverify.corpora import open_corpus
    from sigverify.experiments.left_out import LEFT_OUT, Experiment, Network, open_real

    corpora = open_real(data, writers=QUICK_WRITERS if fast else None)
    runs = list(base or _networks(out, config, corpus, seeds, fast=fast))
    invented = "" if fast and calibrate_on == CALIBRATION else calibrate_on
    with quiet(), stage_bar("Reading") as show:
        sizes: dict[str, Any] = {"references": QUICK_REFERENCES, "draws": QUICK_DRAWS} if fast else {}
        experiment = Experiment(
            out=out,
            corpora=corpora,
            networks=[Network.open(run) for run in runs],
            leave_out=leave_out or [name for name in LEFT_OUT if name in corpora],
            synthetic=open_corpus(invented) if invented else None,
            tell=show,
            row_done=_show_row(),
            **sizes,
        )
        rows = tuple(experiment.rows())
    content = _content(experiment, rows, fast=fast)
    written = _write(out, content, rows, fast=fast)
    report({**content, "files": written}, as_json=as_json, render=lambda: _render(rows, written))


def _networks(out: Path, config: Path | None, corpus: str, seeds: int, *, fast: bool) -> list[Path]:
    from sigverify.experiments.networks import train_networks
    from sigverify.training import TrainConfig

    default = _quick_config() if fast else TrainConfig()
    if fast and corpus == SYNTHETIC:
        corpus = QUICK_SYNTHETIC
    return train_networks(out / "networks", TrainConfig.read(config) if config else default, corpus, seeds)


def _quick_config() -> Any:
    from sigverify.training import BatchConfig, LossConfig, TrainConfig

    return TrainConfig(
        encoder_options={"width": 8},
        losses=(LossConfig(name="triplet"),),
        batch=BatchConfig(writers=4),
        epochs=1,
        steps_per_epoch=3,
    )


def _show_row() -> Callable[[str, float], None]:
    from sigverify.cli.output import console

    def show(what: str, seconds: float) -> None:
        note = f"{seconds:.0f} s" if seconds else "was there"
        console(stderr=True).print(f"[green]✓[/] {what} [dim]({note})[/]")

    return show


def _content(experiment: "Experiment", rows: "Sequence[Row]", *, fast: bool) -> dict[str, Any]:
    from datetime import UTC, datetime

    from sigverify import __version__

    return {
        "format": "sigverify-results",
        "version": 1,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "sigverify": __version__,
        "quick": fast,
        "protocol": "standard",
        "draws": experiment.draws,
        "networks": [network.label for network in experiment.networks],
        "corpora": {name: corpus.fingerprint for name, corpus in experiment.corpora.items()},
        "rows": [row.to_dict() for row in rows],
    }


def _write(out: Path, content: dict[str, Any], rows: "Sequence[Row]", *, fast: bool) -> dict[str, str]:
    import json

    from sigverify.evaluation.results import to_markdown
    from sigverify.training.run.run import write_whole

    files = {"table": out / "results.md", "figures": out / "results.json"}
    write_whole(files["figures"], json.dumps(content, indent=1, allow_nan=False) + "\n")
    write_whole(files["table"], f"{_preamble(content, fast=fast)}\n{to_markdown(rows)}")
    return {name: str(path) for name, path in files.items()}


def _preamble(content: dict[str, Any], *, fast: bool) -> str:
    warning = "**A quick run on a few writers: the figures mean nothing.**\n\n" if fast else ""
    return (
        f"# Results\n\n{warning}"
        f"Rates in %: mean ± standard deviation over {_seeds(content)} and "
        f"{content['draws']} draws of references; in brackets the 95 % confidence interval of the mean, by "
        "bootstrap over writers. R: references enrolled. Neither the network nor the calibration saw the "
        "corpus that is measured on. Model files are measured through the SDK, as on a device. "
        "\\*: fewer forgeries than 3 / FMR.\n\n"
        f"Made {content['created'][:10]} by `sigverify reproduce`, sigverify {content['sigverify']}.\n"
    )


def _seeds(content: dict[str, Any]) -> str:
    count = len(content["networks"])
    return f"{count} training seeds" if count > 1 else "one training seed"


def _render(rows: "Sequence[Row]", files: dict[str, str]) -> "RenderableType":
    from itertools import groupby

    from rich.console import Group

    from sigverify.cli.output import table

    grids = [_table(corpus, list(its)) for corpus, its in groupby(rows, lambda row: row.corpus)]
    return Group(*grids, table(files))


def _table(corpus: str, rows: "Sequence[Row]") -> "RenderableType":
    from rich.table import Table

    from sigverify.evaluation.results import calibration_text

    grid = Table(title=f"{corpus}: EER in %, mean ± deviation over seeds and draws", title_justify="left")
    for name in ("system", "calibrated on"):
        grid.add_column(name)
    for name in ("R", "skilled", "per writer", "random"):
        grid.add_column(name, justify="right", no_wrap=True)
    before: tuple[str, str] | None = None
    for row in rows:
        named = row.system, calibration_text(row)
        grid.add_row(*(("", "") if named == before else named), str(row.references), *_eers(row))
        before = named
    return grid


def _eers(row: "Row") -> list[str]:
    from sigverify.cli.output import percent

    skilled, random = row.impostors.get("skilled"), row.impostors.get("random")
    estimates = (skilled and skilled.eer, skilled and skilled.eer_per_writer, random and random.eer)
    return [percent(each) if each else "–" for each in estimates]
