"""`Nib`: how wide and how dark the ink of a movement is."""

from dataclasses import dataclass, replace

import numpy as np

from sigverify.arrays import FloatArray
from sigverify.corpora.rendered.config import NibKind

NARROWEST, WIDEST = 0.5, 1.7
"""Least and largest width of a line, as shares of the nib's."""


@dataclass(frozen=True, kw_only=True)
class Nib:
    """A pen.

    Attributes:
        width: of its line at usual pressure and speed, as a share of the height of the writing.
        ink: darkness of the line, 0 as the paper to 1 black.
        spread: power of the pressure that the width goes with.
        flow: power of slowness that the width goes with: ink runs into paper as long as the nib stands.
        fade: power of pressure over speed that the darkness goes with.
        skips: share of the way without ink.
        grain: 0 to 1, how much of the ink the tooth of the paper leaves out.
    """

    width: float
    ink: float
    spread: float = 0.0
    flow: float = 0.0
    fade: float = 0.0
    skips: float = 0.0
    grain: float = 0.0

    def changed(self, rng: np.random.Generator) -> "Nib":
        """Return the same pen in another signature: held otherwise, on other paper, a little drier."""
        return replace(
            self,
            width=self.width * float(np.exp(0.08 * rng.standard_normal())),
            ink=min(1.0, self.ink * float(np.exp(0.05 * rng.standard_normal()))),
            skips=self.skips * float(rng.uniform(0.3, 1.7)),
        )

    def line(
        self, rng: np.random.Generator, pressure: FloatArray, speed: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return widths in shares of the height of the writing, and darknesses 0..1, both `(n,)`.

        `pressure` and `speed` are `(n,)`, 1 where they are usual.
        """
        slow = 1.0 / np.clip(speed, 0.1, 4.0)
        pressed = np.clip(pressure, 0.15, 3.0)
        width = pressed**self.spread * slow**self.flow
        dark = np.minimum((pressed * slow**0.5) ** self.fade, 1.25)
        if self.skips:
            dark = np.where(_wandering(rng, len(dark)) < _quantile(self.skips), 0.0, dark)
        return self.width * np.clip(width, NARROWEST, WIDEST), np.clip(self.ink * dark, 0.0, 1.0)


def draw_nib(rng: np.random.Generator, kind: NibKind) -> Nib:
    """Draw a pen of that kind, or of any kind for `MIXED`.

    Widths are those of the scans at hand: 1 to 11 % of the height of the writing.
    """
    if kind is NibKind.MIXED:
        kind = NibKind(rng.choice([NibKind.BALL] * 4 + [NibKind.GEL] * 3 + [NibKind.FINE] + _WIDE_NIBS))
    if kind is NibKind.BALL:
        return Nib(
            width=_between(rng, 0.03, 0.06),
            ink=rng.uniform(0.5, 0.9),
            spread=rng.uniform(0.05, 0.2),
            flow=rng.uniform(0.0, 0.05),
            fade=rng.uniform(0.1, 0.4),
            skips=float(rng.choice([0.0, rng.uniform(0.0, 0.03)])),
            grain=rng.uniform(0.1, 0.5),
        )
    if kind is NibKind.GEL:
        return Nib(
            width=_between(rng, 0.04, 0.085),
            ink=rng.uniform(0.75, 1.0),
            spread=rng.uniform(0.0, 0.1),
            flow=rng.uniform(0.03, 0.12),
            grain=rng.uniform(0.0, 0.15),
        )
    if kind is NibKind.FOUNTAIN:
        return Nib(
            width=_between(rng, 0.045, 0.095),
            ink=rng.uniform(0.65, 1.0),
            spread=rng.uniform(0.3, 0.6),
            flow=rng.uniform(0.1, 0.25),
            fade=rng.uniform(0.1, 0.3),
        )
    if kind is NibKind.FELT:
        return Nib(
            width=_between(rng, 0.06, 0.11),
            ink=rng.uniform(0.75, 1.0),
            spread=rng.uniform(0.1, 0.35),
            flow=rng.uniform(0.1, 0.25),
            fade=rng.uniform(0.0, 0.15),
            grain=rng.uniform(0.0, 0.2),
        )
    return Nib(width=_between(rng, 0.02, 0.04), ink=rng.uniform(0.7, 1.0), flow=rng.uniform(0.0, 0.05))


def draw_screen_line(rng: np.random.Generator) -> Nib:
    """Draw what a program leaves of a finger or a stylus: one width, at times a little less at speed."""
    return Nib(
        width=_between(rng, 0.012, 0.06),
        ink=float(rng.choice([1.0, 1.0, rng.uniform(0.5, 1.0)])),
        flow=float(rng.choice([0.0, 0.0, rng.uniform(0.1, 0.4)])),
    )


_WIDE_NIBS = [NibKind.FOUNTAIN, NibKind.FELT]


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw evenly between the logarithms."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _wandering(rng: np.random.Generator, count: int) -> FloatArray:
    """Return `(count,)` of noise that neighbours share, of mean 0 and deviation near 1."""
    noise = rng.standard_normal(count + 2)
    shared: FloatArray = (noise[:-2] + noise[1:-1] + noise[2:]) / np.sqrt(3.0)
    return shared


def _quantile(share: float) -> float:
    """Return about what `share` (at most a tenth) of a normal distribution lies below.

    Source: Abramowitz & Stegun, "Handbook of Mathematical Functions", 26.2.22.
    """
    t = np.sqrt(-2.0 * np.log(share))
    return float(-(t - (2.30753 + 0.27061 * t) / (1.0 + 0.99229 * t + 0.04481 * t * t)))
