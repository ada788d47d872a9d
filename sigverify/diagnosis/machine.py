"""What the machine itself brings: Python, clocks, processor, random numbers, disk, screen.

All is only read, but for one temporary file that `sync` writes and that has no name.
"""

import os
import platform
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sigverify.diagnosis.finding import Finding, State
from sigverify.errors import one_line
from sigverify.policy.clock import Instant
from sigverify.words import preferred_language

YEARS: Final = range(2025, 2100)
"""A clock that says another year was never set."""
HOT_C: Final = 80.0
"""From here on processors of small boards become slower."""
SLOW_SYNC_S: Final = 0.2
"""An enrolment and each counted try wait for one sync or two; more than this, people notice."""
LITTLE_BYTES: Final = 200 << 20
TOO_LITTLE_BYTES: Final = 20 << 20

_SYS: Final = Path("/sys")
_PAGE: Final = b"\0" * 4096
_THROTTLED_NOW: Final = 0b0111
"""Bits of a Raspberry Pi's firmware: too low a voltage, a capped frequency, throttled."""
_THROTTLED_BEFORE: Final = _THROTTLED_NOW << 16
_SCALES_BY_ITSELF: Final = frozenset({"intel_pstate", "amd-pstate-epp"})
"""Drivers whose `powersave` still goes up to the highest frequency under load."""


def python() -> Finding:
    """Look at the interpreter and the machine it runs on."""
    found = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    if platform.system() != "Linux":
        return Finding(
            name="python",
            state=State.WARN,
            found=found,
            todo="Only Linux is tested: try every function that you need",
        )
    return Finding(name="python", state=State.OK, found=found)


def clock() -> Finding:
    """Look at the two clocks that waiting times and the audit log are told by."""
    now = Instant.now()
    wall = datetime.fromtimestamp(now.wall_s, UTC)
    found = f"{wall:%Y-%m-%d %H:%M} UTC, {now.boot_s / 3600:.1f} hours since the start"
    if wall.year not in YEARS:
        return Finding(
            name="clock",
            state=State.BAD,
            found=found,
            todo="Set the clock (timedatectl, a battery for the RTC): logs and waiting times carry its date",
        )
    if not now.boot:
        return Finding(
            name="clock",
            state=State.WARN,
            found=f"{found}; the system does not tell one start from another",
            todo="Who has failed may wait longer after a restart: show /proc/sys/kernel/random/boot_id to it",
        )
    return Finding(name="clock", state=State.OK, found=found)


def governor() -> Finding:
    """Look at how Linux chooses the processor's frequency."""
    cores = sorted(_SYS.glob("devices/system/cpu/cpu[0-9]*/cpufreq"))
    named = {_read(core / "scaling_governor") for core in cores} - {""}
    if not named:
        return Finding(name="cpu governor", state=State.OK, found="the system names none: nothing to set")
    drivers = {_read(core / "scaling_driver") for core in cores}
    found = ", ".join(sorted(named))
    if "powersave" in named and not drivers <= _SCALES_BY_ITSELF:
        return Finding(
            name="cpu governor",
            state=State.WARN,
            found=f"{found}: the processor stays at its lowest frequency",
            todo="Take schedutil or performance: cpupower frequency-set -g schedutil",
        )
    return Finding(name="cpu governor", state=State.OK, found=found)


def heat() -> Finding:
    """Look whether heat or a weak supply slows the processor."""
    firmware = _read(_SYS / "devices/platform/soc/soc:firmware/get_throttled")
    flags = int(firmware, 16) if firmware else 0
    hottest = max((each / 1000 for each in _numbers("class/thermal/thermal_zone*/temp")), default=None)
    times = sum(_numbers("devices/system/cpu/cpu[0-9]*/thermal_throttle/core_throttle_count"))
    said = "the system names no temperature" if hottest is None else f"{hottest:.0f} °C"
    if flags & _THROTTLED_NOW:
        found, todo = (
            f"{said}; slowed down now, by heat or a weak supply",
            "Take a stronger supply, and a heat sink or a fan",
        )
    elif hottest is not None and hottest >= HOT_C:
        found, todo = f"{said}: so hot, it slows down", "Give it air, a heat sink or a fan"
    elif flags & _THROTTLED_BEFORE or times:
        found, todo = (
            f"{said}; was slowed down since the start",
            "Look at the supply and the cooling when it is busy",
        )
    else:
        return Finding(name="heat", state=State.OK, found=said)
    return Finding(name="heat", state=State.WARN, found=found, todo=todo)


def entropy() -> Finding:
    """Look whether the system has random numbers for keys, without waiting for them."""
    if not hasattr(os, "getrandom"):
        os.urandom(1)
        return Finding(name="entropy", state=State.OK, found="by os.urandom; this system never waits")
    try:
        os.getrandom(32, os.GRND_NONBLOCK)
    except BlockingIOError:
        return Finding(
            name="entropy",
            state=State.BAD,
            found="the system has gathered no random numbers yet",
            todo="Begin after the boot has settled, or install rngd or haveged: keys and seals need them",
        )
    return Finding(name="entropy", state=State.OK, found="random numbers at once")


def sync(folder: Path, *, needed: bool) -> Finding:
    """Write a temporary file and wait until the disk has it.

    Args:
        folder: where; it must be there.
        needed: whether a store lies there, so that this must work.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(_PAGE)
            file.flush()
            begun = time.perf_counter()
            os.fsync(file.fileno())
            took_s = time.perf_counter() - begun
    except OSError as error:
        return Finding(
            name="disk sync",
            state=State.BAD if needed else State.WARN,
            found=f"cannot write in {folder}: {one_line(error)}",
            todo="Let this user write there: a store keeps its journal beside it",
        )
    found = f"{1000 * took_s:.1f} ms in {folder}"
    if took_s > SLOW_SYNC_S:
        return Finding(
            name="disk sync",
            state=State.WARN,
            found=found,
            todo="Enrolling waits for it: put the store on a faster medium (an SSD or eMMC, no cheap card)",
        )
    return Finding(name="disk sync", state=State.OK, found=found)


def space(folder: Path) -> Finding:
    """Look how much room is left where the store lies."""
    free = shutil.disk_usage(folder).free
    found = f"{free >> 20} MiB free in {folder}"
    if free >= LITTLE_BYTES:
        return Finding(name="disk space", state=State.OK, found=found)
    return Finding(
        name="disk space",
        state=State.BAD if free < TOO_LITTLE_BYTES else State.WARN,
        found=found,
        todo="Make room: on a full disk nobody can be enrolled and no try is counted",
    )


def screen() -> Finding:
    """Look what standard output can print."""
    encoding = getattr(sys.stdout, "encoding", None) or "none"
    found = f"{encoding}, language {preferred_language()}"
    try:
        "é–ß山".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return Finding(
            name="locale",
            state=State.WARN,
            found=f"{found}: names are printed as escapes",
            todo="Set LC_ALL=C.UTF-8, or PYTHONUTF8=1",
        )
    return Finding(name="locale", state=State.OK, found=found)


def _read(path: Path) -> str:
    """Return a line that the kernel tells; "" where there is none."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _numbers(pattern: str) -> list[int]:
    """Return the whole numbers that the kernel tells in files of that name."""
    said = (_read(path) for path in sorted(_SYS.glob(pattern)))
    return [int(each) for each in said if each.removeprefix("-").isdecimal()]
