"""`render`: from a corpus of pen strokes to a corpus of pictures."""

import hashlib
from dataclasses import dataclass
from functools import partial

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.corpora.corpus import Corpus, Kind, Sample
from sigverify.corpora.processes import mapped
from sigverify.corpora.rendered.config import NibKind, RenderConfig, ScannerKind
from sigverify.corpora.rendered.ink import Writing, draw_ink
from sigverify.corpora.rendered.nib import Nib, draw_nib, draw_screen_line
from sigverify.corpora.rendered.scanner import Scanner, draw_kind, draw_scanner
from sigverify.errors import CorpusError
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.pen.signature import Signature

CANVAS = 1400
"""Pixels across a drawing, before it is reduced to the picture: lines may be fractions of a pixel wide."""
LARGEST = 900
"""Pixels of a picture's longer side, at most."""
_AT_ONCE = 64
"""Signatures that a process is asked for."""


def render(corpus: Corpus, config: RenderConfig | None = None, *, workers: int = 1) -> Corpus:
    """Draw all signatures of a corpus, in `workers` processes. Writers, kinds and numbers stay.

    Raises:
        CorpusError: a corpus of something else than pen strokes, or a process ended by itself.
        ConfigError: fewer than one worker.
    """
    if not isinstance(corpus.samples[0].capture, Signature):
        raise CorpusError(
            f"corpus {corpus.name} cannot be drawn",
            expected="pen strokes",
            received=type(corpus.samples[0].capture).__name__,
        )
    one = partial(render_sample, config=config or RenderConfig())
    samples = mapped(one, corpus.samples, workers=workers, chunk=_AT_ONCE)
    return Corpus(f"rendered-{corpus.name}", tuple(samples), corpus.licence_note)


def render_sample(sample: Sample, config: RenderConfig) -> Sample:
    """Draw one signature; depends on the seed, the writer, the kind and the number, and on nothing else."""
    rng = _generator(config.seed, sample.writer, sample.kind.value, sample.number)
    usual = rng.random() < (config.same_pen if sample.kind is Kind.GENUINE else config.forgers_same_pen)
    desk = _Desk.draw(_generator(config.seed, sample.writer) if usual else rng, config)
    nib, scanner = desk.nib.changed(rng), desk.scanner.changed(rng).weakened(config.strength)
    writing = Writing.of(sample.capture, flip_y=config.flip_y)
    return Sample(sample.writer, sample.kind, sample.number, _pictured(rng, writing, nib, scanner))


@dataclass(frozen=True)
class _Desk:
    """What somebody writes and scans with."""

    nib: Nib
    scanner: Scanner

    @classmethod
    def draw(cls, rng: np.random.Generator, config: RenderConfig) -> "_Desk":
        kind = draw_kind(rng, ScannerKind(config.scanner))
        nib = draw_screen_line(rng) if kind is ScannerKind.PHONE else draw_nib(rng, NibKind(config.nib))
        return cls(nib, draw_scanner(rng, kind))


def _generator(seed: int, *names: str | int) -> np.random.Generator:
    digest = hashlib.sha256(repr((seed, *names)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def _pictured(rng: np.random.Generator, writing: Writing, nib: Nib, scanner: Scanner) -> SignatureImage:
    width, dark = nib.line(rng, writing.pressure, writing.speed)
    xy = _turned(writing.xy, np.radians(scanner.tilt * rng.standard_normal()))
    left, top = xy[writing.ink].min(axis=0)
    right, bottom = xy[writing.ink].max(axis=0)
    sides = (scanner.margin + float(width.max())) * rng.uniform(0.6, 1.4, 4)
    corner = np.array([left - sides[0], top - sides[1]])
    across, down = right - left + sides[0] + sides[2], bottom - top + sides[1] + sides[3]
    # A tall signature is as large as a wide one.
    scale = min(scanner.width / max(right - left, 1.5 * (bottom - top)), LARGEST / max(across, down))
    size = max(16, round(across * scale)), max(16, round(down * scale))
    finer = max(1, round(CANVAS / max(size)))
    canvas = size[0] * finer, size[1] * finer
    ink = draw_ink((xy - corner) * (scale * finer), writing.ink, width * (scale * finer), dark, canvas)
    if finer > 1:
        ink = ink.reduce(finer)
    return SignatureImage(scanner.scan(rng, ink, nib.grain))


def _turned(xy: FloatArray, angle: float) -> FloatArray:
    cosine, sine = np.cos(angle), np.sin(angle)
    turned: FloatArray = xy @ np.array([[cosine, sine], [-sine, cosine]])
    return turned
