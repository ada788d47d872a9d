"""The systemd units in examples, as systemd reads them; how services fare under them needs a machine."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "systemd"
DAEMON, PAGE = FOLDER / "sigverify.service", FOLDER / "sigverify-kiosk.service"
EXPOSED = {DAEMON: 10, PAGE: 15}
"""In tenths of what `systemd-analyze security` prints: 0 is the least exposed, 100 the most."""

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")


def analyze(*arguments):
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@needs_systemd
@pytest.mark.parametrize("unit", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_every_line_is_understood(tmp_path, unit):
    """The programs are not where the units say on this machine: another that is here stands for them."""
    for each in FOLDER.iterdir():
        text = re.sub(r"/usr/bin/(sigverify|cage)", shutil.which("true"), each.read_text())
        (tmp_path / each.name).write_text(text)
    done = analyze("verify", "--man=no", tmp_path / unit.name)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("unit", EXPOSED, ids=lambda path: path.name)
def test_little_is_exposed(unit):
    done = analyze("security", "--offline=true", f"--threshold={EXPOSED[unit]}", "--no-pager", unit)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze judges no unit files")
    assert done.returncode == 0, done.stdout[-500:]


@pytest.mark.parametrize(("unit", "name"), [(DAEMON, "serve"), (PAGE, "kiosk")])
def test_the_command_is_ours_and_its_options_are_real(unit, name):
    from typer.testing import CliRunner

    from sigverify.cli.app import app

    [command] = re.findall(rf"^ExecStart=\S+ {name} (.*)$", unit.read_text(), re.MULTILINE)
    known = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    for option in re.findall(r"--[a-z-]+", command):
        assert option in known


def test_the_page_has_the_store_and_the_key_of_the_daemon():
    same = ("User", "StateDirectory", "StandardInput", "UMask")
    texts = DAEMON.read_text(), PAGE.read_text()
    for name in same:
        assert len({*(re.search(rf"^{name}=(.*)$", text, re.MULTILINE)[1] for text in texts)}) == 1, name
    assert len({*(re.search(r"--store (\S+) --create --key (\S+)", text).groups() for text in texts)}) == 1


def test_the_browser_is_nobody_who_may_read_the_store():
    browser = (FOLDER / "sigverify-browser.service").read_text()
    assert "User=sigverify-browser\n" in browser
    assert "Group=sigverify\n" not in browser
    port = re.search(r"--port (\d+)", PAGE.read_text())[1]
    assert f"http://127.0.0.1:{port}/" in browser
    assert f"/dev/tcp/127.0.0.1/{port}" in browser


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
