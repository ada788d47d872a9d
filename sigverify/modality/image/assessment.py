"""`assess`: whether a picture is good enough, and how much there is in it for a forger to get right."""

import math
from typing import Final

import numpy as np

from sigverify.arrays import BoolArray
from sigverify.modality.image.ink import Ink, box_of
from sigverify.modality.image.machine_made import is_machine_made
from sigverify.modality.image.runs import Runs
from sigverify.modality.image.sheet import HEIGHT, WIDTH
from sigverify.modality.image.signature_image import SignatureImage
from sigverify.modality.quality import Flaw, Quality

LEAST_INK: Final = 40
"""Pixels of ink; fewer are a dot or two."""
LEAST_HEIGHT: Final = 20
LEAST_WIDTH: Final = 160
"""Pixels of the box around the ink: letters of fewer rows have no shape. What is longer is a flat scrawl."""
THICKEST: Final = 0.15
"""Width of the strokes, of the box's diagonal: thicker ones are no strokes."""
MOST_GREY: Final = 0.16
"""Share of the box that is neither ink nor paper; of signatures, in noise, blur and shadows, 0.14 were the
most, and most photographs of other things have more."""
_MOST_NOISE: Final = 40
"""What is darker is not taken for the grain of paper, of 255."""
WILDEST: Final = 140
"""Level that the grain of the paper reaches, of 255, where it is no paper: that of a poor camera is 110."""
BLUNTEST: Final = 0.2
"""Of the ink's darkness, that the steepest edges rise by from one pixel to the next: a Gaussian blur of a
little more than two pixels, of 512, leaves so much. Beside sharp references, nearly all genuine ones are
refused then. Of 2,000 signatures, rendered as by poor cameras too, the least had 0.20."""
COMPLEXITY_FLOOR: Final = 0.3
"""Less is a dash, a tick or a plain loop, which anybody draws; benchmarks/images.py says how many signatures
of each corpus lie below."""

_SHOWN: Final = 0.2
"""Share of a cell of the sheet that is ink, where strokes are counted."""
_FLAT: Final = 1 / 12
"""Height over width of a scrawl that is too flat for all of its turns to count."""
_TYPICAL_TURN: Final = 20.0
"""Radians of turning that make a complexity of 1 - 1/e."""
_LIKE: Final = 0.4
"""Two signatures on one picture: the smaller has so much of the larger one's ink, height and width …"""
_ABOVE: Final = 0.6
"""… and they are so far apart, of the smaller one's height, where one stands above the other …"""
_BESIDE: Final = 2.5
"""… or so far, of the taller one's height, where they stand side by side."""
_CUT_STROKES: Final = 3
"""Strokes that end at an edge of the picture where it cuts; of a picture cut close, one or two do."""


def assess(image: SignatureImage) -> Quality:
    """Judge one capture by itself, as a reference."""
    simple = complexity(image)
    flaw = unfit(image) or (Flaw.TOO_SIMPLE if simple < COMPLEXITY_FLOOR else None)
    return Quality(flaw=flaw, complexity=simple)


def unfit(image: SignatureImage) -> Flaw | None:
    """Say what makes a capture unfit to be compared at all; None: nothing."""
    ink = image.ink
    box = box_of(ink.where)
    if box is None or int(ink.where.sum()) < LEAST_INK:
        return Flaw.NO_STROKES if ink.paper > WILDEST else Flaw.NO_INK
    top, bottom, left, right = box
    shown = ink.where[top:bottom, left:right]
    height, width = shown.shape
    if height < LEAST_HEIGHT and width < LEAST_WIDTH:
        return Flaw.TOO_SMALL
    if _steepness(ink) < BLUNTEST:
        return Flaw.BLURRED
    if _are_no_strokes(ink, box):
        return Flaw.NO_STROKES
    if _are_several(shown) or is_machine_made(shown, beside=True):
        return Flaw.SEVERAL
    return Flaw.CUT_OFF if _cut_edges(ink.where) >= 2 else None


def complexity(image: SignatureImage) -> float:
    """Say how much the strokes turn: 1 - exp(-radians / 20), as of a pen, so 0 for a dash.

    Between two places where its contour turns round, from up to down or from left to right, there are π, and
    strokes have two sides. They are counted on the sheet, four of its cells in one: what is smaller is
    the paper's grain, or a tremor.
    """
    shown = image.sheet.ink.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean(axis=(1, 3)) > _SHOWN
    if not shown.any():
        return 0.0
    pieces = int(Runs.of(shown).pieces().max()) + 1
    turns = (Runs.of(shown).turns() + Runs.of(shown.T).turns()) / 2
    # Each stroke turns round at both of its ends.
    turned = 1 - math.exp(-math.pi / 2 * max(0.0, turns - 2 * pieces) / _TYPICAL_TURN)
    # Along a dash there are turns too, as high as a pixel: they count for as much as it is high.
    rows = np.flatnonzero(shown.any(axis=1))
    width, height = image.sheet.box[2:]
    return turned * min(1.0, float(rows[-1] + 1 - rows[0]) / len(shown) * height / width / _FLAT)


def _contour(ink: BoolArray) -> float:
    """Return the length of the contour: steps along pixels, which are longer by 4 / π on the average."""
    across = np.count_nonzero(ink[:, 1:] != ink[:, :-1]) + np.count_nonzero(ink[1:] != ink[:-1])
    edges = sum(int(np.count_nonzero(edge)) for edge in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))
    return math.pi / 4 * (across + edges)


def _are_no_strokes(ink: Ink, box: tuple[int, int, int, int]) -> bool:
    """Whether ink is wider than strokes, or much around it is neither ink nor paper."""
    top, bottom, left, right = box
    shown, darkness = ink.where[top:bottom, left:right], ink.darkness[top:bottom, left:right]
    thick = 2 * int(shown.sum()) / max(_contour(shown), 1.0)
    grey = (darkness > max(ink.level // 3, min(ink.paper, _MOST_NOISE))) & (darkness <= ink.level)
    return thick > THICKEST * math.hypot(*shown.shape) or int(grey.sum()) > MOST_GREY * grey.size


def _steepness(ink: Ink) -> float:
    """Return by how much of the ink's darkness the steepest edges rise from one pixel to the next."""
    darkness = ink.darkness.astype(np.int16)
    rise = np.abs(darkness[:, 1:] - darkness[:, :-1])[ink.where[:, 1:] != ink.where[:, :-1]]
    fall = np.abs(darkness[1:] - darkness[:-1])[ink.where[1:] != ink.where[:-1]]
    steepest = np.sort(np.concatenate([rise, fall]))
    darkest = np.sort(darkness[ink.where])
    return float(steepest[len(steepest) * 9 // 10]) / float(max(darkest[len(darkest) * 9 // 10], 1))


def _are_several(shown: BoolArray) -> bool:
    """Whether there are two signatures: of like size, and farther apart than lines or words of one are."""
    for ink, least in ((shown, _ABOVE), (shown.T, _BESIDE)):
        bands = Runs.of(np.atleast_2d(ink.any(axis=1)))
        gaps = bands.start[1:] - bands.end[:-1]
        parts = [ink[start:end] for start, end in zip(bands.start, bands.end, strict=True)]
        # Pixels, and the sides along and across the way from one part to the next.
        sizes = np.array(
            [(part.sum(), len(part), np.ptp(np.flatnonzero(part.any(axis=0))) + 1) for part in parts]
        )
        small, large = np.minimum(sizes[1:], sizes[:-1]), np.maximum(sizes[1:], sizes[:-1])
        alike = np.all(small >= _LIKE * large, axis=1)
        height = small[:, 1] if ink is shown else large[:, 2]
        if np.any(alike & (gaps >= least * height)):
            return True
    return False


def _cut_edges(ink: BoolArray) -> int:
    """Count the edges of the picture at which several strokes end."""
    edges = (ink[0], ink[-1], ink[:, 0], ink[:, -1])
    return sum(len(Runs.of(edge[np.newaxis]).row) >= _CUT_STROKES for edge in edges)
