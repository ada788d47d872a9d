"""`python -m sigverify` is the command."""

import os
import subprocess
import sys

import sigverify


def module(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "sigverify", *arguments],
        env=os.environ | {"LC_ALL": "C", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_answers_and_ends_as_the_command_does(tmp_path):
    told = module("--version")
    assert (told.returncode, told.stdout) == (0, f"sigverify {sigverify.__version__}\n")
    refused = module("info", str(tmp_path / "absent.csv"))
    assert refused.returncode == 4
    assert refused.stderr.startswith("error: ")
    misused = module("inform")
    assert misused.returncode == 2
    assert "Try: python -m sigverify --help" in misused.stderr
