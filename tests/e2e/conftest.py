"""What the tests of whole commands share: the core that they compute with, and the daemon as a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module", autouse=True)
def _core_in_c(core_in_c):
    """Compute as a wheel for this machine does."""


@pytest.fixture
def serve(tmp_path):
    """Return a function that starts the command, and waits until it listens."""
    processes = []

    def serve(*options, key=None):
        command = [
            sys.executable,
            "-m",
            "sigverify.cli",
            "serve",
            "--store",
            tmp_path / "store.db",
            "--create",
        ]
        command += options
        with (tmp_path / "log").open("ab") as log, (key or Path(os.devnull)).open("rb") as stdin:
            processes.append(subprocess.Popen(command, stdin=stdin, stdout=log, stderr=log))
        return processes[-1]

    yield serve
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "socket"


@pytest.fixture
def log(tmp_path):
    return (tmp_path / "log").read_text
