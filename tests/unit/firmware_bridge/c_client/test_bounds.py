"""Whatever a line brings, nothing is read or written out of bounds; what it costs in memory."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from firmware_bridge import c_client

ROOT = Path(__file__).parents[4]
SOURCES = Path(c_client.__path__[0])
VECTORS = json.loads((ROOT / "tests" / "golden" / "protocol.json").read_text())


def test_mutated_frames_under_the_sanitizers(build, tmp_path):
    program = build("fuzz.c", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    seeds = tmp_path / "seeds"
    seeds.write_text("".join(f"{each['payload']}\n{each['frame']}\n" for each in VECTORS["messages"]))
    done = subprocess.run([program, seeds, "50000"], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("sound\n")


def test_without_a_token(build):
    build("driver.c", "-DSVC_NO_TOKEN")


def test_it_takes_no_more_than_the_document_says(tmp_path):
    compiler = shutil.which("arm-none-eabi-gcc")
    if compiler is None:
        pytest.skip("no compiler for microcontrollers (Debian: gcc-arm-none-eabi, libnewlib-arm-none-eabi)")
    text = (ROOT / "docs" / "protocol.md").read_text()
    most = [int(each.replace(",", "")) for each in re.findall(r"\*\*([\d,]+) bytes\*\*", text)]
    code, own = tmp_path / "code.o", tmp_path / "own.c"
    own.write_text('#include "sigverify_client.h"\nsvc_client its;\n')
    measured = []
    for source, column in [(SOURCES / "sigverify_client.c", 0), (own, 2)]:
        options = ["-std=c99", "-Os", "-mthumb", "-mcpu=cortex-m0plus", f"-I{SOURCES}"]
        subprocess.run([compiler, *options, "-c", "-o", code, source], check=True)
        shown = subprocess.run(["arm-none-eabi-size", code], check=True, capture_output=True, text=True)
        measured.append(int(shown.stdout.splitlines()[1].split()[column]))
    assert all(size <= limit for size, limit in zip(measured, most, strict=True)), measured
