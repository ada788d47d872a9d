"""Without the extra that brings its libraries the command says what to install, and the SDK works."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parents[2] / "support"
SAID = "typer is not installed. pip install 'sigverify[cli]'"
STARTS = {
    "the script": "from sigverify.cli.entry import main; main()",
    "python -m sigverify": "import runpy; runpy.run_module('sigverify', run_name='__main__')",
    "python -m sigverify.cli": "import runpy; runpy.run_module('sigverify.cli', run_name='__main__')",
}


def without_its_libraries(code, *arguments):
    """Run code in a process that has neither typer nor rich, nor what only they bring."""
    lacking = ["typer", "rich", "click", "pygments", "markdown_it", "shellingham", "pydantic"]
    script = f"import sys\nsys.modules.update(dict.fromkeys({lacking}))\n{code}"
    command = [sys.executable, "-c", script, *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(SUPPORT)])}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_one_line_names_the_command_of_pip(start):
    done = without_its_libraries(start, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (4, "", f"error: {SAID}\n")


def test_the_same_for_scripts():
    done = without_its_libraries(STARTS["the script"], "users", "--json")
    assert json.loads(done.stdout) == {"error": "MissingExtra", "status": 31, "message": SAID}
    assert (done.returncode, done.stderr) == (4, "")


def test_one_of_the_two_is_not_enough():
    lacking = "import sys; sys.modules['rich'] = None\n" + STARTS["the script"]
    done = subprocess.run([sys.executable, "-c", lacking], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (4, f"error: {SAID.replace('typer', 'rich')}\n")


SDK = """
from builders import signature
from sigverify import Verifier
from sigverify.diagnosis import diagnose
with Verifier.open(":memory:") as verifier:
    verifier.enroll("alice", [signature(0, number) for number in range(5)])
    assert verifier.verify("alice", signature(0, 9)).accepted
    assert verifier.identify(signature(0, 8))[0].user_id == "alice"
"""
DAEMON = """
from builders import signature
from firmware_bridge.client import Client
from firmware_bridge.testing import MemoryDaemon
from sigverify import Verifier
import firmware_bridge.daemon, firmware_bridge.kiosk
with Verifier.open(":memory:") as verifier, Client(MemoryDaemon(verifier)) as client:
    client.enroll("alice", [signature(0, number) for number in range(5)])
    assert client.verify("alice", signature(0, 9), fmr=0.05).accepted
"""


@pytest.mark.parametrize("code", [SDK, DAEMON], ids=["the SDK", "the daemon and its client"])
def test_who_calls_the_sdk_needs_none_of_them(code):
    if code is DAEMON:
        pytest.importorskip("cbor2", reason="no cbor2: pip install 'sigverify[bridge]'")
        pytest.importorskip("starlette", reason="no starlette: pip install 'sigverify[kiosk]'")
    done = without_its_libraries(code)
    assert done.returncode == 0, done.stderr
