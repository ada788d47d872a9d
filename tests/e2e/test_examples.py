"""The examples run, and say what they are there to show."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SHOWN = {
    "unlock.py": [
        "the owner: unlocked",
        "the owner again: unlocked",
        "somebody else: stays locked",
    ],
    "attendance.py": [
        "20 of 20 recognized",
        "person-20 before enrolling: nobody",
        "person-20 after enrolling: person-20",
    ],
    "gate.py": [
        "carol signs: opens for carol",
        "carol's membership ended: stays shut",
        "carol renewed: opens for carol",
    ],
    "ranking.py": ["1. heidi", "5. "],
    "large_gallery.py": ["read 59 people", "ivan found", "person-59, enrolled a moment ago, found"],
}
ARGUMENTS = {"large_gallery.py": ["60"]}


def test_every_example_is_here():
    assert {path.name for path in EXAMPLES.glob("*.py")} - {"people.py"} == set(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_example(name):
    command = [sys.executable, "-W", "error", EXAMPLES / name, *ARGUMENTS.get(name, [])]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    for words in SHOWN[name]:
        assert words in done.stdout
