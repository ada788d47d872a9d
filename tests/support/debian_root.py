"""Make a folder with a Debian of this machine's release, to install the package into; nothing else changes.

    python tests/support/debian_root.py FOLDER

Prints the folder. Needs debootstrap, unshare, root, and the mirror that this machine's apt asks.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NEEDED = ("debootstrap", "unshare", "apt-get")
WANTED = "python3,adduser,libstdc++6"


def main():
    """Make it, unless it is there."""
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    if lacking or os.geteuid() != 0:
        raise SystemExit(f"not here: {', '.join([*lacking, *(['root'] if os.geteuid() else [])])}")
    folder = Path(sys.argv[1]).absolute()
    if not (folder / "usr" / "bin" / "python3").exists():
        shutil.rmtree(folder, ignore_errors=True)
        release = release_name()
        options = ["--variant=minbase", f"--include={WANTED}"]
        subprocess.run(
            ["debootstrap", *options, release, folder, mirror(release)], check=True, stdout=sys.stderr
        )
    sys.stdout.write(f"{folder}\n")


def release_name():
    """Return the name of this machine's Debian."""
    lines = Path("/etc/os-release").read_text().splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith("VERSION_CODENAME="))


def mirror(release):
    """Return where this machine has that release from."""
    asked = ["apt-get", "indextargets", "--format", "$(SITE)", f"Release: {release}", "Component: main"]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()[0]


if __name__ == "__main__":
    main()
