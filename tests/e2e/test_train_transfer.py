"""`sigverify train --init-from`: what a customer does with signatures of a few people of their own."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from warm_python import warm_python

TINY = """
epochs = 1
steps_per_epoch = 2
encoder_options = { width = 8, dilations = [1] }
batch = { writers = 3, genuine = 2, skilled = 2, workers = 0 }
losses = [{ name = "triplet" }]
validation = { references = 2 }
"""


def train(*arguments):
    done = subprocess.run(
        [*warm_python(), "-m", "sigverify.cli", "train", *map(str, arguments)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_before_and_after_are_reported(tmp_path):
    (tmp_path / "tiny.toml").write_text(TINY)
    (tmp_path / "tuned.toml").write_text(TINY.replace("encoder_options", "# encoder_options"))
    first = ("--corpus", "synthetic:writers=12,genuine=4,skilled=3", "--config", tmp_path / "tiny.toml")
    facts = json.loads(train(*first, "--out", tmp_path / "base", "--json"))
    assert facts["steps_per_second"] > 0
    assert facts["devices"] == 1
    assert facts["epochs_done"] == 1
    assert Path(facts["model"]).is_file()
    assert "transfer" not in facts
    own = ("--corpus", "synthetic:writers=8,genuine=4,skilled=3,seed=7", "--config", tmp_path / "tuned.toml")
    start = ("--init-from", tmp_path / "base")
    shown = train(*own, *start, "--out", tmp_path / "tuned")
    assert "steps a second" in shown
    assert "1 writer of synthetic-7: 4 genuine signatures and 3 skilled forgeries" in shown
    assert "Equal error rates on the held-out writers" in shown
    assert "before" in shown
    assert f"Next: sigverify convert {tmp_path / 'tuned'} --int8 --out tuned.sigmodel" in shown
    transfer = json.loads((tmp_path / "tuned" / "provenance.json").read_text())["transfer"]
    assert transfer["before"].keys() == transfer["after"].keys()
    again = json.loads(train(*own, *start, "--out", tmp_path / "tuned", "--resume", "--epochs", 2, "--json"))
    assert again["epochs_done"] == 2
    assert again["transfer"]["before"] == pytest.approx(transfer["before"])
