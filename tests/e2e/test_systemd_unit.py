"""The systemd unit in examples, as systemd itself reads it; how a service fares under it needs a machine."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "examples" / "systemd" / "sigverify.service"
SAFE = 10
"""In tenths of what `systemd-analyze security` prints: 0 is the least exposed, 100 the most."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")


def analyze(*arguments):
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@needs_systemd
def test_every_line_is_understood(tmp_path):
    """The program is not where the unit says on this machine: another that is here stands for it."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/usr/bin/sigverify", shutil.which("true")))
    done = analyze("verify", "--man=no", unit)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_little_is_exposed():
    done = analyze("security", "--offline=true", f"--threshold={SAFE}", "--no-pager", UNIT)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze judges no unit files")
    assert done.returncode == 0, done.stdout[-500:]


def test_the_command_is_ours_and_its_options_are_real():
    from typer.testing import CliRunner

    from sigverify.cli.app import app

    [command] = re.findall(r"^ExecStart=\S+ serve (.*)$", UNIT.read_text(), re.MULTILINE)
    known = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    for option in re.findall(r"--[a-z-]+", command):
        assert option in known


DECIDE = """
import ctypes, sys
sys.path.insert(0, sys.argv[2])
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):  # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN
    sys.exit(77)
from builders import signature
from sigverify import Verifier
with Verifier.open(":memory:", runtime=sys.argv[1]) as verifier:
    verifier.enroll("alice", [signature(0, number) for number in range(5)])
    print(verifier.verify("alice", signature(0, 9)).accepted)
"""


@pytest.mark.parametrize("runtime", ["litert", "native"])
def test_no_memory_need_be_both_written_and_run(library_path, monkeypatch, runtime):
    """As MemoryDenyWriteExecute= demands, by the kernel's own switch for it."""
    monkeypatch.setenv("SIGVERIFY_NATIVE", str(library_path))
    support = Path(__file__).parents[1] / "support"
    done = subprocess.run(
        [sys.executable, "-c", DECIDE, runtime, support], capture_output=True, text=True, check=False
    )
    if done.returncode == 77:
        pytest.skip("this kernel has no such switch (Linux 6.3)")
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
