"""Print how many megabytes `pip install sigverify` puts on a device, and with its command; what weighs most.

Installs into throw-away folders: pip and setuptools are not counted. A megabyte is 2^20 bytes on disk, as
`du -m` counts. Bytecode (`__pycache__`) is part of it; `pip install --no-compile` leaves it away.
"""

import platform
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

TARGET_MB = 120
HEAVIEST = 6
ROOT = Path(__file__).parent.parent
MACHINES = {platform.machine(): "this machine", "aarch64": "64-bit ARM (Raspberry Pi OS 12)"}


def main():
    """Measure every platform."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "-qqq", "--disable-pip-version-check"]
        subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        for (machine, name), extra in product(MACHINES.items(), ("", "[cli]")):
            target = Path(folder, f"{machine}{extra}")
            script = ROOT / "distribution" / "device_install.py"
            subprocess.run([sys.executable, script, target, f"{wheel}{extra}", machine], check=True)
            _report(f"sigverify{extra}, {name}", target)


def _report(name, folder):
    parts = {part.name: _megabytes(part) for part in folder.iterdir()}
    total, bytecode = sum(parts.values()), sum(_megabytes(part) for part in folder.rglob("__pycache__"))
    lines = [
        f"{name}",
        f"{total:8.1f} MB in all, {total - bytecode:.1f} MB with --no-compile (target: {TARGET_MB} MB)",
        *(f"{parts[part]:8.1f}    {part}" for part in sorted(parts, key=parts.get, reverse=True)[:HEAVIEST]),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _megabytes(path):
    """Return what a file or folder takes on disk."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_blocks * 512 for file in files) / 2**20


if __name__ == "__main__":
    main()
