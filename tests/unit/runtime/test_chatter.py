"""What native code prints while an interpreter is built: its INFO line is dropped, all else is kept."""

import os
import subprocess
import sys

from sigverify.runtime.chatter import without_chatter


def test_only_the_info_lines_are_dropped(capfd):
    with without_chatter():
        os.write(2, b"INFO: Created a delegate.\nERROR: no such kernel\nINFO: more")
    assert capfd.readouterr().err == "ERROR: no such kernel\n"


def test_opening_says_nothing_on_stderr(tmp_path):
    script = "from sigverify import Verifier\nVerifier.open(':memory:').close()\n"
    (tmp_path / "script.py").write_text(script)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    env.pop("TF_CPP_MIN_LOG_LEVEL", None)
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    closed = ["sh", "-c", '"$@" 2>&-', "sh", *command]
    subprocess.run(closed, cwd=tmp_path, env=env, check=True)
