"""`train_networks`: the same network from several seeds, each in a process of its own."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from sigverify.errors import ConfigError, TrainingError
from sigverify.training import Run, TrainConfig
from sigverify.whole_file import write_whole

TRAINING: Final = "training.json"


def train_networks(out: Path, config: TrainConfig, corpus: str, seeds: int) -> list[Path]:
    """Train into `out/seed-0`, `out/seed-1` …; finished runs are kept, interrupted ones go on.

    Each is trained by `sigverify train`, so that KERAS_BACKEND may name a backend that does not convert, and
    no seed inherits anything of the one before.

    Args:
        out: folder of the runs.
        config: settings but for the seed.
        corpus: as `open_corpus` takes it.
        seeds: how many.

    Raises:
        ConfigError: `out` holds runs of other settings or another corpus.
        TrainingError: a training ended with an error, which it has printed.
    """
    _claim(out, config, corpus)
    settings = out / "config.toml"
    write_whole(settings, config.to_toml())
    runs = [out / f"seed-{seed}" for seed in range(seeds)]
    for seed, run in enumerate(runs):
        if not _finished(run, replace(config, seed=seed)):
            _train(run, settings, corpus, seed)
    return runs


def _claim(out: Path, config: TrainConfig, corpus: str) -> None:
    """Record corpus and settings of the folder, or compare them with those recorded."""
    content = {"corpus": corpus, "config": json.loads(json.dumps(replace(config, seed=0).to_dict()))}
    record = out / TRAINING
    if record.is_file() and _resolved(json.loads(record.read_text("utf-8"))) != content:
        raise ConfigError(
            f"{out} holds networks of other settings",
            expected=f"those in {TRAINING}",
            hint="Name another --out, or delete that folder",
        )
    out.mkdir(parents=True, exist_ok=True)
    write_whole(record, json.dumps(content, indent=2))


def _resolved(record: dict[str, Any]) -> dict[str, Any]:
    """Fill in settings that the release which wrote the record did not have."""
    config = TrainConfig.from_dict(record.get("config", {}))
    return {**record, "config": json.loads(json.dumps(config.to_dict()))}


def _finished(run: Path, config: TrainConfig) -> bool:
    try:
        opened = Run.open(run)
        done = "epochs_done" in opened.provenance
    except TrainingError:
        return False
    return done and opened.config.to_dict() == TrainConfig.from_toml(config.to_toml()).to_dict()


def _train(run: Path, settings: Path, corpus: str, seed: int) -> None:
    resume = (run / "checkpoints" / "state.json").is_file()
    if run.exists() and not resume:
        shutil.rmtree(run)  # stopped before its first checkpoint
    command = [
        *(sys.executable, "-m", "sigverify.cli", "train", "--corpus", corpus, "--out", str(run)),
        *("--config", str(settings), "--seed", str(seed)),
        *(("--resume",) if resume else ()),
    ]
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL)  # noqa: S603 - ourselves
    if done.returncode:
        raise TrainingError(
            f"training seed {seed} failed", received=f"exit code {done.returncode}", hint="See above"
        )
