"""The Arduino sketch, compiled for this machine with a board of a process, against a real daemon."""

import contextlib
import re
import select
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from builders import signature
from running_daemon import RunningDaemon, connected

from firmware_bridge.daemon.session import Limits
from firmware_bridge.protocol.framing import Deframer
from firmware_bridge.protocol.messages import Begin, End, Enroll, Hello, Points, Verify, decode
from firmware_bridge.transport.listeners import UnixListener
from sigverify import Verifier
from sigverify.cli.app import main
from sigverify.signed.capture_keys import CaptureKeys

REPOSITORY = Path(__file__).resolve().parents[2]
SKETCH = REPOSITORY / "examples" / "firmware" / "digitizer" / "digitizer.ino"
CLIENT = REPOSITORY / "firmware_bridge" / "c_client"
BOARD = REPOSITORY / "tests" / "support" / "arduino"
STRICT = ("-Wall", "-Wextra", "-Werror")
GREEN, RED, ENROLLMENT = 2, 3, 5
BEGIN_MS, PAUSE_MS = 1500, 9000
"""Until the handshake is done and the pen rested, and from one signature to the next; a lamp ends a pause."""


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """The sketch as a program."""
    return built(tmp_path_factory.mktemp("board"))


def built(folder):
    """Compile the sketch; what lies in the folder is beside it, such as a pen's key."""
    for compiler in ("cc", "g++"):
        if shutil.which(compiler) is None:
            pytest.skip(f"no {compiler} here (Debian: apt install g++)")
    c_flags = ("-std=c99", *STRICT, "-O1", "-c", CLIENT / "sigverify_client.c")
    subprocess.run(["cc", *c_flags, "-o", folder / "client.o"], check=True)
    flags = (
        "-std=c++17",
        *STRICT,
        f"-I{CLIENT}",
        f"-I{BOARD}",
        f"-I{folder}",
        "-include",
        "Arduino.h",
        "-pthread",
    )
    sources = ("-x", "c++", SKETCH, BOARD / "board.cpp", "-x", "none", folder / "client.o")
    subprocess.run(["g++", *flags, "-o", folder / "board", *sources], check=True)
    return folder / "board"


def test_it_takes_no_more_memory_than_the_sketch_says(tmp_path):
    compiler = "arm-none-eabi-g++"
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler} here (Debian: gcc-arm-none-eabi, libnewlib-arm-none-eabi)")
    options = ["-std=c++11", *STRICT, "-Os", "-mthumb", "-mcpu=cortex-m0plus", "-include", "Arduino.h"]
    target = tmp_path / "sketch.o"
    command = [compiler, *options, f"-I{CLIENT}", f"-I{BOARD}", "-x", "c++", SKETCH, "-c", "-o", target]
    subprocess.run(command, check=True)
    shown = subprocess.run(["arm-none-eabi-size", target], check=True, capture_output=True, text=True)
    memory = sum(map(int, shown.stdout.splitlines()[1].split()[1:3]))
    (kilobytes,) = re.findall(r"(\d) kB of RAM", SKETCH.read_text())
    assert memory < 1000 * int(kilobytes), memory


def pen(its):
    """What the board's pins show, `(n, 6)` ms, x, y, pressure, button, mark: each millisecond, in 12 bits."""
    time = np.arange(0, its.time_ms[-1])
    x, y = (np.interp(time, its.time_ms, 3 * values + 1000).round() for values in (its.x, its.y))
    ink = np.interp(time, its.time_ms, its.ink) == 1
    pressure = np.interp(time, its.time_ms, its.pressure * 1000 + 200).round() * ink
    return np.stack([time, x, y, pressure, 0 * time, 0 * time], axis=1).astype(int)


def away(duration_ms=0, button=0):
    """Nobody writes."""
    return np.array([[0, 0, 0, 0, button, 0], [duration_ms, 0, 0, 0, button, 0]])


def scribble(duration_ms):
    """A stroke without an end."""
    time = np.arange(0, duration_ms, 5)
    return np.stack([time, 900 + time % 700, 800 + time % 90, 0 * time + 500, 0 * time, 0 * time], axis=1)


def later(rows, time_ms):
    return rows + np.array([time_ms, 0, 0, 0, 0, 0])


class Cable:
    """Board and daemon, and a pump in between, which can be cut, or have a new daemon behind it."""

    def __init__(self, path):
        self._path = path
        self.board, self._end = socket.socketpair()
        self._daemon = connected(path)
        self._stop, self._stopped = socket.socketpair()
        self._deframer = Deframer()
        self.mute = False
        self.heard = []
        """The messages of the board."""
        self._thread = threading.Thread(target=self._pump)
        self._thread.start()

    def close(self):
        self._stop.send(b"x")
        self._thread.join()
        for each in (self.board, self._end, self._daemon, self._stop, self._stopped):
            each.close()

    def replug(self):
        """A line that a new daemon opened: it knows nothing of what was said before."""
        with contextlib.closing(self._daemon):
            self._daemon = connected(self._path)

    def kinds(self):
        return [type(each) for each in self.heard if not isinstance(each, Points)]

    def _pump(self):
        while self._stopped not in (
            ready := select.select([self._end, self._daemon, self._stopped], [], [])[0]
        ):
            for line in ready:
                with contextlib.suppress(OSError):  # replugged just now
                    self._carry(line)

    def _carry(self, line):
        data = line.recv(4096)
        if line is self._end:
            self.heard += [decode(each)[1] for each in self._deframer.feed(data) if isinstance(each, bytes)]
            self._daemon.sendall(data)
        elif not self.mute:
            self._end.sendall(data)


class Bench:
    """A board on a cable; `at` says what happens when, by the board's clock."""

    def __init__(self, board, cable, folder):
        self.cable = cable
        self._board = board
        self._script = folder / "script"
        self._plans = []

    def at(self, time_ms, what):
        self._plans.append((time_ms, what))

    def run(self, *rows):
        """Let the moments come one after the other; return what the lamps show at the end of each pause."""
        start, parts, looked = BEGIN_MS, [away()], []
        for each in rows:
            parts.append(later(each, start))
            start += each[-1, 0] + 1
            parts.append(later(away(), start))
            looked.append(start := start + PAUSE_MS)
        np.savetxt(self._script, self._marked(np.concatenate([*parts, later(away(), start)])), fmt="%d")
        changes = self._follow()
        return [lamps(changes, until) for until in looked]

    def _marked(self, rows):
        for mark, (time_ms, _) in enumerate(self._plans, 1):
            place = np.searchsorted(rows[:, 0], time_ms, side="right")
            moment = [[time_ms, *rows[place - 1, 1:5], mark]]
            rows = np.concatenate([rows[:place], moment, rows[place:]])
        return rows

    def _follow(self):
        """Return what changed when, as time, pin and level."""
        pipes = {"stdin": self.cable.board, "stdout": self.cable.board, "stderr": subprocess.PIPE}
        changes = []
        with subprocess.Popen([self._board, self._script], text=True, **pipes) as process:
            for line in process.stderr:
                time, pin, level = map(int, line.split())
                if pin == 0:
                    self._plans[level - 1][1]()
                else:
                    changes.append((time, pin, level))
        assert process.returncode == 0
        return changes


def lamps(changes, until):
    """Which lamps are lit before that time."""
    levels = {pin: level for time, pin, level in changes if time < until}
    return {pin for pin, level in levels.items() if level}


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory, board):
    """The path of a store in which alice is enrolled: with the board's pen and its button."""
    folder = tmp_path_factory.mktemp("enrolled")
    with served(folder, folder / "store.db") as cable:
        shown = Bench(board, cable, folder).run(
            away(200, button=1), *(pen(signature(0, number)) for number in range(5))
        )
    assert shown == [{GREEN, ENROLLMENT}] * 5 + [{GREEN}]
    return folder / "store.db"


@contextlib.contextmanager
def served(folder, store, **options):
    """A cable to a daemon with the model that ships."""
    listener = UnixListener(folder / "socket")
    limits = Limits(handshake_s=60.0)  # a serial line is not hung up on
    with RunningDaemon([listener], open_verifier=lambda: Verifier.open(store, **options), limits=limits):
        cable = Cable(folder / "socket")
        try:
            yield cable
        finally:
            cable.close()


@pytest.fixture
def desk(board, enrolled, tmp_path):
    store = tmp_path / "store.db"
    shutil.copy(enrolled, store)
    with served(tmp_path, store) as cable:
        yield Bench(board, cable, tmp_path)


def test_a_pen_with_a_key_signs(tmp_path, monkeypatch):
    """Enrolled, accepted, and after its power was gone accepted again; a pen without a key is not."""
    keys, flash = tmp_path / "pens.keys", tmp_path / "flash"
    monkeypatch.setenv("SIGVERIFY_FLASH", str(flash))
    monkeypatch.setattr(sys, "argv", ["sigverify", "pens", "add", str(keys), "pen-7", "--header"])
    sys.argv.append(str(tmp_path / "pen_key.h"))
    with pytest.raises(SystemExit):
        main()
    board = built(tmp_path)
    (tmp_path / "unsigned").mkdir()
    other = built(tmp_path / "unsigned")
    with served(tmp_path, tmp_path / "store.db", capture_keys=CaptureKeys.from_source(keys)) as cable:
        enrolled = Bench(board, cable, tmp_path).run(
            away(200, button=1), *(pen(signature(0, number)) for number in range(5))
        )
        assert enrolled == [{GREEN, ENROLLMENT}] * 5 + [{GREEN}]
        assert flash.read_text() == "256"
        assert Bench(board, cable, tmp_path).run(pen(signature(0, 6)), pen(signature(5, 6))) == [
            {GREEN},
            {RED},
        ]
        assert flash.read_text() == "512"
        assert Bench(other, cable, tmp_path).run(pen(signature(0, 7))) == [{RED}]


def test_the_lamp_is_green_for_the_person_and_red_for_another_and_for_no_signature(desk):
    assert desk.run(pen(signature(0, 6)), pen(signature(5, 6)), scribble(60)) == [{GREEN}, {RED}, {RED}]


def test_no_ink_on_the_way_from_stroke_to_stroke(desk):
    its = pen(signature(0, 6))
    desk.run(its)
    ink = [
        each for its in desk.cable.heard if isinstance(its, Points) for each in its.d or [True] * len(its.x)
    ]
    assert ink.count(False) == np.count_nonzero(np.diff(its[:, 3] > 0, prepend=False)) // 2 + 1 == 2


@pytest.mark.slow
def test_a_daemon_that_was_started_anew_is_greeted(desk):
    desk.at(BEGIN_MS - 300, desk.cable.replug)
    assert desk.run(pen(signature(0, 6)), pen(signature(0, 7))) == [{RED}, {GREEN}]
    assert desk.cable.kinds() == [Hello, Begin, Hello, Begin, End, Verify]


@pytest.mark.slow
def test_an_answer_that_never_comes_is_asked_for_again_and_then_given_up(desk):
    ended_ms = BEGIN_MS + pen(signature(0, 6))[-1, 0]
    desk.at(ended_ms + 200, lambda: setattr(desk.cable, "mute", True))
    desk.at(ended_ms + 10_500, lambda: setattr(desk.cable, "mute", False))
    assert desk.run(pen(signature(0, 6)), away(), pen(signature(0, 7))) == [{RED}, {RED}, {GREEN}]
    assert desk.cable.kinds()[:6] == [Hello, Begin, End, End, End, Hello]


@pytest.mark.slow
def test_what_the_daemon_does_not_take_is_given_up_and_no_part_of_it_becomes_a_signature(desk):
    desk.at(BEGIN_MS - 300, lambda: setattr(desk.cable, "mute", True))
    desk.at(BEGIN_MS + 3000, lambda: setattr(desk.cable, "mute", False))
    assert desk.run(scribble(6000), pen(signature(0, 6))) == [{RED}, {GREEN}]
    kinds = desk.cable.kinds()
    assert kinds.count(Begin) == 2
    assert kinds.count(End) == 1


@pytest.mark.slow
def test_somebody_who_writes_while_the_line_is_down_begins_no_capture(desk):
    desk.cable.mute = True
    desk.at(BEGIN_MS + 2500, lambda: setattr(desk.cable, "mute", False))
    assert desk.run(scribble(6000)) == [{RED}]
    assert set(desk.cable.kinds()) == {Hello}


def test_an_enrollment_that_is_not_allowed_is_red(board, tmp_path):
    listener = UnixListener(tmp_path / "socket")
    with RunningDaemon([listener], allowed=frozenset(), limits=Limits(handshake_s=60.0)):
        cable = Cable(tmp_path / "socket")
        try:
            assert Bench(board, cable, tmp_path).run(away(200, button=1)) == [{RED}]
        finally:
            cable.close()
    assert cable.kinds() == [Hello, Enroll]
