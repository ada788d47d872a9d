import json
import subprocess

import pytest

from sigverify.errors import ConfigError, TrainingError
from sigverify.experiments import networks
from sigverify.experiments.networks import train_networks
from sigverify.training import TrainConfig


@pytest.fixture
def commands(monkeypatch):
    """Stands in for `sigverify train`: leaves what a finished run leaves; collects the commands."""
    given = []

    def run(command, **_):
        options = dict(zip(command[4::2], command[5::2], strict=False))
        given.append(command)
        folder = networks.Path(options["--out"])
        folder.mkdir(exist_ok=True)
        config = TrainConfig.read(options["--config"]).to_dict() | {"seed": int(options["--seed"])}
        (folder / "config.toml").write_text(TrainConfig.from_dict(config).to_toml())
        (folder / "provenance.json").write_text(json.dumps({"epochs_done": 1}))
        (folder / "model.keras").write_bytes(b"")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(networks.subprocess, "run", run)
    return given


CONFIG = TrainConfig(epochs=1)


def test_each_seed_is_trained_once(tmp_path, commands):
    runs = train_networks(tmp_path / "n", CONFIG, "synthetic:writers=9", 2)
    assert [run.name for run in runs] == ["seed-0", "seed-1"]
    assert len(commands) == 2
    assert all("--resume" not in command for command in commands)
    train_networks(tmp_path / "n", CONFIG, "synthetic:writers=9", 3)
    assert len(commands) == 3


def test_an_interrupted_run_goes_on_and_one_without_a_checkpoint_begins_anew(tmp_path, commands):
    (tmp_path / "seed-0" / "checkpoints").mkdir(parents=True)
    (tmp_path / "seed-0" / "checkpoints" / "state.json").write_text("{}")
    (tmp_path / "seed-1").mkdir()
    (tmp_path / "seed-1" / "history.csv").write_text("epoch\n")
    train_networks(tmp_path, CONFIG, "synthetic", 2)
    assert ["--resume" in command for command in commands] == [True, False]
    assert not (tmp_path / "seed-1" / "history.csv").exists()


@pytest.mark.usefixtures("commands")
def test_other_settings_or_another_corpus_need_another_folder(tmp_path):
    train_networks(tmp_path, CONFIG, "synthetic", 1)
    for config, corpus in ((TrainConfig(epochs=2), "synthetic"), (CONFIG, "synthetic:writers=9")):
        with pytest.raises(ConfigError, match="other settings"):
            train_networks(tmp_path, config, corpus, 1)


def test_a_training_that_fails_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(networks.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 4))
    with pytest.raises(TrainingError, match="seed 0 failed"):
        train_networks(tmp_path, CONFIG, "synthetic", 1)
