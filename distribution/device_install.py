"""Put into a folder what pip installs on a device, of any platform, from wheels; nothing of it is run.

python distribution/device_install.py FOLDER WHEEL[EXTRAS] MACHINE [PYTHON [OPTION …]]
"""

import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
GLIBCS = ("manylinux2014", *(f"manylinux_2_{minor}" for minor in (17, 27, 28, 34)))


def install(folder, wanted, machine, python="3.11", *options):
    """Install a wheel, maybe with extras, and what it depends on, as pinned.

    Args:
        folder: where to; it is made.
        wanted: the wheel's path, as "sigverify-….whl[bridge]".
        machine: as `uname -m` says there, "x86_64" or "aarch64".
        python: the version of the interpreter there.
        options: more of pip's.
    """
    folder = Path(folder)
    into = ["install", "--target", folder, "--only-binary=:all:", "--python-version", python, *options]
    into += [f"--platform={each}_{machine}" for each in GLIBCS]
    pip(*into, "--constraint", CONSTRAINTS, wanted)
    if machine != platform.machine():
        # pip asks this machine which of the two interpreters' versions is meant.
        for wrong in folder.glob("ai_edge_litert*"):
            shutil.rmtree(wrong)
        pip(*into, "--upgrade", "--no-deps", pinned("ai-edge-litert", machine))


def pinned(package, machine):
    """Return how constraints.txt pins a package of which each machine has another version."""
    sign = "==" if machine == "x86_64" else "!="
    line = rf'^({re.escape(package)}==\S+); platform_machine {sign} "x86_64"$'
    (found,) = re.findall(line, CONSTRAINTS.read_text(), re.MULTILINE)
    return found


def pip(*command):
    """Run this interpreter's pip, whose words go to standard error."""
    line = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *map(str, command)]
    subprocess.run(line, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    install(*sys.argv[1:])
