"""`look_for_ink`: the ink of a picture, without its paper.

Only whole numbers are computed with, by numpy and Pillow's 8-bit filters: every platform finds the same ink.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sigverify.arrays import BoolArray
from sigverify.modality.image.edges import edges_of
from sigverify.modality.image.frames import without_frame
from sigverify.modality.image.grey import GreyArray
from sigverify.modality.image.lines import without_lines
from sigverify.modality.image.runs import Pieces, Runs

LONGEST: Final = 512
"""Pictures are reduced to so many pixels: the sheet is 128 wide, so finer ones tell no more."""
_BLOCK: Final = 8
"""Paper is looked for in blocks of 8 × 8 pixels: wider than a stroke, narrower than a shadow."""
_REACH: Final = 9
"""What is dark and narrower than 9 blocks is no shadow: so a wide blot is still ink."""
_SHADOW_REACH: Final = 3
"""At the edge of the picture, 3 blocks are enough …"""
_SHADOW_EDGE: Final = 6
"""… if it lies along the edge for 6: no stroke leaves a picture so."""
_LEAST_CONTRAST: Final = 24
"""Ink is darker than its paper by at least so much of 255: less is the noise of a camera."""
_NOISE: Final = 5
"""Standard deviations of the paper's noise that ink is darker than paper, at least."""
_DARK_GROUND: Final = 100
"""What is darker, of 255, is no paper where strokes do not tell."""
_TABLE: Final = 5, 2
"""What has less than 2 / 5 of the light of the lightest paper is no paper if it ends sharply, at less than
half of the light beside it: a shadow leaves half, and light fades slowly."""
_FRAYED: Final = 5
"""Blocks, across, around what is no paper in which there is no ink to be told from its edge."""
_NEARLY: Final = LONGEST * 5 // 4
"""A picture of so many pixels shows little more than one of `LONGEST`."""
_CROPPED: Final = 2
"""A reduced picture of which the ink takes less than half, each way, is looked at once more and closer."""


class Ink(NamedTuple):
    """The ink of a picture reduced to `LONGEST` pixels at most, or of the part of it in which there is some.

    Attributes:
        where: `(h, w)`, whether there is ink.
        darkness: `(h, w)` uint8, how much darker than the paper around it each pixel is, of 255.
        level: ink is darker than so much.
        paper: the paper, and its noise, is no darker than so much.
    """

    where: BoolArray
    darkness: GreyArray
    level: int
    paper: int


def look_for_ink(grey: GreyArray) -> Ink:
    """Return the ink of a picture; one of light ink on a dark ground is turned round first."""
    ink = _ink_of(_reduced(grey))
    box = box_of(ink.where)
    longest = max(grey.shape)
    if box is None or longest <= _NEARLY or _CROPPED * max(box[1] - box[0], box[3] - box[2]) > LONGEST:
        return ink
    # Small on its page: of this part more can be seen than of the page.
    margin = LONGEST // 32
    top, bottom, left, right = (
        (place + way * margin) * longest // LONGEST for place, way in zip(box, (-1, 1, -1, 1), strict=True)
    )
    return _ink_of(_reduced(grey[max(top, 0) : bottom, max(left, 0) : right]))


def box_of(ink: BoolArray) -> tuple[int, int, int, int] | None:
    """Return top, bottom, left and right of all ink; None where there is none."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return (int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1) if len(rows) else None


def _reduced(grey: GreyArray) -> GreyArray:
    """Return a picture of `LONGEST` pixels at most."""
    if max(grey.shape) <= LONGEST:
        return grey
    from PIL import Image

    factor = LONGEST / max(grey.shape)
    height, width = (max(1, round(side * factor)) for side in grey.shape)
    picture = Image.fromarray(np.ascontiguousarray(grey))
    return np.asarray(picture.resize((width, height), Image.Resampling.BOX))


def _ink_of(grey: GreyArray) -> Ink:
    darkness = _darkness(grey)
    level, paper = _levels(darkness)
    where = without_lines(without_frame(darkness > level))
    return Ink(without_blots(without_specks(where)), darkness, level, paper)


def _darkness(values: GreyArray) -> GreyArray:
    """Return how much darker than the paper around it each pixel is, 0 to 255 of the paper's brightness.

    Where the paper is dark and its ink light, both are turned round.
    """
    blocks = _blocks(values)
    lightest, darkest = blocks.max(axis=0), blocks.min(axis=0)
    if _is_dark(blocks, lightest, darkest):
        values, lightest = 255 - values, 255 - darkest
    edges = edges_of(values, _usual(lightest))
    if not edges:
        return _darker(values, lightest)
    # What lies beyond an edge has a light of its own. Each part is looked at as if the rest were such, too.
    rest = ~np.logical_or.reduce([edge.beyond | edge.itself for edge in edges])
    darkness = _alone(values, rest)
    for edge in edges:
        part = edge.beyond & ~np.logical_or.reduce([each.itself for each in edges])
        # Too dark to be paper: a table, the lid of a scanner.
        if edge.light * _TABLE[0] >= edge.paper * _TABLE[1]:
            darkness = np.where(part, _alone(values, part), darkness)
    return darkness


def _alone(values: GreyArray, part: BoolArray) -> GreyArray:
    """Return `_darker` of a part of the picture, 0 elsewhere."""
    if not part.any():
        return np.zeros_like(values)
    filled = np.where(part, values, np.uint8(np.median(values[part])))
    return np.where(part, _darker(filled, _blocks(filled).max(axis=0)), np.uint8(0))


def _blocks(values: GreyArray) -> GreyArray:
    """Return the pixels `(64, rows, columns)` of each block; the last row and column are repeated."""
    height, width = values.shape
    rows, columns = -(-height // _BLOCK), -(-width // _BLOCK)
    padding = (0, rows * _BLOCK - height), (0, columns * _BLOCK - width)
    whole = np.pad(values, padding, mode="edge").reshape(rows, _BLOCK, columns, _BLOCK)
    return whole.transpose(1, 3, 0, 2).reshape(_BLOCK * _BLOCK, rows, columns)


def _darker(values: GreyArray, lightest: GreyArray) -> GreyArray:
    """Return how much darker than its paper each pixel is, of blocks whose lightest pixels are these."""
    from PIL import Image

    height, width = values.shape
    rows, columns = lightest.shape
    light = _paper(lightest)
    blind = _no_paper(light)
    paper = Image.fromarray(light)
    paper = paper.resize((columns * _BLOCK, rows * _BLOCK), Image.Resampling.BILINEAR)
    shown = np.asarray(paper)[:height, :width].astype(np.int32)
    darkness = 255 * np.maximum(shown - values, 0) // np.maximum(shown, 1)
    if blind.any():
        darkness[blind.repeat(_BLOCK, axis=0).repeat(_BLOCK, axis=1)[:height, :width]] = 0
    return np.asarray(darkness, np.uint8)


def _no_paper(paper: GreyArray) -> BoolArray:
    """Tell the blocks, and those around them, that are too dark to be paper: a table, a folder, a finger."""
    from PIL import Image, ImageFilter

    dark = paper.astype(np.int32) * _TABLE[0] < _usual(paper) * _TABLE[1]
    if not dark.any():
        return dark
    beside = np.asarray(Image.fromarray(paper).filter(ImageFilter.MaxFilter(_FRAYED)), np.int32)
    edge = dark & (beside > 2 * paper.astype(np.int32))
    runs = Runs.of(dark)
    piece = runs.pieces()
    # A sum over each run tells whether a piece has such an edge.
    sums = np.pad(edge.cumsum(axis=1), ((0, 0), (1, 0)))
    edges = np.bincount(piece, sums[runs.row, runs.end] - sums[runs.row, runs.start])
    table = np.where(runs.taken(edges[piece] > 0).drawn(dark.shape), np.uint8(255), np.uint8(0))
    return np.asarray(Image.fromarray(table).filter(ImageFilter.MaxFilter(_FRAYED))) > 0


def _paper(lightest: GreyArray) -> GreyArray:
    """Return the paper's light, by block, from the lightest of each block."""
    wide, narrow = (_closed(lightest, reach) for reach in (_REACH, _SHADOW_REACH))
    dark = 5 * narrow.astype(np.int32) < 4 * _usual(wide)
    if not dark.any():
        return wide
    # What is dark and of some width: a shadow or a table where it lies along the picture's edge, else ink.
    runs = Runs.of(dark)
    piece = runs.pieces()
    along = np.zeros(int(piece.max()) + 1, np.int64)
    height, width = dark.shape
    np.add.at(along, piece, np.where((runs.row == 0) | (runs.row == height - 1), runs.length, 0))
    np.add.at(along, piece, (runs.start == 0).astype(np.int64) + (runs.end == width))
    return np.where(runs.taken(along[piece] >= _SHADOW_EDGE).drawn(dark.shape), narrow, wide)


def _usual(paper: GreyArray) -> int:
    """Return the light of paper where nothing lies on it: a tenth of all blocks are such, at least."""
    return int(np.sort(paper, axis=None)[paper.size * 9 // 10])


def _closed(lightest: GreyArray, reach: int) -> GreyArray:
    """Fill what is dark and narrow: the lightest around, then the darkest of these. What is wide stays so."""
    from PIL import Image, ImageFilter

    filled = Image.fromarray(lightest).filter(ImageFilter.MaxFilter(reach))
    return np.asarray(filled.filter(ImageFilter.MinFilter(reach)))


def _is_dark(blocks: GreyArray, lightest: GreyArray, darkest: GreyArray) -> bool:
    """Whether strokes are light on dark ground: most pixels are dark, near strokes too.

    Either alone does not tell: a sheet of paper may lie on a dark table, and thick strokes leave little paper
    near them.
    """
    from PIL import Image, ImageFilter

    light = np.asarray(Image.fromarray(lightest).filter(ImageFilter.MaxFilter(3)), np.int32)
    dark = np.asarray(Image.fromarray(darkest).filter(ImageFilter.MinFilter(3)), np.int32)
    twice = blocks.sum(axis=0, dtype=np.int32) * 2 // len(blocks)
    strokes = light - dark > 2 * _LEAST_CONTRAST
    vote, span = int((twice - light - dark)[strokes].sum()), int((light - dark)[strokes].sum())
    usual = int(np.median(twice))
    if 4 * abs(vote) < span:
        return usual < 2 * _DARK_GROUND  # noise, or strokes as wide as what is between them
    return vote < 0 and usual < int(light.max()) + int(dark.min())


def _levels(darkness: GreyArray) -> tuple[int, int]:
    """Return the level above which is ink, that of `otsu`, and the level up to which is paper's own noise."""
    from PIL import Image

    counts = np.array(Image.fromarray(darkness).histogram(), np.int64)
    below = np.cumsum(counts)
    # The lightest pixel around is taken for the paper: noise makes most of it darker than that.
    paper, lighter = (int(np.searchsorted(below, darkness.size * percent // 100)) for percent in (50, 16))
    noise = max(_LEAST_CONTRAST, _NOISE * (paper - lighter))
    return max(paper + noise, otsu(counts)), paper + noise


def otsu(counts: npt.NDArray[np.int64]) -> int:
    """Return the level that parts values, so many of each, into two classes of least variance.

    Source: N. Otsu, "A threshold selection method from gray-level histograms", 1979.
    """
    below = np.cumsum(counts)[:-1]
    moment = np.cumsum(counts * np.arange(len(counts)))
    above = below[-1] + counts[-1] - below
    parted = np.flatnonzero((below > 0) & (above > 0))
    if not len(parted):
        return len(counts) - 1
    low = moment[parted] / below[parted]
    high = (moment[-1] - moment[parted]) / above[parted]
    between = below[parted].astype(np.float64) * above[parted] * (high - low) ** 2
    return int(parted[np.argmax(between)])


_SPECK: Final = 7
"""A speck fits into a square of 7 × 7 pixels …"""
_SPECK_PIXELS: Final = 12
"""… of which it fills no more than 12 …"""
_CLEAR: Final = 8
"""… and nothing but specks is within 8 pixels of its middle."""


def without_specks(ink: BoolArray) -> BoolArray:
    """Remove what is small and stands alone: dust, noise of the scanner, but not the dot of an i."""
    pieces = Pieces.of(ink)
    _, _, pixels, top, bottom, left, right = pieces
    small = (pixels <= _SPECK_PIXELS) & (bottom - top <= _SPECK) & (right - left <= _SPECK)
    if not small.any():
        return ink
    rest = np.pad(pieces.drawn(~small, ink.shape), _CLEAR)
    around = np.arange(2 * _CLEAR + 1)
    rows = ((top + bottom - 1) // 2)[small][:, np.newaxis] + around
    columns = ((left + right - 1) // 2)[small][:, np.newaxis] + around
    small[small] = ~rest[rows[:, :, np.newaxis], columns[:, np.newaxis]].any(axis=(1, 2))
    return pieces.drawn(~small, ink.shape)


_BLOT: Final = 32
"""A blot fits into a square of 32 × 32 pixels, and is at most twice as long as it is wide …"""
_FILLED: Final = 3, 5
"""… fills 3 / 5 of its box: a disc fills 0.79, a short stroke that is not upright, or a bow, less …"""
_ALONE: Final = 48, 3
"""… and is 48 pixels, and 3 times its own length, away from whatever is no blot. Full stops and dots are
nearer to their letters; benchmarks/disturbed_pictures.py says what becomes of blots."""
_MOST_BLOTS: Final = 40
"""More of them are no blots, but what is written, or printed, in dots."""


def without_blots(ink: BoolArray) -> BoolArray:
    """Remove drops and smudges far from everything else, which would move the whole sheet."""
    pieces = Pieces.of(ink)
    _, _, pixels, top, bottom, left, right = pieces
    shorter, longer = (each(bottom - top, right - left) for each in (np.minimum, np.maximum))
    round_ = (longer <= _BLOT) & (2 * shorter >= longer)
    round_ &= _FILLED[1] * pixels >= _FILLED[0] * (bottom - top) * (right - left)
    if not 0 < int(round_.sum()) <= min(_MOST_BLOTS, len(pixels) - 1):
        return ink
    rest = pieces.drawn(~round_, ink.shape)
    for number in np.flatnonzero(round_):
        away = max(_ALONE[0], _ALONE[1] * int(longer[number])) - 1
        near = rest[
            max(int(top[number]) - away, 0) : int(bottom[number]) + away,
            max(int(left[number]) - away, 0) : int(right[number]) + away,
        ]
        round_[number] = not near.any()
    return pieces.drawn(~round_, ink.shape) if round_.any() else ink
