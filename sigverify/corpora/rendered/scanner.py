"""`Scanner`: what a scanner, a camera or a screen makes of ink."""

import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sigverify.arrays import FloatArray
from sigverify.corpora.rendered.config import ScannerKind

if TYPE_CHECKING:
    from PIL.Image import Image

PAPER_CELL = 24
"""Pixels between two of the values that the clouding of paper and shadows are drawn through."""


@dataclass(frozen=True, kw_only=True)
class Scanner:
    """What takes a picture, and of which paper.

    Attributes:
        width: of the ink, in pixels: the resolution.
        margin: of the picture around the ink, as a share of the ink's height.
        tilt: standard deviation of the angle at which paper lies, degrees.
        blur: radius, pixels.
        noise: standard deviation of a pixel, grey levels.
        texture: standard deviation of the paper's clouding, grey levels.
        paper: grey level of the paper.
        contrast: of ink with the paper, 1 for all that the paper has.
        shadow: grey levels from the lightest corner of the paper to the darkest.
        quality: of JPEG, 1 to 95; None: nothing is lost.
        levels: grey levels in the file; 256 for all.
        threshold: share of the way from paper to usual ink at which black begins; None: grey levels stay.
    """

    width: float
    margin: float = 0.2
    tilt: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    texture: float = 0.0
    paper: float = 255.0
    contrast: float = 1.0
    shadow: float = 0.0
    quality: int | None = None
    levels: int = 256
    threshold: float | None = None

    def changed(self, rng: np.random.Generator) -> "Scanner":
        """Return the same scanner with another sheet of paper in it, cropped by another hand."""
        return replace(
            self,
            width=self.width * float(np.exp(0.06 * rng.standard_normal())),
            margin=self.margin * float(rng.uniform(0.4, 1.8)),
            noise=self.noise * float(rng.uniform(0.8, 1.25)),
            shadow=self.shadow * float(rng.uniform(0.3, 1.7)),
            paper=min(255.0, self.paper + float(rng.uniform(-4, 4))),
        )

    def weakened(self, strength: float) -> "Scanner":
        """Return it with so many times the faults."""
        faults = ("tilt", "blur", "noise", "texture", "shadow")
        return replace(self, **{name: strength * getattr(self, name) for name in faults})

    def scan(self, rng: np.random.Generator, ink: "Image", grain: float) -> npt.NDArray[np.uint8]:
        """Turn ink, 0 none to 255 the darkest, into a picture `(h, w)`, 0 black to 255 white.

        `grain`: 0 to 1, how much of the ink the tooth of the paper leaves out.
        """
        from PIL import ImageFilter

        if self.blur:
            ink = ink.filter(ImageFilter.GaussianBlur(self.blur))
        cover = np.asarray(ink, np.float32) / np.float32(255)
        if grain:
            cover = cover * (1 - np.float32(grain) * rng.random(cover.shape, np.float32))
        light = np.full(cover.shape, self.paper, np.float32)
        if self.texture:
            light += self.texture * _clouds(rng, cover.shape)
        if self.shadow:
            light -= self.shadow * _slope(rng, cover.shape)
        values = light * (1 - self.contrast * cover)
        if self.noise:
            values += self.noise * rng.standard_normal(cover.shape, np.float32)
        if self.threshold is not None:
            # Such programs adapt to the ink: a pale or thin line is black too.
            usual = float(np.median(cover[2 * cover > cover.max()])) if cover.any() else 1.0
            values = np.where(values < self.paper * (1 - self.contrast * self.threshold * usual), 0.0, 255.0)
        if self.levels < 256:
            step = 255 / (self.levels - 1)
            values = np.rint(values / step) * step
        grey = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
        return grey if self.quality is None else _compressed(grey, self.quality)


def draw_scanner(rng: np.random.Generator, kind: ScannerKind) -> Scanner:
    """Draw a scanner of that kind, or of any kind for `MIXED`."""
    width = float(np.exp(rng.uniform(np.log(220), np.log(700))))
    margin = float(np.exp(rng.uniform(np.log(0.05), np.log(0.6))))
    quality = None if rng.random() < 0.4 else int(rng.integers(35, 95))
    levels = int(rng.choice([256, 256, 256, 16]))
    fine = width / 450
    if kind is ScannerKind.CAMERA:
        return Scanner(
            width=width,
            margin=margin,
            tilt=3.0,
            blur=rng.uniform(0.5, 1.6) * fine,
            noise=rng.uniform(0.5, 4.0),
            texture=rng.uniform(0.5, 3.0),
            paper=rng.uniform(170, 240),
            contrast=rng.uniform(0.6, 0.95),
            shadow=rng.uniform(5, 55),
            quality=int(rng.integers(30, 92)),
        )
    flatbed = Scanner(
        width=width,
        margin=margin,
        tilt=1.5,
        blur=rng.uniform(0.3, 1.1) * fine,
        noise=rng.uniform(0.0, 3.0),
        texture=rng.uniform(0.0, 2.0),
        paper=rng.uniform(225, 255),
        contrast=rng.uniform(0.8, 1.0),
        shadow=float(rng.choice([0.0, rng.uniform(0, 10)])),
        quality=quality,
        levels=levels,
    )
    if kind is ScannerKind.BILEVEL:
        return replace(flatbed, threshold=rng.uniform(0.25, 0.6), quality=None, levels=256)
    if kind is ScannerKind.PHONE:
        return Scanner(width=width, margin=margin, quality=quality, levels=levels)
    return flatbed


def draw_kind(rng: np.random.Generator, kind: ScannerKind) -> ScannerKind:
    """Return the kind, or any for `MIXED`: mostly flatbeds, as in the corpora at hand."""
    if kind is not ScannerKind.MIXED:
        return kind
    kinds = (ScannerKind.FLATBED, ScannerKind.CAMERA, ScannerKind.BILEVEL, ScannerKind.PHONE)
    return kinds[rng.choice(len(kinds), p=(0.4, 0.2, 0.2, 0.2))]


def _clouds(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return smooth noise `(h, w)` of mean 0, deviation near 1."""
    from PIL import Image

    height, width = shape
    coarse = rng.standard_normal((height // PAPER_CELL + 2, width // PAPER_CELL + 2), np.float32)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def _slope(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """Return a slope `(h, w)` from 0 to 1 in any direction."""
    angle = rng.uniform(0, 2 * np.pi)
    across = np.linspace(-1, 1, shape[1], dtype=np.float32) * np.float32(np.cos(angle))
    down = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None] * np.float32(np.sin(angle))
    return np.asarray((across + down) / np.float32(2 * np.sqrt(2)) + np.float32(0.5))


def _compressed(grey: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    """Save as JPEG and read again."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(grey).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))
