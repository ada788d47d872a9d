"""What a signature looks like: letters, characters, scribbles and flourishes composed into a motor plan."""

from dataclasses import dataclass, replace

import numpy as np

from sigverify.arrays import BoolArray, FloatArray
from sigverify.corpora.synthetic.alphabet import BRUSH, LOWER, UPPER, Glyph
from sigverify.corpora.synthetic.plan import Plan

_FEWEST = 8
"""Targets of the simplest signature; with fewer a word is added."""
_LOWER = tuple(LOWER)
_UPPER = tuple(UPPER)
_BRUSH = tuple(BRUSH)
_COMMON = np.array([8, 2, 3, 4, 12, 2, 2, 5, 7, 1, 1, 4, 2.5, 7, 7.5, 2, 0.3, 6, 6, 9, 3, 1, 2, 0.5, 2, 0.4])
_FREQUENCY = _COMMON / _COMMON.sum()
"""How often each letter is met in Latin text, roughly."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How somebody times his movements.

    Attributes:
        tempo: seconds that a movement of one x-height takes.
        isochrony: exponent of its length in its duration; 0 means all take equally long.
        curvature: how much longer a movement takes for each radian of bend.
        skew, overlap: means of the sigma and of the blending of strokes.
        unevenness: standard deviation (log) of the duration of single movements.
        gap: seconds in the air.
    """

    tempo: float
    isochrony: float
    curvature: float
    skew: float
    overlap: float
    unevenness: float
    gap: float


def timing(rng: np.random.Generator) -> Timing:
    """Invent somebody's timing."""
    return Timing(
        tempo=float(0.088 * np.exp(rng.normal(0.0, 0.2))),
        isochrony=rng.uniform(0.15, 0.45),
        curvature=rng.uniform(0.05, 0.25),
        skew=rng.uniform(0.12, 0.32),
        overlap=float(np.clip(rng.normal(0.9, 0.08), 0.65, 1.12)),
        unevenness=rng.uniform(0.1, 0.25),
        gap=float(np.exp(rng.normal(np.log(0.085), 0.35))),
    )


def compose(rng: np.random.Generator, habits: Timing) -> Plan:
    """Invent a signature and time it."""
    kind = rng.choice(5, p=[0.42, 0.16, 0.24, 0.1, 0.08])
    composers = (_name, _initials, _characters, _scribble, _abstract)
    page = _Page(rng)
    composers[kind](rng, page)
    if len(page.rows) < _FEWEST:
        _name(rng, page)
    if kind != 2 and rng.random() < 0.28:
        _flourish(rng, page)
    if rng.random() < 0.08:
        _dot(rng, page)
    return _timed(rng, page, habits)


class _Page:
    """Targets written so far."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rows: list[tuple[float, float, float, bool, int]] = []
        self.group = -1
        self.marks: list[tuple[float, float, Glyph]] = []
        self.rng = rng

    def letter(self, glyph: Glyph, at: tuple[float, float], scale: FloatArray, *, connected: bool) -> float:
        """Write a glyph at its origin and return its right edge."""
        self.group += 1
        xy = glyph[:, :2] * scale + at
        for index, (x, y) in enumerate(xy):
            lifted = bool(glyph[index, 3]) if index else not connected
            self.rows.append((float(x), float(y), float(glyph[index, 2]), lifted, self.group))
        return float(xy[:, 0].max())

    @property
    def box(self) -> FloatArray:
        """Left, low, right, high of all targets."""
        xy = np.array([row[:2] for row in self.rows])
        return np.concatenate([xy.min(axis=0), xy.max(axis=0)])


@dataclass(frozen=True, kw_only=True)
class _Style:
    """How somebody shapes letters."""

    narrow: float
    spacing: float
    rounding: float
    loose: float
    connect: float
    ascent: float
    simplify: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "_Style":
        return cls(
            narrow=float(np.exp(rng.normal(0.0, 0.28))),
            spacing=rng.uniform(0.05, 0.45),
            rounding=float(np.exp(rng.normal(0.0, 0.3))),
            loose=rng.uniform(0.02, 0.16),
            connect=float(rng.choice([rng.uniform(0.0, 0.3), rng.uniform(0.4, 0.9), rng.uniform(0.9, 1.0)])),
            ascent=float(np.exp(rng.normal(0.0, 0.2))),
            simplify=float(rng.choice([0.0, rng.uniform(0.0, 0.3)])),
        )

    def own(self, rng: np.random.Generator, glyph: Glyph) -> Glyph:
        """Return the glyph as this person has come to write it."""
        own = glyph.copy()
        own[:, :2] += rng.normal(0.0, self.loose, (len(own), 2))
        own[:, 1] *= np.where(np.abs(own[:, 1] - 0.5) > 0.6, self.ascent, 1.0)
        own[:, 2] = own[:, 2] * self.rounding + rng.normal(0.0, 0.15, len(own))
        keep = rng.random(len(own)) >= self.simplify
        keep[[0, -1]] = True
        return own[keep]


def _word(
    rng: np.random.Generator, page: _Page, style: _Style, count: int, at: tuple[float, float], size: float
) -> float:
    """Write `count` lower-case letters and return the right edge."""
    letters = rng.choice(len(_LOWER), count, p=_FREQUENCY)
    allographs = {int(k): style.own(rng, LOWER[_LOWER[k]]) for k in np.unique(letters)}
    x, y = at
    slope, shrink = rng.normal(0.0, 0.03), np.exp(rng.normal(-0.02, 0.03))
    for index, letter in enumerate(letters):
        scale = size * shrink**index * np.array([style.narrow, 1.0])
        connected = bool(index and rng.random() < style.connect)
        glyph = allographs[int(letter)].copy()
        glyph[:, :2] += rng.normal(0.0, 0.04, (len(glyph), 2))
        left = x
        x = page.letter(glyph, (x, y), scale, connected=connected) + style.spacing * scale[0]
        y += slope * (x - left)
        name = _LOWER[letter]
        if name in "ij":
            page.marks.append((left + 0.25 * scale[0], y + 1.5 * size, BRUSH["dian"]))
        elif name in "tf":
            page.marks.append((left - 0.15 * scale[0], y + 1.05 * size, BRUSH["heng"] * 0.9))
    return x


def _pay_marks(rng: np.random.Generator, page: _Page) -> None:
    """Write the dots and crossbars left for the end of the word."""
    for x, y, glyph in page.marks:
        if rng.random() < 0.75:
            scale = np.exp(rng.normal(0.0, 0.3)) * np.array([1.0, 1.0])
            page.letter(glyph, (x + rng.normal(0, 0.1), y + rng.normal(0, 0.1)), scale, connected=False)
    page.marks.clear()


def _capital(
    rng: np.random.Generator, page: _Page, style: _Style, at: tuple[float, float], size: float
) -> float:
    glyph = style.own(rng, UPPER[_UPPER[rng.integers(len(_UPPER))]])
    scale = size * np.array([style.narrow * np.exp(rng.normal(0.1, 0.2)), 1.0])
    return page.letter(glyph, at, scale, connected=False) + style.spacing * size * style.narrow


def _name(rng: np.random.Generator, page: _Page) -> None:
    """Write one or two words, most of them with a capital."""
    style = _Style.draw(rng)
    x = 0.0
    words = 1 + int(rng.random() < 0.3)
    for _ in range(words):
        if rng.random() < 0.75:
            x = _capital(rng, page, style, (x, rng.normal(0, 0.1)), float(np.exp(rng.normal(0.1, 0.25))))
        letters = int(rng.integers(3, 10 if words == 1 else 6))
        x = _word(rng, page, style, letters, (x, rng.normal(0, 0.1)), 1.0) + rng.uniform(0.2, 1.0)
        if rng.random() < 0.8:
            _pay_marks(rng, page)
    _pay_marks(rng, page)


def _initials(rng: np.random.Generator, page: _Page) -> None:
    """Write one to three capitals and perhaps a scribbled rest."""
    style = _Style.draw(rng)
    x = 0.0
    for _ in range(int(rng.integers(1, 4))):
        x = _capital(rng, page, style, (x, rng.normal(0, 0.15)), float(np.exp(rng.normal(0.2, 0.25))))
        if rng.random() < 0.15:
            page.letter(BRUSH["dian"] * 0.5, (x, 0.1), np.ones(2), connected=False)
    if rng.random() < 0.6:
        _wave(rng, page, (x, 0.0), connected=rng.random() < 0.6)
    else:
        _word(rng, page, style, int(rng.integers(1, 5)), (x, 0.0), 0.9)
        _pay_marks(rng, page)


def _characters(rng: np.random.Generator, page: _Page) -> None:
    """Write two to four East-Asian characters, cursive to some degree."""
    connect = float(rng.choice([rng.uniform(0.0, 0.2), rng.uniform(0.2, 0.75)]))
    count, x = int(rng.integers(2, 4)), 0.0
    vertical = rng.random() < 0.06
    for index in range(count):
        width, height = np.exp(rng.normal(0.75, 0.2, 2))
        at = (0.0, -2.8 * index) if vertical else (x, rng.normal(0, 0.2))
        halves = _halves(rng)
        for box in halves:
            _component(rng, page, np.array([*at, *at]) + box * [width, height, width, height], connect)
        x += width * rng.uniform(1.1, 1.7)


def _halves(rng: np.random.Generator) -> list[FloatArray]:
    """Lay a character out: whole, left and right, or top and bottom."""
    kind, cut = rng.integers(3), rng.uniform(0.35, 0.6)
    if kind == 0:
        return [np.array([0.0, 0.0, 1.0, 1.0])]
    if kind == 1:
        return [np.array([0.0, 0.0, cut, 1.0]), np.array([cut, 0.0, 1.0, 1.0])]
    return [np.array([0.0, cut, 1.0, 1.0]), np.array([0.0, 0.0, 1.0, cut])]


def _component(rng: np.random.Generator, page: _Page, box: FloatArray, connect: float) -> None:
    """Fill a box with two to five strokes, most from top to bottom."""
    count = int(rng.integers(2, 6))
    names = rng.choice(_BRUSH, count, p=[0.26, 0.2, 0.14, 0.09, 0.11, 0.04, 0.07, 0.04, 0.03, 0.02])
    extent = box[2:] - box[:2]
    tops = np.sort(rng.uniform(0.25, 1.0, count))[::-1]
    for index, (name, top) in enumerate(zip(names, tops, strict=True)):
        glyph = BRUSH[str(name)].copy()
        glyph[:, :2] += rng.normal(0, 0.05, (len(glyph), 2))
        glyph[:, 2] += rng.normal(0, 0.1, len(glyph))
        left = 0.05 if name in ("heng", "zhe") else rng.uniform(0.2, 0.7)
        scale = extent * rng.uniform(0.55, 1.05, 2)
        at = (box[0] + left * extent[0], box[1] + top * extent[1])
        page.letter(glyph, at, scale, connected=bool(index and rng.random() < connect))


def _wave(rng: np.random.Generator, page: _Page, at: tuple[float, float], *, connected: bool) -> None:
    """Write an illegible row of arches, garlands, loops or zigzags that dies away."""
    count = int(rng.integers(3, 14))
    rise, pitch = np.exp(rng.normal(0.0, 0.3)), rng.uniform(0.1, 0.5)
    fade = rng.uniform(0.8, 1.02)
    bend = rng.choice([0.0, 0.6, -0.6, 1.4, -1.4, 1.9]) + rng.normal(0, 0.15)
    up = rng.random() < 0.5
    side = np.where(np.arange(count) % 2 == up, 1.0, 0.0) + rng.normal(0, 0.15, count)
    glyph = np.zeros((count, 4))
    glyph[:, 0] = np.cumsum(pitch * np.exp(rng.normal(0, 0.4, count)))
    glyph[:, 1] = rise * side * fade ** np.arange(count)
    glyph[:, 2] = bend + rng.normal(0, 0.2, count)
    page.letter(glyph, at, np.ones(2), connected=connected)


def _scribble(rng: np.random.Generator, page: _Page) -> None:
    """Write zigzags and waves over one another."""
    for index in range(int(rng.integers(1, 4))):
        at = (rng.uniform(0, 2.5) * index, rng.normal(0, 0.4))
        _wave(rng, page, at, connected=bool(index and rng.random() < 0.5))


def _abstract(rng: np.random.Generator, page: _Page) -> None:
    """Write a few sweeping arcs and loops."""
    count = int(rng.integers(6, 16))
    turning = rng.choice([-1.0, 1.0])
    heading, x, y = rng.uniform(0, 2 * np.pi), 0.0, 0.0
    glyph = np.zeros((count, 4))
    for index in range(1, count):
        if rng.random() < 0.25:
            turning = -turning
        length = np.exp(rng.normal(0.6, 0.6))
        bend = turning * rng.uniform(0.2, 1.8)
        heading += turning * rng.uniform(0.8, 2.6)
        x += length * 1.5 * np.cos(heading) - 0.15 * x + 0.15
        y += length * np.sin(heading) - 0.3 * y
        glyph[index] = x, y, bend, rng.random() < 0.08
    page.letter(glyph, (0.0, 0.0), np.ones(2), connected=False)
    if rng.random() < 0.3:
        _wave(rng, page, (float(x), float(y)), connected=rng.random() < 0.5)


def _flourish(rng: np.random.Generator, page: _Page) -> None:
    """Underline, strike through, or sweep back."""
    left, low, right, _ = page.box
    y = low - rng.uniform(0.1, 0.6) if rng.random() < 0.75 else rng.uniform(0.2, 0.8)
    ends = [(left + rng.normal(0, 0.5), y), (right + rng.normal(0, 0.7), y + rng.normal(0.1, 0.3))]
    if rng.random() < 0.4:
        ends.append((left + rng.uniform(0, 0.8) * (right - left), y - rng.uniform(0.1, 0.5)))
        if rng.random() < 0.5:
            ends.append((right + rng.normal(0.3, 0.5), y - rng.uniform(0.0, 0.6)))
    glyph = np.array([(*end, rng.normal(0, 0.6), 0.0) for end in ends])
    page.letter(glyph, (0.0, 0.0), np.ones(2), connected=rng.random() < 0.55)


def _dot(rng: np.random.Generator, page: _Page) -> None:
    _, low, right, _ = page.box
    page.letter(BRUSH["dian"] * 0.4, (right + 0.3, low + rng.uniform(0, 0.5)), np.ones(2), connected=False)


def _timed(rng: np.random.Generator, page: _Page, habits: Timing) -> Plan:
    """Slant the page and give every movement its time, pressure and blending."""
    table = np.array(page.rows, np.float64)
    xy = table[:, :2]
    xy = xy + np.outer(xy[:, 1], [rng.normal(0.15, 0.25), 0.0])
    lean = rng.normal(0.05, 0.12)
    xy = xy @ np.array([[np.cos(lean), np.sin(lean)], [-np.sin(lean), np.cos(lean)]])
    step = np.diff(xy, axis=0)
    step += 0.02 * rng.standard_normal(step.shape)
    count = len(step)
    air = table[1:, 3] > 0
    plan = Plan(
        step=step,
        bend=np.clip(np.where(air, 0.3 * rng.standard_normal(count), table[1:, 2]), -2.6, 2.6),
        air=air,
        width=np.empty(count),
        skew=np.clip(habits.skew * np.exp(rng.normal(0, 0.25, count)), 0.08, 0.5),
        overlap=np.clip(habits.overlap * np.exp(rng.normal(0, 0.1, count)), 0.45, 1.3),
        pause=np.where(rng.random(count) < 0.03, rng.exponential(0.06, count), 0.0),
        pressure=np.exp(rng.normal(0, 0.09, count) - 0.05 * np.sign(step[:, 1])),
        lift=_lifts(rng, air, table[1:, 4]),
        group=table[1:, 4].astype(np.int64),
    )
    return replace(plan, width=natural_width(rng, plan, habits), overlap=np.where(air, 1.0, plan.overlap))


def _lifts(rng: np.random.Generator, air: BoolArray, group: FloatArray) -> FloatArray:
    """Return how likely each movement lifts the pen: some lifts are sometimes left out, some links broken."""
    count = len(air)
    loose = rng.choice([0.05, 0.2, 0.45])
    wavering = rng.random(count) < loose
    kept = np.where(wavering, rng.uniform(0.3, 0.97, count), 0.997)
    begins = np.diff(group, prepend=group[0]) != 0
    broken = np.where(begins & wavering, rng.uniform(0.0, 0.4, count), 0.0)
    return np.where(air, kept, broken)


def natural_width(rng: np.random.Generator, plan: Plan, habits: Timing) -> FloatArray:
    """Return how long somebody of these habits takes for each movement, `(n,)` seconds."""
    count = len(plan)
    length = np.hypot(plan.step[:, 0], plan.step[:, 1])
    ink = (
        habits.tempo
        * np.clip(length, 0.05, 30) ** habits.isochrony
        * (1 + habits.curvature * np.abs(plan.bend))
    )
    air = habits.gap * (0.6 + 0.4 * np.clip(length, 0.1, 12) ** 0.6) * np.exp(rng.normal(0, 0.2, count))
    width: FloatArray = np.where(plan.air, air, ink) * np.exp(rng.normal(0, habits.unevenness, count))
    return width
