"""What scanners, desks, stamps and forms do to a picture, and what becomes of its writer.

Decides what `modality/image` removes, and what it calls a flaw.

    python benchmarks/disturbed_pictures.py -c bhsig260-hindi=bhsig260_hindi.zip
    python benchmarks/disturbed_pictures.py -c rendered:susig-blind=susig_blind.zip --half odd

Each signature is laid on a page with room around it, in black ink unless said otherwise, and the page is
disturbed: that of the probe only, or those of the probe and of the references. Five references are enrolled;
further genuine pictures, and genuine ones of other writers (strangers), are tried at the default rate.
Printed are genuine accepted of tried, strangers accepted of tried, and how many are said to be too poor.
Every second writer (`--half even`) is for choosing bounds, the others (`odd`) are for reporting.
"""

import argparse
import io
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

sys.path.insert(0, str(Path(__file__).parents[1]))

from sigverify import Policy, SignatureImage, Verifier
from sigverify.corpora import Corpus, open_corpus
from sigverify.errors import SigverifyError

REFERENCES: Final = 5
PROBES: Final = 5
"""Genuine pictures, and strangers, tried of each writer."""
BLACK: Final = (25, 25, 30)
BLUE_PEN: Final = (35, 50, 150)
BLUE_STAMP: Final = (60, 90, 200)
GREEN_STAMP: Final = (20, 140, 80)
RED_STAMP: Final = (205, 40, 50)
WORDS: Final = (
    "Place, date and signature of the applicant",
    "I have read the terms and agree to them",
    "Please sign within the box, in black ink",
)

Rng = np.random.Generator
Disturb = Callable[[Image.Image, Rng], Image.Image]
"""From a signature on its page, RGB, to the same disturbed. Each call may move things by a few pixels."""


def on_page(grey: np.ndarray, colour: tuple[int, int, int] = BLACK) -> Image.Image:
    """Lay grey levels of a signature `(h, w)` on a page of 600 pixels, in ink of that colour: RGB."""
    its = Image.fromarray(grey)
    factor = 440 / max(its.width, 2 * its.height)
    its = its.resize(
        (max(8, round(its.width * factor)), max(8, round(its.height * factor))),
        Image.Resampling.BOX if factor < 1 else Image.Resampling.BICUBIC,
    )
    levels = np.asarray(its, np.float64)
    paper = np.median(levels)
    share = np.clip(paper - levels, 0, None) / max(float(paper - levels.min()), 1.0)
    # Noise of the paper, and shades of it, are no ink.
    share = np.clip((share - 0.15) / 0.7, 0, 1)[..., np.newaxis]
    page = np.full((its.height + 160, its.width + 160, 3), 244.0)
    inked = page[80:-80, 80:-80]
    inked += share * (np.array(colour) - inked)
    return Image.fromarray(np.rint(page).astype(np.uint8))


def over(page: Image.Image, mark: Image.Image) -> Image.Image:
    """Return a page with a mark, RGB on white, on it: where both are, the darker one is seen."""
    return Image.fromarray(np.minimum(np.asarray(page), np.asarray(mark)))


def marked(draw: Callable[[ImageDraw.ImageDraw, int, int, Rng], None]) -> Disturb:
    """Draw something on the page, four times as large and then reduced, as a scanner sees it."""

    def put(page: Image.Image, rng: Rng) -> Image.Image:
        mark = Image.new("RGB", (4 * page.width, 4 * page.height), "white")
        draw(ImageDraw.Draw(mark), 4 * page.width, 4 * page.height, rng)
        return over(page, mark.reduce(4))

    return put


def border(sides: str, level: int, slope: float = 0.0) -> Disturb:
    """Show the scanner's lid, 8 to 12 pixels wide, at those sides: l, r, t, b."""

    def draw(pen: ImageDraw.ImageDraw, width: int, height: int, rng: Rng) -> None:
        wide = 4 * rng.integers(8, 13, 4)
        more = slope * max(width, height)
        fill = (level,) * 3
        if "t" in sides:
            pen.polygon([(0, 0), (width, 0), (width, wide[0] + more), (0, wide[0])], fill=fill)
        if "b" in sides:
            pen.polygon(
                [(0, height), (width, height), (width, height - wide[1]), (0, height - wide[1] - more)],
                fill=fill,
            )
        if "l" in sides:
            pen.polygon([(0, 0), (0, height), (wide[2], height), (wide[2] + more, 0)], fill=fill)
        if "r" in sides:
            pen.polygon(
                [(width, 0), (width, height), (width - wide[3] - more, height), (width - wide[3], 0)],
                fill=fill,
            )

    return marked(draw)


def frame(thick: int, level: int = 40) -> Disturb:
    """Draw a box around the signature, of lines so many pixels thick."""

    def draw(pen: ImageDraw.ImageDraw, width: int, height: int, rng: Rng) -> None:
        inset = 4 * rng.integers(20, 40, 4)
        place = [inset[0], inset[1], width - inset[2], height - inset[3]]
        pen.rectangle([int(x) for x in place], outline=(level,) * 3, width=4 * thick)

    return marked(draw)


def table(level: int, blur: float = 0.0) -> Disturb:
    """Photograph the page on a table of that grey, which shows at the left and below."""

    def put(page: Image.Image, rng: Rng) -> Image.Image:
        left, below = (int(x) for x in rng.integers(50, 90, 2))
        photo = Image.new("RGB", (page.width + left, page.height + below), (level,) * 3)
        photo.paste(page, (left, 0))
        return photo.filter(ImageFilter.GaussianBlur(blur)) if blur else photo

    return put


def shadow(share: float, blur: float = 0.0) -> Disturb:
    """Shade a corner of the page, to that share of its light, with an edge across the signature."""

    def put(page: Image.Image, rng: Rng) -> Image.Image:
        light = Image.new("L", page.size, 255)
        at = page.width * rng.uniform(0.55, 0.7)
        lean = page.height * rng.uniform(0.3, 0.5)
        ImageDraw.Draw(light).polygon(
            [(at, 0), (page.width, 0), (page.width, page.height), (at + lean, page.height)],
            fill=int(255 * share),
        )
        light = light.filter(ImageFilter.GaussianBlur(blur)) if blur else light
        return Image.fromarray(
            (np.asarray(page) * (np.asarray(light)[..., np.newaxis] / 255)).astype(np.uint8)
        )

    return put


def bowed(share: float) -> Disturb:
    """Shade the lower right of the page by something round, to that share of its light, with a hard edge."""

    def put(page: Image.Image, rng: Rng) -> Image.Image:
        light = Image.new("L", page.size, 255)
        x, y = page.width + rng.uniform(-20, 20), page.height + rng.uniform(-20, 20)
        reach = 0.45 * page.width
        ImageDraw.Draw(light).ellipse([x - reach, y - reach, x + reach, y + reach], fill=int(255 * share))
        return Image.fromarray(
            (np.asarray(page) * (np.asarray(light)[..., np.newaxis] / 255)).astype(np.uint8)
        )

    return put


def oval(colour: tuple[int, int, int]) -> Disturb:
    """Stamp an oval without letters over the end of the signature."""

    def draw(pen: ImageDraw.ImageDraw, width: int, height: int, rng: Rng) -> None:
        x, y = width * 0.75 + 4 * rng.integers(-6, 7), height * 0.5 + 4 * rng.integers(-6, 7)
        pen.ellipse([x - 320, y - 200, x + 320, y + 200], outline=colour, width=16)

    return marked(draw)


def blot(radius: float, away: bool = True) -> Disturb:
    """Let a drop of ink fall on the page, in its margin or where the signature is."""

    def draw(pen: ImageDraw.ImageDraw, width: int, height: int, rng: Rng) -> None:
        x, y = (rng.uniform(120, 200), height - rng.uniform(100, 180)) if away else (width / 2, height / 2)
        pen.ellipse([x - 4 * radius, y - 4 * radius, x + 4 * radius, y + 4 * radius], fill=BLACK)

    return marked(draw)


def stamp(colour: tuple[int, int, int]) -> Disturb:
    """Stamp a ring with two bars of letters over the end of the signature."""

    def draw(pen: ImageDraw.ImageDraw, width: int, height: int, rng: Rng) -> None:
        x, y = width * 0.75 + 4 * rng.integers(-6, 7), height * 0.5 + 4 * rng.integers(-6, 7)
        r = 4 * 65
        pen.ellipse([x - r, y - r, x + r, y + r], outline=colour, width=4 * 4)
        pen.ellipse([x - r + 40, y - r + 40, x + r - 40, y + r - 40], outline=colour, width=4 * 2)
        for row, words in enumerate(("RECEIVED", "12 NOV 2026", "Post office 4")):
            _print(pen, x - 165, y + 66 * row - 100, words, 4 * 14, colour)

    return marked(draw)


def _print(
    pen: ImageDraw.ImageDraw, x: float, y: float, words: str, height: float, colour: tuple[int, int, int]
) -> None:
    """Print words in the font that Pillow has."""
    pen.text((x, y), words, fill=colour, font=ImageFont.load_default(height))


def text(rows: int, height: int) -> Disturb:
    """Print so many rows below the signature, in a font of so many pixels."""

    def draw(pen: ImageDraw.ImageDraw, _: int, high: int, rng: Rng) -> None:
        x = 4 * int(rng.integers(40, 60))
        for row in range(rows):
            _print(pen, x, high - 4 * 62 + 4 * row * height * 1.2, WORDS[row], 4 * height, (40, 40, 40))

    return marked(draw)


def ruled(slope: float, thick: float = 2, apart: int = 60, bend: float = 0.0) -> Disturb:
    """Rule the page all over, at that slope."""

    def draw(pen: ImageDraw.ImageDraw, width: int, height: int, rng: Rng) -> None:
        x = np.linspace(0, width, 60)
        start = int(rng.integers(4 * apart))
        for y in range(start - 4 * apart * 4, height + 4 * apart * 4, 4 * apart):
            level = y + slope * (x - width / 2) + 4 * bend * np.sin(np.pi * x / width)
            pen.line(list(zip(x, level, strict=True)), fill=(110, 110, 130), width=int(4 * thick))

    return marked(draw)


def blurred(sigma: float) -> Disturb:
    """Blur the page, by so many pixels of a picture of 512."""
    return lambda page, _: page.filter(ImageFilter.GaussianBlur(sigma * max(page.size) / 512))


def photographed(page: Image.Image, rng: Rng) -> Image.Image:
    """Add the noise of a camera, and save as JPEG."""
    levels = np.asarray(page, np.float64) + rng.normal(0, 3, (page.height, page.width, 3))
    file = io.BytesIO()
    Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=75)
    return Image.open(file)


DISTURBANCES: Final[dict[str, tuple[tuple[int, int, int], Disturb]]] = {
    "nothing, black ink": (BLACK, lambda page, _: page),
    "nothing, blue ink": (BLUE_PEN, lambda page, _: page),
    "dark border, all sides": (BLACK, border("lrtb", 35)),
    "dark border, two sides": (BLACK, border("lt", 35)),
    "dark border, one side, skewed": (BLACK, border("l", 35, 0.02)),
    "grey border, all sides": (BLACK, border("lrtb", 120)),
    "frame, 2 pixels": (BLACK, frame(2)),
    "frame, 5 pixels": (BLACK, frame(5)),
    "frame, 9 pixels": (BLACK, frame(9)),
    "table, dark": (BLACK, table(60)),
    "table, grey": (BLACK, table(120)),
    "table, light grey": (BLACK, table(165)),
    "shadow of half the light, hard": (BLACK, shadow(0.5)),
    "shadow of 0.7, hard": (BLACK, shadow(0.7)),
    "shadow of half the light, soft": (BLACK, shadow(0.5, 6)),
    "blot of 4 pixels": (BLACK, blot(2)),
    "blot of 8 pixels": (BLACK, blot(4)),
    "blot of 20 pixels": (BLACK, blot(10)),
    "blot of 8 pixels amid the ink": (BLACK, blot(4, away=False)),
    "shadow with a bow, hard": (BLACK, bowed(0.5)),
    "red stamp": (BLACK, stamp(RED_STAMP)),
    "green stamp": (BLACK, stamp(GREEN_STAMP)),
    "blue stamp": (BLACK, stamp(BLUE_STAMP)),
    "blue stamp, blue ink": (BLUE_PEN, stamp(BLUE_STAMP)),
    "green stamp, blue ink": (BLUE_PEN, stamp(GREEN_STAMP)),
    "black stamp": (BLACK, stamp(BLACK)),
    "oval stamp, no letters": (BLACK, oval(BLACK)),
    "three rows of small print": (BLACK, text(3, 8)),
    "a row of print": (BLACK, text(1, 18)),
    "three rows of print": (BLACK, text(3, 13)),
    "a row of print, blue ink": (BLUE_PEN, text(1, 18)),
    "ruled": (BLACK, ruled(0.0)),
    "ruled, slope 0.02": (BLACK, ruled(0.02)),
    "ruled, slope 0.06": (BLACK, ruled(0.06)),
    "ruled, slope 0.12": (BLACK, ruled(0.12)),
    "ruled, bent by 3 pixels": (BLACK, ruled(0.01, bend=3)),
    "blur of 1.5 pixels": (BLACK, blurred(1.5)),
    "blur of 2 pixels": (BLACK, blurred(2)),
    "blur of 2.5 pixels": (BLACK, blurred(2.5)),
    "blur of 3 pixels": (BLACK, blurred(3)),
}  # fmt: skip


def disturbed(grey: np.ndarray, name: str, number: int, camera: bool) -> SignatureImage:
    """Disturb a picture, the same way each time it is asked for."""
    colour, disturb = DISTURBANCES[name]
    rng = np.random.default_rng(number)
    page = disturb(on_page(grey, colour), rng)
    return SignatureImage.read(photographed(page, rng) if camera else page)


def tally(corpus: Corpus, name: str, side: str, camera: bool) -> Counter[str]:
    """Enroll and try every writer of a corpus, with the probe or both sides disturbed."""
    plain = "nothing, blue ink" if "blue ink" in name else "nothing, black ink"
    found = Counter[str]()
    pictures = {
        writer: [sample.capture.grey for sample in corpus.genuine(writer)] for writer in corpus.writers
    }
    for number, writer in enumerate(corpus.writers):
        others = [other for other in corpus.writers if other != writer]
        mine = pictures[writer][REFERENCES : REFERENCES + PROBES]
        strangers = [
            pictures[others[(number * 7 + k * 3) % len(others)]][REFERENCES % 2 + k % 3]
            for k in range(PROBES)
        ]
        with Verifier.open(":memory:", policy=Policy.unguarded()) as verifier:
            found["genuine tried"] += len(mine)
            found["strangers tried"] += len(strangers)
            try:
                verifier.enroll("writer", [
                    disturbed(each, name if side == "both" else plain, 100 * number + k, camera)
                    for k, each in enumerate(pictures[writer][:REFERENCES])
                ])  # fmt: skip
            except SigverifyError as error:
                found["not enrolled"] += 1
                found[f"said: not enrolled: {str(error)[:150]}"] += 1
                continue
            for kind, probes in (("genuine", mine), ("strangers", strangers)):
                for k, each in enumerate(probes):
                    decision = verifier.verify(
                        "writer", disturbed(each, name, 7_000 + 100 * number + k, camera)
                    )
                    found[f"{kind} accepted"] += decision.accepted
                    if decision.flaw is not None:
                        found[f"{kind} poor"] += 1
                        found[f"said: {decision.flaw}"] += 1
    return found


def table_of(corpus: Corpus, names: list[str], camera: bool) -> Iterator[str]:
    """Yield the rows of a table, one disturbance each."""
    yield f"{corpus.name}, {len(corpus.writers)} writers: accepted / tried (said to be too poor)"
    yield ""
    yield "| disturbance | probe: genuine | strangers | both: genuine | strangers | not enrolled | said |"
    yield "|---|---|---|---|---|---|---|"
    for name in names:
        cells, said, lost = [], Counter[str](), 0
        for side in ("probe", "both"):
            found = tally(corpus, name, side, camera)
            for kind in ("genuine", "strangers"):
                poor = f" ({found[f'{kind} poor']})" if found[f"{kind} poor"] else ""
                cells.append(f"{found[f'{kind} accepted']} / {found[f'{kind} tried']}{poor}")
            lost += found["not enrolled"]
            said.update({what[6:]: count for what, count in found.items() if what.startswith("said: ")})
        words = "; ".join(f"{what} ({count})" for what, count in said.most_common(3))
        yield f"| {name} | {' | '.join(cells)} | {lost} | {words} |"


def main() -> None:
    """Print a table for each corpus."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-c", "--corpus", action="append", required=True, help="as for `sigverify evaluate`")
    parser.add_argument("--writers", type=int, default=12, help="of each corpus, at most")
    parser.add_argument("--half", choices=("even", "odd"), default="odd", help="which of the writers")
    parser.add_argument("--camera", action="store_true", help="noise, and JPEG of quality 75, over all of it")
    parser.add_argument("--only", nargs="*", help="disturbances by name")
    options = parser.parse_args()
    for spec in options.corpus:
        corpus = open_corpus(spec)
        half = corpus.writers[options.half == "odd" :: 2][: options.writers]
        for row in table_of(corpus.select(half), options.only or list(DISTURBANCES), options.camera):
            print(row, flush=True)  # noqa: T201
        print()  # noqa: T201


if __name__ == "__main__":
    main()
