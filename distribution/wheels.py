"""Build the wheels: one for each platform, with libsigverify compiled for it, and one for all others without.

    python distribution/wheels.py FOLDER [PLATFORM …]

The library is compiled by zig's C compiler (`pip install ziglang`), which knows the symbols of every glibc:
so the wheels ask for no newer one than their names say. The same source gives the same bytes, with the time
of SOURCE_DATE_EPOCH, or one that hatchling chose once.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from firmware_bridge.libsigverify.build import build

ROOT = Path(__file__).parents[1]
GLIBC = (2, 17)
"""Of 2012: older than anything that an interpreter for the networks runs on."""
TARGETS = {
    "x86_64": ("x86_64-linux-gnu", "baseline"),
    "aarch64": ("aarch64-linux-gnu", "baseline"),
    # As Debian's armhf: not every such processor has NEON, or more than 16 registers for floating point.
    "armv7l": ("arm-linux-gnueabihf", "baseline-neon-d32"),
}
"""Machine -> zig's name for it, and the processor."""


def main():
    """Build all of them, or those that are named."""
    folder, *machines = sys.argv[1:]
    for wheel in build_wheels(Path(folder), machines or TARGETS):
        sys.stdout.write(f"{wheel}\n")


def build_wheels(folder, machines):
    """Build the wheels of some machines, and the pure one; return their paths."""
    with tempfile.TemporaryDirectory() as scratch:
        for machine in machines:
            library = compiled(machine, Path(scratch, machine))
            wheel(folder, SIGVERIFY_WHEEL_LIBRARY=str(library), SIGVERIFY_WHEEL_PLATFORM=platform(machine))
    wheel(folder)
    return sorted(folder.glob("*.whl"))


def compiled(machine, folder):
    """Compile the library for a machine into a folder that is made."""
    folder.mkdir(parents=True)
    target, processor = TARGETS[machine]
    compiler = f"{sys.executable} -m ziglang cc -target {target}.{GLIBC[0]}.{GLIBC[1]} -mcpu={processor}"
    return build(folder / "libsigverify.so", compiler=compiler, flags=("-shared", "-s"))


def platform(machine):
    """Return the tag of a platform."""
    return f"manylinux_{GLIBC[0]}_{GLIBC[1]}_{machine}"


def wheel(folder, **variables):
    """Build one wheel, without a network; see hatch_build.py for the variables."""
    command = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "--target",
        "wheel",
        "--directory",
        folder.absolute(),
    ]
    subprocess.run(command, cwd=ROOT, env=os.environ | variables, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    main()
