"""Print how many megabytes `pip install sigverify` without extras puts on a device, and what weighs most.

Installs into throw-away folders: pip and setuptools are not counted. A megabyte is 2^20 bytes on disk, as
`du -m` counts. Bytecode (`__pycache__`) is part of it; `pip install --no-compile` leaves it away.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

TARGET_MB = 150
HEAVIEST = 6
ROOT = Path(__file__).parent.parent
PLATFORMS = {
    "this machine": [],
    "64-bit ARM (Raspberry Pi OS 12)": [
        f"--platform=manylinux{tag}_aarch64" for tag in ("2014", "_2_17", "_2_27", "_2_28", "_2_34")
    ],
}


def main():
    """Measure every platform."""
    with tempfile.TemporaryDirectory() as folder:
        _pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT)
        (wheel,) = Path(folder).glob("*.whl")
        for name, tags in PLATFORMS.items():
            _report(name, _install(wheel, tags, Path(folder, name)))


def _install(wheel, tags, folder):
    """Install for one platform and return the folder."""
    constraints = ROOT / "constraints.txt"
    _pip("install", "--target", folder, "--only-binary=:all:", "--constraint", constraints, *tags, wheel)
    return folder


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


def _pip(command, *arguments):
    quiet = ["--quiet", "--quiet", "--quiet", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", command, *quiet, *map(str, arguments)], check=True)


if __name__ == "__main__":
    main()
