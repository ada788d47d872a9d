"""Print what the rules of enrollment and verification cost and catch on pictures, as Markdown.

Each table decides a constant of `modality/image`: who is refused at enrollment that should not be, which
copies are found, and how far genuine pictures deviate from one another. benchmarks/policy.py does it for
strokes.

    python benchmarks/images.py --corpus rendered:svc2004-task2=corpora/svc2004_task2.zip
    python benchmarks/images.py --corpus bhsig260-hindi=corpora/bhsig260_hindi.zip

What a corpus holds twice over is counted as taken for a copy: BHSig260 has hundreds of such pictures.
"""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import numpy as np
import typer
from PIL import Image, ImageFilter

from sigverify.corpora import open_corpus
from sigverify.matching.elastic import NUMPY
from sigverify.matching.embedding import SERIES_SCALE, Embedding, References
from sigverify.matching.explanation import deviations
from sigverify.modality.image.assessment import COMPLEXITY_FLOOR, assess
from sigverify.modality.image.image import IMAGE
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.policy.replay import Sketch, Sketcher

SECRET: Final = bytes(32)
SETS: Final = 6
"""Sets drawn of each writer."""
COPIED: Final = 2
"""Pictures of each writer that are copied."""
MOST: Final = 100
"""Writers looked at."""

Rng = np.random.Generator
Change = Callable[[Image.Image, Rng], Image.Image]


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture with what replay protection keeps of it."""

    image: SignatureImage
    embedding: Embedding
    sketch: Sketch


def seen(sketcher: Sketcher, image: SignatureImage) -> Seen:
    """Compute what is compared without a network."""
    inputs = IMAGE.encode(IMAGE.trace(image)[np.newaxis])
    series, detail = IMAGE.series(inputs)[0], IMAGE.detail(inputs)[0]
    embedding = Embedding.from_floats(series, detail, None, np.ones(1), IMAGE.extent(image))
    return Seen(
        image, embedding, sketcher.sketch(sketcher.digest(IMAGE.fingerprint(image)), embedding.series)
    )


def people(corpus: str, sketcher: Sketcher) -> list[list[Seen]]:
    """Look at the genuine pictures of a corpus, by writer."""
    its = open_corpus(corpus)
    return [
        [seen(sketcher, sample.capture) for sample in its.genuine(writer)] for writer in its.writers[:MOST]
    ]


def captures(everybody: Sequence[Sequence[Seen]]) -> Iterator[str]:
    """Table: genuine pictures refused by themselves. Decides the constants of `assessment`."""
    qualities = [assess(each.image) for person in everybody for each in person]
    simple = np.array([quality.complexity for quality in qualities])
    flaws = Counter(str(quality.flaw) for quality in qualities if quality.flaw)
    yield "| genuine pictures | with a flaw | complexity: least | 1 % | median | floor |"
    yield "|---|---|---|---|---|---|"
    said = ", ".join(f"{count} {flaw}" for flaw, count in flaws.items()) or "0"
    low, median = np.quantile(simple, [0.01, 0.5])
    yield f"| {len(simple)} | {said} | {simple.min():.2f} | {low:.2f} | {median:.2f} | {COMPLEXITY_FLOOR} |"


# --------------------------------------------------------------------------------------------- replay
def saved(quality: int) -> Change:
    """Save as JPEG."""

    def apply(its: Image.Image, _: Rng) -> Image.Image:
        file = io.BytesIO()
        its.save(file, "JPEG", quality=quality)
        return Image.open(file)

    return apply


def scaled(factor: float) -> Change:
    """Resize."""
    return lambda its, _: its.resize(
        (round(factor * its.width), round(factor * its.height)), Image.Resampling.BICUBIC
    )


def turned(degrees: float) -> Change:
    """Rotate on white."""
    return lambda its, _: its.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)


def cropped(its: Image.Image, rng: Rng) -> Image.Image:
    """Cut close to the ink, otherwise on each side."""
    left, top, right, bottom = its.point(lambda level: 255 * (level < 160)).getbbox() or (0, 0, *its.size)
    out = rng.integers(2, 12, 4)
    return its.crop(
        (
            max(0, left - out[0]),
            max(0, top - out[1]),
            min(its.width, right + out[2]),
            min(its.height, bottom + out[3]),
        )
    )


def on_a_page(its: Image.Image, rng: Rng) -> Image.Image:
    """Put it anywhere on a larger white page."""
    page = Image.new("L", (its.width * 3 // 2, its.height * 2), 255)
    page.paste(its, (int(rng.integers(its.width // 2)), int(rng.integers(its.height))))
    return page


def noisy(its: Image.Image, rng: Rng) -> Image.Image:
    """Add noise of a camera."""
    levels = 0.9 * np.asarray(its, np.float64) + 10 + rng.normal(0, 8, (its.height, its.width))
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def printed(its: Image.Image, rng: Rng) -> Image.Image:
    """Print and scan: blurred, smaller, noisy, turned a little."""
    smaller = scaled(0.9)(turned(float(rng.uniform(-1, 1)))(its, rng), rng)
    return noisy(smaller.filter(ImageFilter.GaussianBlur(0.8)), rng)


COPIES: Final[dict[str, Change]] = {
    "as it was": lambda its, _: its,
    "saved as JPEG of quality 90": saved(90),
    "of quality 50": saved(50),
    "of quality 20": saved(20),
    "cropped otherwise": cropped,
    "on a larger page": on_a_page,
    "smaller by 3 %": scaled(0.97),
    "smaller by 10 %": scaled(0.9),
    "larger by 10 %": scaled(1.1),
    "half as large": scaled(0.5),
    "cropped, smaller by 5 %, JPEG of quality 50": lambda its, rng: saved(50)(
        scaled(0.95)(cropped(its, rng), rng), rng
    ),
    "eight levels of grey": lambda its, _: its.quantize(8).convert("L"),
    "darker": lambda its, _: its.point(lambda level: int(230 * (level / 255) ** 1.6)),
    "turned round": lambda its, _: its.point(lambda level: 255 - level),
    "turned by 1 degree": turned(1),
    "turned by 5 degrees": turned(5),
    "noise of a camera": noisy,
    "printed and scanned": printed,
    "a thicker pen": lambda its, _: its.filter(ImageFilter.MinFilter(3)),
}


def caught(everybody: Sequence[Sequence[Seen]], sketcher: Sketcher, rng: Rng) -> Iterator[str]:
    """Table: copies found. Decides `copy_bits` (captures seen before) and `copy_distance` (references)."""
    yield "| copy | differing bits: median | 90 % | found % | elastic distance: median | 90 % | found % |"
    yield "|---|---|---|---|---|---|---|"
    for what, change in COPIES.items():
        bits, apart = [], []
        for its in (each for person in everybody for each in person[:COPIED]):
            copy = seen(sketcher, SignatureImage.read(change(Image.fromarray(its.image.grey), rng)))
            bits.append(0 if copy.sketch.digest == its.sketch.digest else _bits(copy.sketch, its.sketch))
            apart.append(_apart(copy, [its])[0])
        found = 100 * np.mean(np.array(bits) <= IMAGE.copy_bits)
        near = 100 * np.mean(np.array(apart) < IMAGE.copy_distance)
        middle = [*np.quantile(bits, [0.5, 0.9]), *np.quantile(apart, [0.5, 0.9])]
        yield (
            f"| {what} | {middle[0]:.0f} | {middle[1]:.0f} | {found:.0f} "
            f"| {middle[2]:.2f} | {middle[3]:.2f} | {near:.0f} |"
        )


def refused(everybody: Sequence[Sequence[Seen]]) -> Iterator[str]:
    """Table: genuine pictures taken for copies, each shown once after all before it. At most 0.1 %."""
    nearest, closest = [], []
    for person in everybody:
        for number, its in enumerate(person[1:], start=1):
            nearest.append(min(_bits(its.sketch, other.sketch) for other in person[:number]))
            closest.append(_apart(its, person[:number]).min())
    wrong = (np.array(nearest) <= IMAGE.copy_bits) | (np.array(closest) < IMAGE.copy_distance)
    bits, apart = (np.quantile(each, [0, 0.001, 0.01]) for each in (nearest, closest))
    yield "| genuine pictures | taken for copies | % | nearest: bits, 0.1 %, 1 % | elastic distance |"
    yield "|---|---|---|---|---|"
    yield (
        f"| {len(wrong)} | {wrong.sum()} | {100 * wrong.mean():.2f} "
        f"| {bits[0]:.0f}, {bits[1]:.0f}, {bits[2]:.0f} | {apart[0]:.2f}, {apart[1]:.2f}, {apart[2]:.2f} |"
    )


def _bits(one: Sketch, other: Sketch) -> int:
    return (int.from_bytes(one.bits, "little") ^ int.from_bytes(other.bits, "little")).bit_count()


def _apart(one: Seen, others: Sequence[Seen]):
    return (
        NUMPY.distances(one.embedding.series, np.stack([its.embedding.series for its in others]))
        / SERIES_SCALE
    )


def usual(everybody: Sequence[Sequence[Seen]], rng: Rng) -> Iterator[str]:
    """Table: deviations of genuine pictures from five references, and how far apart these lie: `aspects`."""
    found: dict[str, list[float]] = {}
    spreads: dict[str, list[float]] = {}
    for person in everybody:
        count = min(5, len(person) - 1)
        for _ in range(SETS if count > 1 else 0):
            order = rng.permutation(len(person))
            given = [person[index].embedding for index in order[: count + 1]]
            for aspect, value in deviations(given[-1], References.stack(given[:-1]), IMAGE.aspects).items():
                found.setdefault(aspect, []).append(value)
            # Of one reference alone its spread is looked up: what the two of a pair would have had.
            for aspect, value in deviations(given[0], References.stack(given[1:2]), IMAGE.aspects).items():
                spreads.setdefault(aspect, []).append(np.exp(value) * IMAGE.aspects[aspect].spread)
    yield "| aspect | mean | standard deviation | 95 % | apart: median |"
    yield "|---|---|---|---|---|"
    for aspect, values in found.items():
        yield (
            f"| {aspect} | {np.mean(values):.2f} | {np.std(values):.2f} | {np.quantile(values, 0.95):.2f} "
            f"| {np.median(spreads[aspect]):.2f} |"
        )


def main(corpus: Annotated[list[str], typer.Option("--corpus", "-c", metavar="NAME[=PATH]")]) -> None:
    """Print all tables for each corpus."""
    sketcher = Sketcher(SECRET)
    for name in corpus:
        everybody = people(name, sketcher)
        rng = np.random.default_rng(0)
        typer.echo(f"\n## {name.partition('=')[0]}")
        tables = (
            captures(everybody),
            refused(everybody),
            caught(everybody, sketcher, rng),
            usual(everybody, rng),
        )
        for table in tables:
            typer.echo("\n" + "\n".join(table))


if __name__ == "__main__":
    typer.run(main)
