"""`reproduce`: train, leave one real corpus out, calibrate on the others, measure on it; a table of all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sigverify.corpora import open_corpus
from sigverify.corpora.registry import SYNTHETIC, parse_synthetic
from sigverify.errors import ConfigError
from sigverify.evaluation.results import Row
from sigverify.experiments.left_out import LEFT_OUT, Experiment, Network, Progress, open_real
from sigverify.experiments.networks import train_networks
from sigverify.experiments.results_table import describe_results, write_results
from sigverify.training import BatchConfig, LossConfig, TrainConfig
from sigverify.training.recipes import read_recipe

CORPUS: Final = "synthetic:writers=10000,genuine=6,skilled=6,seed=11,device=mixed"
"""What `base` was trained on."""
CALIBRATION: Final = "synthetic:writers=250,genuine=14,skilled=14,seed=12,device=mixed"
"""Other invented writers, for the rows whose calibration sees nothing real; what `base` was calibrated on."""

QUICK_CORPUS: Final = "synthetic:writers=48,genuine=8,skilled=8"
QUICK_WRITERS: Final = 10
QUICK_SIZES: Final[dict[str, Any]] = {"references": (1, 5), "draws": 2}
QUICK_CONFIG: Final = TrainConfig(
    encoder_options={"width": 8, "dilations": (1, 4)},
    losses=(LossConfig(name="triplet"),),
    batch=BatchConfig(writers=4),
    epochs=1,
    steps_per_epoch=3,
)


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """What `reproduce` found.

    Attributes:
        rows: of the table.
        content: of `results.json`.
        files: what was written, by what it is.
    """

    rows: tuple[Row, ...]
    content: dict[str, Any]
    files: dict[str, str]


def check(
    data: Path,
    *,
    base: Sequence[Path],
    corpus: str | None,
    calibrate_on: str | None,
    leave_out: Sequence[str],
) -> None:
    """Refuse before hours of training what would be refused after them.

    Raises:
        ConfigError: no corpora in `data`, or one to leave out is not there.
        CorpusError: a corpus cannot be read, or a setting of invented writers is wrong.
        TrainingError: one of `base` is no finished run.
    """
    corpora = open_real(data)
    if missing := [name for name in leave_out if name not in corpora]:
        raise ConfigError(
            "a corpus to leave out is not there",
            expected=f"one of {', '.join(corpora)}",
            received=", ".join(missing),
        )
    for spec in (corpus, calibrate_on):
        kind, _, settings = (spec or "").partition(":")
        if kind.strip() == SYNTHETIC:
            parse_synthetic(settings)  # to invent them all takes minutes
        elif spec:
            open_corpus(spec)
    for run in base:
        Network.open(run)


def train_or_take(
    out: Path, *, base: Sequence[Path], config: str | Path | None, corpus: str | None, seeds: int, quick: bool
) -> list[Path]:
    """Return the run folders to measure: those given, or as many as `seeds`, trained into `out/networks`.

    Raises:
        ConfigError: the config cannot be read, or `out` holds networks of other settings.
        TrainingError: a training failed.
    """
    if base:
        return list(base)
    settings = read_recipe(config) if config else QUICK_CONFIG if quick else TrainConfig()
    return train_networks(out / "networks", settings, corpus or (QUICK_CORPUS if quick else CORPUS), seeds)


def reproduce(
    data: Path,
    runs: Sequence[Path],
    out: Path,
    *,
    calibrate_on: str | None = None,
    leave_out: Sequence[str] = (),
    quick: bool = False,
    progress: Progress = lambda _stage, _done, _total: None,
    report_done: Callable[[str, float], None] = lambda _what, _seconds: None,
) -> Reproduction:
    """Measure networks on every real corpus that is left out, and write the table.

    What is there already is not done again, so that an interrupted run continues.

    Args:
        data: folder of the public corpora.
        runs: folders of the networks, which differ by their seed.
        out: folder for models, reports and the table.
        calibrate_on: invented writers for the rows whose calibration sees nothing real; `CALIBRATION` if not
            given, and "" for those that each run held out, as in a quick one.
        leave_out: names of the corpora to measure on; those of `LEFT_OUT` that are there if empty.
        quick: a few writers, references and draws; the figures mean nothing.
        progress: told how far it is.
        report_done: told of each report: what it is of, and the seconds it took, 0 when it was there.

    Raises:
        ConfigError: no corpora in `data`, or one to leave out is not there.
        CorpusError: a corpus cannot be read.
        SplitLeak: a network has seen one of the corpora.
    """
    corpora = open_real(data, writers=QUICK_WRITERS if quick else None)
    if calibrate_on is None:
        calibrate_on = "" if quick else CALIBRATION
    sizes: dict[str, Any] = QUICK_SIZES if quick else {}
    experiment = Experiment(
        out=out,
        corpora=corpora,
        networks=[Network.open(run) for run in runs],
        leave_out=leave_out or [name for name in LEFT_OUT if name in corpora],
        synthetic=open_corpus(calibrate_on) if calibrate_on else None,
        progress=progress,
        report_done=report_done,
        **sizes,
    )
    rows = tuple(experiment.rows())
    content = describe_results(experiment, rows, quick=quick)
    return Reproduction(rows=rows, content=content, files=write_results(out, content, rows))
