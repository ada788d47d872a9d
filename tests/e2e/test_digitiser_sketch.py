"""The Arduino sketch, compiled for this machine with a board of a process, against a real daemon."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from builders import signature
from running_daemon import RunningDaemon, connected

from firmware_bridge.client import Client
from firmware_bridge.doors import UnixDoor
from sigverify import Signature, Verifier

REPOSITORY = Path(__file__).resolve().parents[2]
SKETCH = REPOSITORY / "examples" / "firmware" / "digitiser" / "digitiser.ino"
CLIENT = REPOSITORY / "firmware_bridge" / "c_client"
BOARD = REPOSITORY / "tests" / "support" / "arduino"
STRICT = ("-Wall", "-Wextra", "-Werror")
GREEN, RED = "pin 2", "pin 3"


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """The sketch as a program."""
    for compiler in ("cc", "g++"):
        if shutil.which(compiler) is None:
            pytest.skip(f"no {compiler} here (Debian: apt install g++)")
    folder = tmp_path_factory.mktemp("board")
    c_flags = ("-std=c99", *STRICT, "-O1", "-c", CLIENT / "sigverify_client.c")
    subprocess.run(["cc", *c_flags, "-o", folder / "client.o"], check=True)
    flags = ("-std=c++17", *STRICT, f"-I{CLIENT}", f"-I{BOARD}", "-include", "Arduino.h", "-pthread")
    sources = ("-x", "c++", SKETCH, BOARD / "board.cpp", "-x", "none", folder / "client.o")
    subprocess.run(["g++", *flags, "-o", folder / "board", *sources], check=True)
    return folder / "board"


def pen(its):
    """What the board's pins show, `(n, 4)` ms, x, y, pressure: each millisecond, in steps of 12 bits."""
    time = np.arange(0, its.time_ms[-1])
    x, y = (np.interp(time, its.time_ms, 3 * values + 1000).round() for values in (its.x, its.y))
    ink = np.interp(time, its.time_ms, its.ink) == 1
    pressure = np.interp(time, its.time_ms, its.pressure * 1000 + 200).round()
    return np.stack([time, x, y, pressure * ink], axis=1).astype(int)


def sampled(rows):
    """The signature that a digitiser makes of it: each 10 ms."""
    time, x, y, pressure = rows[::10][rows[::10, 3] > 0].T
    return Signature(x, y, time, pressure, np.diff(time, prepend=-99) == 10)


@pytest.fixture
def path(tmp_path):
    """The socket of a daemon with the model that ships, where alice is enrolled."""
    door = UnixDoor(tmp_path / "socket")
    with RunningDaemon([door], open_verifier=lambda: Verifier.open(tmp_path / "store.db")):
        with Client(tmp_path / "socket") as client:
            client.enroll("alice", [sampled(pen(signature(0, number))) for number in range(5)])
        yield tmp_path / "socket"


@pytest.fixture
def sign(board, path, tmp_path):
    """Return a function that signs at the board; it returns which lamp went on."""

    def sign(rows):
        np.savetxt(tmp_path / "pen", rows, fmt="%d")
        with connected(path) as line:
            line.setblocking(True)
            command = [board, tmp_path / "pen"]
            pipes = {"stdin": line, "stdout": line, "stderr": subprocess.PIPE}
            done = subprocess.run(command, check=False, timeout=30, **pipes)
        assert done.returncode == 0, done.stderr
        return done.stderr.decode().strip()

    return sign


def test_the_lamp_is_green_for_the_person_and_red_for_another(sign):
    assert sign(pen(signature(0, 6))) == GREEN
    assert sign(pen(signature(5, 6))) == RED


def test_a_capture_that_is_no_signature_is_red(sign):
    dot = np.tile([0, 300, 300, 400], (200, 1))
    dot[:, 0] = range(200)
    assert sign(dot) == RED
