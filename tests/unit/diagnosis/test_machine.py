import io
import os
import shutil
import sys
import tempfile
from types import SimpleNamespace

import pytest

from sigverify.diagnosis import State, machine
from sigverify.policy.clock import Instant


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """Return a function that writes what the kernel tells, and have it read there."""
    monkeypatch.setattr(machine, "_SYS", tmp_path)

    def kernel(**said):
        for path, text in said.items():
            file = tmp_path / path.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n")

    return kernel


def test_python(monkeypatch):
    monkeypatch.setattr("platform.system", lambda: "Linux")
    assert machine.python().state is State.OK
    assert "Python 3." in machine.python().found
    monkeypatch.setattr("platform.system", lambda: "Plan9")
    assert machine.python().state is State.WARN
    assert "Linux" in machine.python().todo


@pytest.mark.parametrize(
    ("boot", "wall_s", "state", "said"),
    [
        ("b", 1.8e9, State.OK, "2027-01-15"),
        ("b", 0.0, State.BAD, "1970-01-01"),
        ("", 1.8e9, State.WARN, "does not tell one start"),
    ],
    ids=["set", "never set", "no boot id"],
)
def test_clock(monkeypatch, boot, wall_s, state, said):
    instant = Instant(boot=boot, boot_s=7200.0, wall_s=wall_s)
    monkeypatch.setattr(machine, "Instant", SimpleNamespace(now=lambda: instant))
    finding = machine.clock()
    assert finding.state is state
    assert said in finding.found
    assert "2.0 hours" in finding.found
    assert bool(finding.todo) == (state is not State.OK)


CPU = "devices__system__cpu__cpu0__cpufreq__scaling"


@pytest.mark.parametrize(
    ("governor", "driver", "state"),
    [
        ("schedutil", "cpufreq-dt", State.OK),
        ("powersave", "cpufreq-dt", State.WARN),
        ("powersave", "intel_pstate", State.OK),
    ],
)
def test_governor(kernel, governor, driver, state):
    kernel(**{f"{CPU}_governor": governor, f"{CPU}_driver": driver})
    finding = machine.governor()
    assert finding.state is state
    assert governor in finding.found


@pytest.mark.usefixtures("kernel")
def test_a_kernel_that_tells_nothing():
    assert machine.governor().state is State.OK
    assert "names none" in machine.governor().found
    assert machine.heat().state is State.OK
    assert "no temperature" in machine.heat().found


FIRMWARE = "devices__platform__soc__soc:firmware__get_throttled"
COUNT = "devices__system__cpu__cpu0__thermal_throttle__core_throttle_count"
ZONES = "class__thermal__thermal_zone{}__temp"


@pytest.mark.parametrize(
    ("said", "state", "words"),
    [
        ({ZONES.format(0): 41_000, ZONES.format(1): 52_400, FIRMWARE: "0", COUNT: 0}, State.OK, "52 °C"),
        ({ZONES.format(0): 84_000}, State.WARN, "84 °C: so hot"),
        ({FIRMWARE: "50005"}, State.WARN, "slowed down now"),
        ({FIRMWARE: "50000"}, State.WARN, "was slowed down"),
        ({COUNT: 3}, State.WARN, "was slowed down"),
    ],
    ids=["cool", "hot", "slowed now", "slowed before", "counted"],
)
def test_heat(kernel, said, state, words):
    kernel(**said)
    finding = machine.heat()
    assert finding.state is state
    assert words in finding.found
    assert bool(finding.todo) == (state is not State.OK)


def test_entropy(monkeypatch):
    assert machine.entropy().state is State.OK

    def dry(*_):
        raise BlockingIOError

    monkeypatch.setattr(os, "getrandom", dry, raising=False)
    monkeypatch.setattr(os, "GRND_NONBLOCK", 1, raising=False)
    assert machine.entropy().state is State.BAD
    monkeypatch.delattr(os, "getrandom")
    assert machine.entropy().state is State.OK


def test_sync_leaves_nothing(tmp_path):
    finding = machine.sync(tmp_path, needed=True)
    assert (finding.name, finding.state) == ("disk sync", State.OK)
    assert list(tmp_path.iterdir()) == []


def test_a_slow_disk(tmp_path, monkeypatch):
    now = iter([0.0, 0.5])
    monkeypatch.setattr(machine, "time", SimpleNamespace(perf_counter=lambda: next(now)))
    finding = machine.sync(tmp_path, needed=True)
    assert finding.state is State.WARN
    assert "500.0 ms" in finding.found


@pytest.mark.parametrize(("needed", "state"), [(True, State.BAD), (False, State.WARN)])
def test_a_folder_that_cannot_be_written_to(tmp_path, monkeypatch, needed, state):
    def refuse(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    finding = machine.sync(tmp_path, needed=needed)
    assert finding.state is state
    assert "Permission denied" in finding.found


@pytest.mark.parametrize(("mib", "state"), [(500, State.OK), (100, State.WARN), (5, State.BAD)])
def test_space(tmp_path, monkeypatch, mib, state):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=mib << 20))
    finding = machine.space(tmp_path)
    assert finding.state is state
    assert f"{mib} MiB" in finding.found


@pytest.mark.parametrize(("encoding", "state"), [("utf-8", State.OK), ("ascii", State.WARN)])
def test_screen(monkeypatch, encoding, state):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert machine.screen().state is state


def test_a_screen_that_is_closed(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert machine.screen().state is State.WARN
