"""A run that was killed before its first checkpoint: one message, and what it says works."""

import os
import subprocess
import sys

import pytest

from sigverify.errors import TrainingError
from sigverify.training.config import TrainConfig
from sigverify.training.run.checkpoint import read_state
from sigverify.training.run.run import CHECKPOINTS, CONFIG, PROVENANCE, STATE, Run


@pytest.fixture
def run(tmp_path):
    (tmp_path / PROVENANCE).write_text("{}")
    (tmp_path / CONFIG).write_text("epochs = 1\n")
    return Run(path=tmp_path)


def test_it_is_told_from_one_that_can_go_on(run):
    assert run.is_unstarted()
    with pytest.raises(TrainingError, match="remove the folder"):
        read_state(run)
    (run.path / CHECKPOINTS).mkdir()
    assert run.is_unstarted()
    (run.path / CHECKPOINTS / STATE).write_text("{}")
    assert not run.is_unstarted()


def test_a_finished_run_without_its_checkpoints_is_none(run):
    (run.path / "history.csv").write_text("epoch\n1\n")
    assert not run.is_unstarted()


def test_an_empty_folder_and_other_files_are_none(tmp_path):
    assert not Run(path=tmp_path / "none").is_unstarted()
    assert not Run(path=tmp_path).is_unstarted()
    (tmp_path / "letter.txt").touch()
    assert not Run(path=tmp_path).is_unstarted()


def test_a_recipe_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "t.toml").write_bytes(b"\xef\xbb\xbfepochs = 3\r\n")
    assert TrainConfig.read(tmp_path / "t.toml").epochs == 3


def test_an_unknown_backend_is_one_line(tmp_path):
    words = ["train", "--corpus", "synthetic:writers=4", "--out", str(tmp_path / "run")]
    env = {**os.environ, "KERAS_BACKEND": "mxnet", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "sigverify.cli", *words]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1
    assert "KERAS_BACKEND" in done.stderr
