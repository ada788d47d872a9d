"""What the README and pages of the docs show to paste runs as it stands, in order, in a fresh folder."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from warm_python import OF_COMMANDS, warm_python

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MAY_FIND_FAULT = {"sigverify doctor"}
"""Commands whose answer depends on the machine: exit code 4 says that something is wrong with it."""


def blocks(page, heading=""):
    """Language and code of each block at the head of a page, or in one of its sections."""
    text = (ROOT / page).read_text("utf-8")
    if not heading:
        text = text.partition("\n## ")[0]
    else:
        text = text.partition(f"\n{heading}\n")[2]
        assert text, f"{page} has no {heading}"
        level = heading.partition(" ")[0]
        text = re.split(rf"^{level} ", text, maxsplit=1, flags=re.MULTILINE)[0]
    return BLOCK.findall(text)


def commands(script):
    """Lines of a shell block, long ones joined; not what installs, nor what has an ellipsis to fill."""
    for line in script.replace("\\\n", " ").splitlines():
        command = line.partition("  #")[0].strip()
        if command and not command.startswith(("#", "pip ")) and "…" not in command:
            yield command


@pytest.fixture
def paste(tmp_path):
    """Return a function that runs code of a page in a folder of its own, where `sigverify` is on the path."""
    tools, folder = tmp_path / "bin", tmp_path / "work"
    tools.mkdir()
    folder.mkdir()
    tool = tools / "sigverify"
    tool.write_text(f'#!/bin/sh\nexec {shlex.join(warm_python(*OF_COMMANDS))} -m sigverify.cli "$@"\n')
    tool.chmod(0o755)
    env = {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "LC_ALL": "C",
        "OMP_NUM_THREADS": "1",
    }

    def paste(code, *, python=False):
        words = [*warm_python(), "-c", code] if python else ["sh", "-c", code]
        done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
        allowed = {0, 4} if code in MAY_FIND_FAULT else {0}
        assert done.returncode in allowed, f"{code}\n{done.stdout}{done.stderr}"
        return done.stdout

    return paste


def run_page(paste, page, heading=""):
    """Run everything in order; return what each command printed. Blocks of Python are one program."""
    printed, program = {}, ""
    for language, code in blocks(page, heading):
        if language == "python":
            program += code
            continue
        if program:
            printed["python"] = paste(program, python=True)
            program = ""
        for command in commands(code):
            printed[command] = paste(command)
    if program:
        printed["python"] = paste(program, python=True)
    assert printed
    return printed


def test_the_readme(paste):
    said = run_page(paste, "README.md", "## Five minutes")
    by_answer = {command.rpartition("|| echo ")[2] or command: text for command, text in said.items()}
    assert said["sigverify samples --out samples"]
    assert any(text.endswith("welcome\n") for text in said.values())
    assert by_answer['"not bob"'].endswith("not bob\n")


def test_pages_that_go_on_from_each_other(paste):
    assert "alice-1.csv" in " ".join(run_page(paste, "docs/captures.md"))
    run_page(paste, "docs/store.md")
    said = run_page(paste, "docs/security.md", "## The audit log")
    assert "enrolled" in " ".join(said.values())


def test_python_on_a_device(paste):
    said = run_page(paste, "docs/python.md", "## On the device")["python"].splitlines()
    assert said[0] == "accept Reason.ALIKE" or said[0].startswith("accept")
    assert said[1] == "reject replay"


@pytest.mark.slow
def test_python_on_the_workstation(paste):
    said = run_page(paste, "docs/python.md", "## Train, convert, evaluate")["python"]
    assert "equal error rate" in said


@pytest.mark.slow
def test_pictures_in_five_minutes(paste):
    page = "docs/pictures-in-five-minutes.md"
    said = run_page(paste, page, "## Enroll and verify")
    *_, accepted, rejected, program = said.values()
    assert accepted.startswith("accepted")
    assert rejected.endswith("exit code 3\n")
    assert "shape, proportion" in rejected
    lines = program.splitlines()
    assert lines[0].startswith("accept ")
    assert lines[1].startswith("bea ")
    run_page(paste, page, "## See what is compared")
    *_, genuine, forged = run_page(paste, page, "## Where it goes wrong").values()
    assert genuine.endswith("exit code 3\n")
    assert forged.startswith("accepted")
