"""A whole board, emulated: Debian for 64-bit ARM, the package, its units under systemd, a pen at the UART.

`make test-board` makes the board, runs this, and prints what was measured. The tests are one story: each goes
on with the board that the one before left.
"""

import json
import os
import random
import re
import shutil
import statistics
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from itertools import cycle, groupby
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from c_driver import Driver, compile_client
from emulator import CORES, MEMORY_MB, PROCESSOR, Emulator

from sigverify.corpora.synthetic import SyntheticConfig, synthesize
from sigverify.errors import EnrollmentError
from sigverify.formats import signature_pad
from sigverify.policy import Policy
from sigverify.verifier import Verifier

IMAGE = os.environ.get("SIGVERIFY_BOARD")
pytestmark = pytest.mark.skipif(
    not IMAGE, reason="no board: `make test-board` makes one (qemu-system-arm, nbdkit, debootstrap)"
)

PAGE = Path(__file__).parents[2] / "docs" / "debian.md"
DAEMON, KIOSK = "sigverify.service", "sigverify-kiosk.service"
EXPOSED = {DAEMON: 15, KIOSK: 15}
"""In tenths of what `systemd-analyze security` prints; with a serial line the daemon sees one device."""
STORE = "/var/lib/sigverify/kiosk.db"
KEY = "/etc/sigverify/store.key"
AS_SERVICE = "setpriv --reuid=sigverify --regid=sigverify --clear-groups"
PERSON = "alice"
FEW = 2
"""References of those who are enrolled until the power is cut: so more of them are."""
ENROLLED, DECISION = 72, 68
CUTS = int(os.environ.get("SIGVERIFY_BOARD_CUTS", "3"))
MOMENTS = ("acknowledged", "commit", "any")
"""When the power goes, in turn: at the second person's acknowledgement, during their commit, at any time."""
BOOT_S = 900


class Board:
    """The disk of a board, and the emulator that runs it now; `boots`: seconds to each first decision."""

    def __init__(self, folder, client):
        self.folder, self._client, self._count = folder, client, 0
        self.disk = folder / "disk.raw"
        shutil.copy(Path(IMAGE, "installed.raw"), self.disk)
        self.boots = []

    def start(self):
        self._count += 1
        scratch = self.folder / str(self._count)
        scratch.mkdir()
        self.emulator = Emulator(Path(IMAGE), self.disk, scratch)

    def run(self, command, code=0):
        return self.emulator.run(command, code)

    def cut(self):
        self.emulator.cut()

    @contextmanager
    def pen(self):
        """The C client at the other end of the board's UART, once the daemon has greeted it."""
        driver = Driver(self._client, self.emulator.uart)
        try:
            deadline = time.monotonic() + BOOT_S
            driver.say("patience 1000")
            while driver.say("hello pen -"):
                assert time.monotonic() < deadline, self.emulator.said()
            driver.must("patience 120000")
            yield driver
        finally:
            driver.close()

    def show(self, unit, *properties):
        """What systemd says of a unit."""
        said = self.run(f"systemctl show {unit} {' '.join(f'--property={name}' for name in properties)}")
        return dict(line.split("=", 1) for line in said.splitlines())


class Crowd:
    """Invented people that the package takes on this machine, and what it decides here."""

    def __init__(self):
        genuine = _invent(1, 40, 2024)[0]
        self.references, self.probes = genuine[:5], iter(genuine[5:])
        self.others = iter(_invent(120, FEW, 7))
        self.here = Verifier.open(":memory:", policy=Policy.unguarded().asking(fmr="balanced"))
        self.here.enroll(PERSON, self.references)

    def somebody(self):
        """Captures that are taken as references; of somebody else each time."""
        for captures in self.others:
            try:
                self.here.enroll("somebody", captures, replace=True)
            except EnrollmentError:
                continue
            return captures
        raise AssertionError("nobody is left")


def _invent(people, signatures, seed):
    """As many signatures of as many people, of whom nobody is real."""
    corpus = synthesize(SyntheticConfig(writers=people, genuine=signatures, skilled=0, seed=seed))
    groups = groupby(corpus.samples, key=lambda sample: sample.writer)
    return [[sample.capture for sample in its] for _, its in groups]


@pytest.fixture(scope="module")
def board(compiler):
    folder = Path(tempfile.mkdtemp(prefix="board-"))  # pytest's own is too long for a unix socket
    its = Board(folder, compile_client(compiler, folder / "client", "driver.c", "-O1"))
    its.start()
    yield its
    its.cut()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def crowd():
    return Crowd()


@pytest.fixture(scope="module")
def figures():
    """What was measured, by name."""
    return {}


def verify_next(driver, crowd):
    """Verify a signature over the UART that was not seen before, and compare with what is decided here."""
    probe = next(crowd.probes)
    driver.send_capture(1, probe, piece=16)
    said, expected = driver.ask(f"verify {PERSON} 1"), crowd.here.verify(PERSON, probe)
    assert said["kind"] == DECISION, said
    assert said["outcome"] == expected.outcome
    assert said["score"] == pytest.approx(expected.score, abs=1e-4)  # each store turns its templates


def enroll(driver, name, captures):
    """Enroll over the UART, and return whether it was acknowledged; False: the line broke."""
    if driver.say(f"enroll {name} {len(captures)}"):
        return False
    for number, each in enumerate(captures):
        try:
            driver.send_capture(number, each, piece=16)
        except AssertionError:
            return False
        if driver.say(f"add {number}"):
            return False
        assert driver.answers[0]["accepted"], driver.answers
    return commit(driver, name)


def commit(driver, name):
    """Ask for what `enroll` ends with."""
    if driver.say("commit"):
        return False
    (answer,) = driver.answers
    assert (answer["kind"], answer["user_id"]) == (ENROLLED, name), answer
    return True


def users(driver):
    """Everybody that the daemon has."""
    names, more = [], True
    while more:
        answer = driver.ask(f"users {names[-1] if names else '-'}")
        names += answer["user_ids"]
        more = answer["more"]
    return set(names)


def is_sound(board):
    """Ask the doctor, every row of the store, and the audit log."""
    said = json.loads(board.run(f"sigverify doctor --store {STORE} --key {KEY} --json"))
    assert said["bad"] == [], said
    (store,) = (each for each in said["findings"] if each["name"] == "store")
    assert store["state"] == "ok", store
    for command in ("store check", "audit verify"):
        board.run(f"{AS_SERVICE} sigverify {command} --store {STORE} --key fd:0 < {KEY}")


def test_the_package_installed_offline_and_started_nothing(board):
    log = Path(IMAGE, "installed.log").read_text()
    assert f"made {KEY}" in log
    assert "nothing was started" in log
    assert board.run("uname -m") == "aarch64\n"
    for unit in (DAEMON, KIOSK):
        said = board.show(unit, "LoadState", "ActiveState", "UnitFileState")
        assert said == {"LoadState": "loaded", "ActiveState": "inactive", "UnitFileState": "disabled"}


def test_the_doctor_is_content(board):
    said = json.loads(board.run("sigverify doctor --json"))
    found = {each["name"]: each for each in said["findings"]}
    assert said["bad"] == []
    for name in ("runtime", "native core", "model", "image model"):
        assert found[name]["state"] == "ok", found[name]


def test_systemd_starts_daemon_and_page(board):
    (fence,) = re.findall(r"```ini\n(\[Service\]\n(?:[^`]*)ttyAMA0(?:[^`]*))```", PAGE.read_text())
    (options,) = re.findall(r"^SERVE_OPTIONS=.*ttyAMA0.*$", PAGE.read_text(), re.MULTILINE)
    board.run(f"mkdir /etc/systemd/system/{DAEMON}.d")
    board.run(f"cat > /etc/systemd/system/{DAEMON}.d/serial.conf <<'END'\n{fence}END")
    board.run(f"echo '{options}' > /etc/sigverify/daemon.conf && systemctl daemon-reload")
    board.run(f"systemctl enable --now {DAEMON} {KIOSK}")
    for unit in (DAEMON, KIOSK):
        said = board.show(unit, "ActiveState", "UnitFileState", "NRestarts")
        assert said == {"ActiveState": "active", "UnitFileState": "enabled", "NRestarts": "0"}


def test_a_pen_at_the_uart_enrolls_and_is_decided_on_as_here(board, crowd):
    with board.pen() as driver:
        assert enroll(driver, PERSON, crowd.references)
        for _ in range(3):
            verify_next(driver, crowd)
        assert users(driver) == {PERSON}


def page(board, path, **body):
    """Ask the kiosk's page through the emulator, by the name that a browser of the board uses."""
    headers = {"Host": "127.0.0.1:8080", "Sigverify-Request": "1", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body else None
    request = Request(f"http://127.0.0.1:{board.emulator.page}{path}", data, headers)
    with urlopen(request, timeout=BOOT_S) as answer:  # noqa: S310  # http, to this machine
        return answer.read().decode()


def test_the_page_answers_and_knows_who_the_pen_enrolled(board, crowd):
    board.run("until : < /dev/tcp/127.0.0.1/8080; do sleep 1; done 2> /dev/null")
    assert "<title>" in page(board, "/")
    assert json.loads(page(board, "/api/health"))["healthy"]
    probe = next(crowd.probes)
    said = json.loads(
        page(board, "/api/verify", user_id=PERSON, strokes=json.loads(signature_pad.encode(probe)))
    )
    assert said["outcome"] == crowd.here.verify(PERSON, probe).outcome


def test_the_fences_stand(board, figures):
    for unit, most in EXPOSED.items():
        said = board.run(f"systemd-analyze security --no-pager --threshold={most} {unit} | tail -n 2")
        figures[f"exposure of {unit}"] = re.search(r"level for \S+: ([\d.]+)", said)[1]
        status = board.run(f"cat /proc/{board.show(unit, 'MainPID')['MainPID']}/status")
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert (fields["Seccomp"], fields["NoNewPrivs"]) == ("2", "1")
        assert {int(fields[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {0}
    assert board.run(f"stat -c %a:%U {STORE} /run/sigverify/socket") == "600:sigverify\n660:sigverify\n"


def test_killed_the_daemon_is_there_again(board, crowd):
    board.run(f"systemctl kill --signal=KILL --kill-whom=main {DAEMON}")
    with board.pen() as driver:
        verify_next(driver, crowd)
        assert users(driver) == {PERSON}
    said = board.show(DAEMON, "ActiveState", "NRestarts")
    assert said == {"ActiveState": "active", "NRestarts": "1"}
    is_sound(board)


def test_a_daemon_that_hangs_is_started_anew(board, crowd):
    before = board.show(DAEMON, "MainPID", "WatchdogUSec")
    assert before["WatchdogUSec"] == "20s"
    board.run(f"kill -STOP {before['MainPID']}")
    board.run(f"until [ $(systemctl show --value --property=NRestarts {DAEMON}) = 2 ]; do sleep 1; done")
    with board.pen() as driver:
        verify_next(driver, crowd)
    assert board.show(DAEMON, "MainPID") != {"MainPID": before["MainPID"]}


def test_reload_keeps_the_process_and_stop_ends_it_well(board, crowd):
    before = board.show(DAEMON, "MainPID")
    board.run(f"systemctl reload {DAEMON}")
    with board.pen() as driver:
        verify_next(driver, crowd)
    assert board.show(DAEMON, "MainPID") == before
    board.run(f"systemctl stop {DAEMON} {KIOSK}")
    for unit in (DAEMON, KIOSK):
        said = board.show(unit, "ActiveState", "Result", "ExecMainStatus")
        assert said == {"ActiveState": "inactive", "Result": "success", "ExecMainStatus": "0"}
    board.run(f"systemctl start {DAEMON} {KIOSK}")


def boot(board, crowd):
    """Switch it on, and note how long it takes until the pen has its first decision."""
    board.start()
    with board.pen() as driver:
        verify_next(driver, crowd)
        wall = time.monotonic() - board.emulator.started
        own = float(board.run("cat /proc/uptime").split()[0])
        board.boots.append((wall, own))
        return users(driver)


def test_the_disk_loses_what_was_written_and_not_flushed(board, crowd):
    """Without this the cuts that follow would show nothing: the disk of most emulators forgets nothing."""
    for name in ("flushed", "written"):
        board.run(f"yes old | head -c 4096 > /root/{name}")
    board.run("sync")
    block = "bs=4096 count=1 iflag=fullblock oflag=direct"
    board.run(f"yes new | dd of=/root/flushed {block} conv=notrunc,fsync")
    board.run(f"yes new | dd of=/root/written {block} conv=notrunc")
    board.cut()
    assert boot(board, crowd) == {PERSON}
    assert board.run("head -n 1 /root/flushed /root/written -q") == "new\nold\n"
    is_sound(board)


def usual_seconds(board, crowd):
    """How long it takes to enroll somebody, and the commit alone."""
    with board.pen() as driver:
        begun = time.monotonic()
        driver.must(f"enroll usual {FEW}")
        for number, each in enumerate(crowd.somebody()):
            driver.send_capture(number, each, piece=16)
            driver.must(f"add {number}")
        committing = time.monotonic()
        assert commit(driver, "usual")
        ended = time.monotonic()
    return ended - begun, ended - committing


def test_the_power_is_cut_while_people_are_enrolled(board, crowd, figures):
    """Who was acknowledged is there; who was under way is there wholly or not at all; nobody else is."""
    rng = random.Random(2026)
    whole_s, commit_s = usual_seconds(board, crowd)
    acknowledged, unsure, kept = {PERSON, "usual"}, set(), 0
    for turn, moment in zip(range(CUTS), cycle(MOMENTS)):
        first, second = (f"{moment}-{turn}-{number}" for number in range(2))
        with board.pen() as driver:
            assert enroll(driver, first, crowd.somebody())
            acknowledged.add(first)
            unsure.add(second)
            before_s = {"acknowledged": BOOT_S, "any": 0.0, "commit": whole_s - commit_s}[moment]
            timer = threading.Timer(before_s + rng.uniform(0, commit_s if before_s else whole_s), board.cut)
            timer.start()
            if enroll(driver, second, crowd.somebody()):
                acknowledged.add(second)
            timer.cancel()
            board.cut()
            timer.join()
        there = boot(board, crowd)
        assert acknowledged <= there <= acknowledged | unsure, moment
        kept += len(there & unsure - acknowledged)
        acknowledged |= there  # what is there now is there for good
        is_sound(board)
    figures["power cuts"] = CUTS
    figures["people acknowledged, none lost"] = len(acknowledged) - kept
    figures["unacknowledged, but stored whole"] = kept


def test_no_program_failed(board):
    log = f"journalctl --no-pager --unit={DAEMON} --unit={KIOSK}"
    assert "Started" in board.run(log)
    board.run(f"! {log} | grep Traceback")


def test_what_it_takes(board, figures, capsys):
    board.run("until : < /dev/tcp/127.0.0.1/8080; do sleep 1; done 2> /dev/null")
    for unit in (DAEMON, KIOSK):
        pid = board.show(unit, "MainPID")["MainPID"]
        rollup = board.run(f"cat /proc/{pid}/smaps_rollup")
        resident, shared_out = (
            int(re.search(rf"^{name}:\s+(\d+)", rollup, re.MULTILINE)[1]) for name in ("Rss", "Pss")
        )
        peak = int(board.run(f"cat /sys/fs/cgroup/system.slice/{unit}/memory.peak"))
        figures[f"memory of {unit}, MB"] = (
            f"{resident / 1024:.0f} resident, {shared_out / 1024:.0f} of them its own share; "
            f"peak of the unit with the files it read {peak / 2**20:.0f}"
        )
    free = dict(line.split(":", 1) for line in board.run("cat /proc/meminfo").splitlines())
    total, left = (int(free[name].split()[0]) / 1024 for name in ("MemTotal", "MemAvailable"))
    figures[f"memory of the whole board of {MEMORY_MB}, MB"] = f"{total - left:.0f} in use, {left:.0f} left"
    for column, name in enumerate(("seconds of this machine", "seconds of the board's clock")):
        its = [each[column] for each in board.boots]
        figures[f"power on to first decision, {name}"] = (
            f"{statistics.median(its):.1f}, of {len(its)} from {min(its):.1f} to {max(its):.1f}"
        )
    lines = [f"emulated: {PROCESSOR}, {CORES} cores, {MEMORY_MB} MB; its speed is that of the emulator"]
    lines += [f"{name}: {value}" for name, value in figures.items()]
    with capsys.disabled():
        sys.stdout.write("\n".join(["", *lines, ""]))


def test_removed_and_installed_again_everybody_is_there(board, crowd):
    with board.pen() as driver:
        before = users(driver)
    assert "kept /var/lib/sigverify" in board.run("dpkg --remove sigverify")
    assert board.run(f"systemctl is-active {DAEMON} {KIOSK}", code=3).split() == ["inactive", "inactive"]
    board.run("test ! -e /usr/bin/sigverify && dpkg --install /root/sigverify.deb")
    board.run(f"systemctl start {DAEMON} {KIOSK}")
    with board.pen() as driver:
        assert users(driver) == before
        verify_next(driver, crowd)
    is_sound(board)


def test_purged_nothing_is_left(board):
    assert "removing /var/lib/sigverify, with all references" in board.run("dpkg --purge sigverify")
    board.run(f"test ! -e /var/lib/sigverify && test ! -e {KEY} && test ! -e /usr/lib/sigverify")
    assert board.show(DAEMON, "ActiveState", "LoadState") == {
        "ActiveState": "inactive",
        "LoadState": "not-found",
    }
