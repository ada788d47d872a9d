"""Take the README's pictures: the kiosk's page after a verification, and the head of an evaluation's report.

    python docs/pictures.py

Needs what `pip install 'sigverify[dev,evaluate]'` brings, and a Chromium. Everybody in them is invented. Each
picture names a digest of the files that decide how it looks; a test compares that, not pixels: those differ
from one browser and one font to the next.
"""

import hashlib
import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = Path(__file__).with_suffix("")
SUPPORT: Final = ROOT / "tests" / "support"
PAGE: Final = ROOT / "firmware_bridge" / "kiosk" / "page"
REPORT: Final = ROOT / "sigverify" / "evaluation" / "page"
INPUTS: Final = {
    "kiosk.png": (PAGE / "index.html", PAGE / "kiosk.css"),
    "report.png": (
        REPORT / "html.py",
        *(REPORT / "templates" / name for name in ("page.html", "page.css", "parts.html", "report.html")),
    ),
}
"""Of each picture the files that decide how it looks."""
DIGEST: Final = "inputs"
"""The name under which a picture has the digest."""
COLORS: Final = 64
"""Of a picture: enough for a page, and a third of the bytes."""
CORPUS: Final = "synthetic:writers=40,genuine=10,skilled=10,seed=7"


def digest(name: str) -> str:
    """Return the digest of what decides how a picture looks."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in INPUTS[name])).hexdigest()


def main() -> None:
    """Take both pictures."""
    sys.path.insert(0, str(SUPPORT))
    from playwright.sync_api import sync_playwright

    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox", "--lang=en"])
        _save("kiosk.png", kiosk(browser, Path(folder)))
        _save("report.png", report(browser, Path(folder)))
        browser.close()


def kiosk(browser: Any, folder: Path) -> bytes:
    """Return the page where somebody who enrolled at it was accepted."""
    from in_browser import Running, sign_in

    *references, probe = _signatures(folder / "samples")
    running = Running(folder / "kiosk.db")
    try:
        page = browser.new_page(viewport={"width": 800, "height": 480})
        page.goto(running.url + "?lang=en")
        page.wait_for_selector("body[data-ready]")
        sign_in(page)
        page.click("[data-view=enroll]")
        page.fill("#user", "alice")
        for done, reference in enumerate(references, start=1):
            _sign(page, reference)
            page.click("#go")
            said = f"{len(references) - done} more" if done < len(references) else "is enrolled"
            page.locator("#outcome", has_text=said).wait_for()
        page.click("[data-view=verify]")
        page.fill("#user", "alice")
        _sign(page, probe)
        page.click("#go")
        page.wait_for_selector("#outcome.accept")
        return page.screenshot()
    finally:
        running.close()


def report(browser: Any, folder: Path) -> bytes:
    """Return the head of the report on invented people."""
    command = [sys.executable, "-m", "sigverify", "evaluate", "base", "--corpus", CORPUS]
    subprocess.run([*command, "--out", str(folder / "report")], check=True, capture_output=True)  # noqa: S603 - this interpreter, our command
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    page.goto((folder / "report" / "report.html").as_uri())
    return page.screenshot()


def _signatures(folder: Path) -> list[Any]:
    """Return six genuine signatures of one invented person."""
    from sigverify import read_signature

    command = [sys.executable, "-m", "sigverify", "samples", "--out", str(folder)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - this interpreter, our command
    return [read_signature(folder / f"alice-{number}.csv") for number in range(1, 7)]


def _sign(page: Any, its: Any) -> None:
    """Write a signature on the pad; the page's y grows downwards."""
    pad = page.locator("#pad").bounding_box()
    x, y = its.x - its.x.min(), its.y.max() - its.y
    scale = 0.72 * min(pad["width"] / np.ptp(x), pad["height"] / np.ptp(y))
    left = pad["x"] + (pad["width"] - scale * np.ptp(x)) / 2
    top = pad["y"] + (pad["height"] - scale * np.ptp(y)) / 2
    rows = np.column_stack(
        [left + scale * x, top + scale * y, its.time_ms, its.pressure / its.pressure.max()]
    )
    strokes = [each.tolist() for each in np.split(rows, np.flatnonzero(~its.ink)) if len(each) > 1]
    page.evaluate((SUPPORT / "draw.js").read_text("utf-8"), strokes)


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("no Chromium here: install one (Debian: chromium)")
    return found


def _save(name: str, png: bytes) -> None:
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
    said = PngInfo()
    said.add_text(DIGEST, digest(name))
    picture.save(FOLDER / name, optimize=True, pnginfo=said)


if __name__ == "__main__":
    main()
