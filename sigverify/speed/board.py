"""`Board`: what kind of machine this is, and nothing that tells one machine of a kind from another."""

import os
import platform
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Self

from sigverify.diagnosis import machine

PACKAGES: Final = (
    "numpy",
    "ai-edge-litert",
    "tflite-runtime",
    "tensorflow",
    "tensorflow-cpu",
    "cryptography",
)
"""Packages whose version decides how fast it is."""
_ARM_PARTS: Final = {
    "0xd03": "Cortex-A53", "0xd04": "Cortex-A35", "0xd05": "Cortex-A55", "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72", "0xd09": "Cortex-A73", "0xd0b": "Cortex-A76", "0xc07": "Cortex-A7",
    "0xb76": "ARM1176",
}  # fmt: skip
"""Linux names no processor on ARM. Source: Arm, part numbers of MIDR_EL1 in each core's reference manual."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """What a machine is. No name, address or serial number of it is read.

    Attributes:
        board: as its device tree names it ("Raspberry Pi 4 Model B Rev 1.4"); "" where there is none.
        processor: its model.
        architecture: as the kernel says: x86_64, aarch64, armv7l.
        bits: of a pointer of this Python: 32 on a 32-bit system under a 64-bit kernel.
        cores: that this process may use.
        memory_mb: of the machine; None where the system does not say.
        system: the operating system's release.
        kernel: its version.
        python: its version.
        packages: versions of those of `PACKAGES` that are installed.
        governor: how the processor's frequency is chosen.
        heat: how hot it is, and whether it was slowed down.
    """

    board: str
    processor: str
    architecture: str
    bits: int
    cores: int
    memory_mb: int | None
    system: str
    kernel: str
    python: str
    packages: dict[str, str]
    governor: str
    heat: str

    @classmethod
    def here(cls, root: Path = Path("/")) -> Self:
        """Look at this machine; what its files say is read below `root`."""
        return cls(
            board=_read(root / "proc/device-tree/model").strip("\0 \n"),
            processor=processor(_read(root / "proc/cpuinfo")) or platform.processor(),
            architecture=platform.machine(),
            bits=64 if sys.maxsize > 2**32 else 32,
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            memory_mb=memory_mb(_read(root / "proc/meminfo")),
            system=release(_read(root / "etc/os-release")) or platform.system(),
            kernel=platform.release(),
            python=f"{platform.python_implementation()} {platform.python_version()}",
            packages=_versions(),
            governor=machine.governor().found,
            heat=machine.heat().found,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)


def processor(cpuinfo: str) -> str:
    r"""Return the processor's name in what Linux says of it; on ARM it says a number.

    >>> processor("model name\t: Fast 3000\n"), processor("CPU part\t: 0xd08\n"), processor("")
    ('Fast 3000', 'Cortex-A72', '')
    """
    told = _fields(cpuinfo)
    part = told.get("CPU part", "")
    return _ARM_PARTS.get(part.lower()) or told.get("model name") or (part and f"CPU part {part}")


def memory_mb(meminfo: str) -> int | None:
    r"""Return the megabytes of memory in what Linux says of it.

    >>> memory_mb("MemTotal:        2048000 kB\n"), memory_mb("")
    (2000, None)
    """
    number = _fields(meminfo).get("MemTotal", "").removesuffix(" kB")
    return int(number) // 1024 if number.isdecimal() else None


def release(os_release: str) -> str:
    r"""Return what a system calls itself.

    >>> release('NAME=Debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    'Debian GNU/Linux 12 (bookworm)'
    """
    lines = (line.partition("=") for line in os_release.splitlines())
    return next((value.strip('"') for name, _, value in lines if name == "PRETTY_NAME"), "")


def _fields(text: str) -> dict[str, str]:
    """Return `name: value` lines; of a name that comes for each core, the first one's."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        found.setdefault(name.strip(), value.strip())
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
