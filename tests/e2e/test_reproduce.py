"""`sigverify reproduce --quick`, from invented writers to the table, on a made-up SVC2004."""

import json
import os
import subprocess

import pytest
from warm_python import warm_python

from sigverify.corpora import Kind
from sigverify.corpora.synthetic import SyntheticConfig, synthesize


def write_task1(folder):
    """Write invented writers as SVC2004 Task 1 has them: genuine 1 to 20, forgeries 21 to 40."""
    folder.mkdir(parents=True)
    corpus = synthesize(SyntheticConfig(writers=3, genuine=7, skilled=4, seed=5))
    for index, writer in enumerate(corpus.writers):
        for kind, first in ((Kind.GENUINE, 1), (Kind.SKILLED, 21)):
            samples = corpus.genuine(writer) if kind is Kind.GENUINE else corpus.skilled(writer)
            for number, sample in enumerate(samples, start=first):
                its = sample.capture
                rows = [
                    f"{x * 100:.0f} {y * 100:.0f} {t:.0f} {int(down)}"
                    for x, y, t, down in zip(its.x, its.y, its.time_ms, its.ink, strict=True)
                ]
                (folder / f"U{index + 1}S{number}.TXT").write_text("\n".join([str(len(rows)), *rows]) + "\n")


@pytest.mark.slow
def test_the_table_in_one_command(tmp_path):
    write_task1(tmp_path / "data" / "svc2004_task1")
    command = [*warm_python(), "-m", "sigverify.cli", "reproduce", "--quick", "--seeds", "1", "--json"]
    command += ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    env = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert {(row["system"], row["references"]) for row in said["rows"]} == {
        (system, count) for system in ("DTW baseline", "int8", "float32") for count in (1, 5)
    }
    assert all(row["trained_on"] == ["synthetic-0"] for row in said["rows"] if row["system"] == "int8")
    table = (tmp_path / "out" / "results.md").read_text()
    assert "the figures mean nothing" in table
    assert "| int8 | synthetic-0 | synthetic-0 (other writers) | 5 |" in table
    assert json.loads((tmp_path / "out" / "results.json").read_text())["quick"] is True
    again = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert again.returncode == 0
    assert again.stderr.count("was there") == 3
    assert json.loads(again.stdout)["rows"] == said["rows"]
