"""docs/firmware.md: its commands run as they stand, and say what the page says they say."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sigverify.errors import RuntimeUnavailable
from sigverify.runtime.native.embedder import litert_library

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "firmware.md"
NEEDED = ("examples", "firmware_bridge", "sigverify")


def commands(*steps):
    """Return the shell commands below the headings of these numbers."""
    sections = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    wanted = [section for section in sections if section.split(".")[0] in steps]
    blocks = [block for section in wanted for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)]
    assert len(wanted) == len(steps)
    assert blocks
    return "".join(blocks)


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a script where the source is, with this interpreter's programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (folder / "sigverify").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sigverify.cli "$@"\n')
    for program in folder.iterdir():
        program.chmod(0o755)
    trial = tmp_path / "trial"
    trial.mkdir()
    for name in NEEDED:
        (trial / name).symlink_to(REPOSITORY / name)

    def run(script):
        command = ["bash", "-ec", f"{script}\nwait\n"]
        path = f"{folder}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        process = subprocess.Popen(command, cwd=trial, env=environment, start_new_session=True, **pipes)
        try:
            said, _ = process.communicate(timeout=120)
        finally:
            with contextlib.suppress(ProcessLookupError):  # its own group: a failed script leaves its daemon
                os.killpg(process.pid, signal.SIGKILL)
        assert process.returncode in (0, 128 + signal.SIGTERM), said.decode()
        return said.decode().splitlines()

    return run


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_from_nothing_to_a_decision_by_the_daemon(run):
    said = run(commands("2", "3", "4"))
    assert [f"signature {number}: taken" for number in range(1, 6)] == [
        line for line in said if line.startswith("signature ")
    ]
    accepted = said.index("accepted: opens")
    assert said[accepted + 1] == "rejected: the score is below the threshold"
    assert "accept ('alice',)" in said[accepted + 2 :]


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_the_same_in_c(run):
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here (Debian: apt install gcc)")
    try:
        litert_library()
    except RuntimeUnavailable as error:
        pytest.skip(str(error))
    said = run(commands("2", "5"))
    assert [line for line in said if line.startswith(("accepted", "rejected"))] == [
        "accepted: alike",
        "rejected: unlike",
    ]


SIGNING = """
sigverify pens add pens.keys pen-8 --out pen-8.key
sigverify store keygen store.key
sigverify serve --store kiosk.db --create --key store.key --socket kiosk.socket --capture-keys pens.keys &
while [ ! -S kiosk.socket ]; do sleep 0.1; done
PYTHONPATH=examples python - <<'END'
from people import invent
from sigverify.errors import UntrustedCapture
{block}
signatures = invent(1, signatures=7)["alice"]
client.enroll("alice", signatures[:5])
print(client.verify("alice", signatures[5], fmr=0.05).outcome)
try:
    Client("kiosk.socket").verify("alice", signatures[6])
except UntrustedCapture as error:
    print(error.reason)
END
grep -c PEN_KEY pen_key.h
sigverify pens list pens.keys
kill %1
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_a_pen_that_signs(run):
    """By the daemon itself: what the page's signer signs is accepted, and nothing else."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (block,) = [each for each in blocks if "CaptureSigner" in each]
    said = run(commands("6") + SIGNING.format(block=block))
    assert said[said.index("accept") + 1] == "unsigned"
    assert [line.split() for line in said if line.endswith("good")] == [["pen-7", "good"], ["pen-8", "good"]]


def test_the_page_promises_what_the_tests_look_for():
    text = PAGE.read_text()
    for words in (
        "accepted: opens",
        "rejected: the score is below the threshold",
        "accepted: alike",
        "rejected: unlike",
    ):
        assert f"`{words}`" in text


def test_every_link_of_the_page_leads_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", PAGE.read_text()):
        path, _, anchor = target.partition("#")
        there = PAGE.parent / path
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
