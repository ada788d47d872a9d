"""Take the pictures of docs/gallery.md: run its commands, and keep what the page shows.

    python docs/gallery.py

Needs what `pip install 'sigverify[evaluate]'` brings. Each picture names a digest of the commands and of the
files that draw; a test compares that, not pixels: those differ from one release of a library to the next.
"""

import hashlib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image
from PIL.PngImagePlugin import PngInfo

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = Path(__file__).with_suffix(".md")
FOLDER: Final = ROOT / "docs" / "pictures" / "gallery"
DRAWN_BY: Final = (
    *(ROOT / "sigverify" / "plotting").glob("*.py"),
    ROOT / "sigverify/evaluation/page/plots.py",
)
DIGEST: Final = "inputs"
"""The name under which a picture has the digest."""
WIDTH: Final = 1000
COLORS: Final = 64
ANSWERED: Final = (0, 3)
"""Exit codes: done or accepted, and rejected, as a forgery is."""


def commands() -> list[str]:
    """Return the commands of the page, in order."""
    return re.findall(r"^```sh\n(.*?)\n```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def shown() -> list[str]:
    """Return the names of the pictures of the page."""
    return re.findall(r"\(pictures/gallery/([^)]+)\)", PAGE.read_text("utf-8"))


def digest() -> str:
    """Return the digest of what decides how the pictures look."""
    parts = [*(path.read_bytes() for path in sorted(DRAWN_BY)), *(each.encode() for each in commands())]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def main() -> None:
    """Run the commands in a folder of their own, and take the pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for command in commands():
            words = [sys.executable, "-m", *shlex.split(command)]
            done = subprocess.run(words, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)  # noqa: S603 - this interpreter, our commands
            if done.returncode not in ANSWERED:
                raise SystemExit(f"{command}: exit code {done.returncode}")
        made = {path.name: path for path in (*folder.glob("*.png"), *(folder / "report").glob("*.png"))}
        for picture in shown():
            _save(made[picture], FOLDER / picture)


def _save(source: Path, target: Path) -> None:
    """Keep a picture, in few colours, with the digest."""
    picture = Image.open(source).convert("RGB")
    picture.thumbnail((WIDTH, 2 * WIDTH))
    said = PngInfo()
    said.add_text(DIGEST, digest())
    few = picture.quantize(COLORS, dither=Image.Dither.NONE)
    few.save(target, optimize=True, pnginfo=said)


if __name__ == "__main__":
    main()
