"""`SheetAugmentation`: distort sheets of ink as hands, pens, scanners and cameras do; `SheetForger`."""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import numpy.typing as npt

from sigverify.arrays import Float32Array
from sigverify.errors import ConfigError
from sigverify.modality.image.sheet import HEIGHT, WIDTH

_GRID: Final = (4, 7)
"""Places, top to bottom and left to right, at which a smooth change of shape is drawn."""


@dataclass(frozen=True, kw_only=True)
class SheetAugmentation:
    """Strengths of the distortions; 0 switches one off. Lengths are in pixels of the sheet.

    What a writer's pen and the scanner do is drawn once a group (all signatures of a writer in a batch), with
    a change from picture to picture; what the hand does is drawn for every picture.

    Attributes:
        rotation_deg: standard deviation of the turn that levelling left over.
        scale: standard deviation of ln(scale), of width and of height apart.
        shear: standard deviation of the slant added.
        shift: standard deviation of the shift, pixels.
        bend: standard deviation of a smooth displacement, pixels.
        width: standard deviation of how much thicker or thinner a pen draws: of ln(ink after blurring).
        blur: largest standard deviation of a blur, pixels.
        noise: largest standard deviation of noise.
        erase: share of pictures that lose a patch of ink.
        line: share of pictures with a piece of a ruled line, or of a stamp's rim.
        mirrored: share of groups turned left to right: other writers, in effect.
    """

    rotation_deg: float = 1.5
    scale: float = 0.04
    shear: float = 0.06
    shift: float = 1.0
    bend: float = 1.0
    width: float = 0.25
    blur: float = 0.8
    noise: float = 0.05
    erase: float = 0.1
    line: float = 0.1
    mirrored: float = 0.0

    def __post_init__(self) -> None:
        """Refuse strengths that would leave no signature.

        Raises:
            ConfigError: a strength is negative or too large.
        """
        tops = {"rotation_deg": 45.0, "shift": 16.0, "bend": 8.0, "blur": 4.0}
        for field in fields(self):
            value, top = getattr(self, field.name), tops.get(field.name, 1.0)
            if not 0 <= value <= top:
                raise ConfigError(
                    f"augmentation {field.name} is out of range",
                    expected=f"0 to {top:g}",
                    received=str(value),
                )

    @classmethod
    def none(cls) -> "SheetAugmentation":
        """Everything off."""
        return cls(**{field.name: 0.0 for field in fields(cls)})

    def apply(
        self, traces: Float32Array, groups: npt.NDArray[np.integer], rng: np.random.Generator
    ) -> Float32Array:
        """Return distorted copies `(n, HEIGHT, WIDTH)`; `groups` `(n,)` int from 0: the writer of each."""
        out = warped(traces, self._field(len(traces), rng))
        self._pen(out, groups, rng)
        self._damage(out, rng)
        if self.mirrored:
            turned = (rng.random(int(groups.max()) + 1) < self.mirrored)[groups]
            out[turned] = out[turned, :, ::-1]
        return out

    def _field(self, count: int, rng: np.random.Generator) -> Float32Array:
        """Where each pixel of a picture is read: `(2, n, HEIGHT, WIDTH)`, y and x, relative to itself."""
        y = (np.arange(HEIGHT, dtype=np.float32) - (HEIGHT - 1) / 2)[:, np.newaxis]
        x = np.arange(WIDTH, dtype=np.float32) - (WIDTH - 1) / 2
        normal = rng.standard_normal((6, count, 1, 1)).astype(np.float32)
        turn = np.deg2rad(self.rotation_deg) * normal[0]
        field = smooth_field(count, self.bend, rng)
        field[0] += self.scale * normal[1] * y + turn * x + self.shift * normal[2]
        field[1] += self.scale * normal[3] * x + (self.shear * normal[4] - turn) * y + self.shift * normal[5]
        return field

    def _pen(self, out: Float32Array, groups: npt.NDArray[np.integer], rng: np.random.Generator) -> None:
        """Blur, and make strokes thicker or thinner: more or less of the blurred rim becomes ink."""
        writers = int(groups.max()) + 1
        blur = self.blur * (rng.random(writers)[groups] + rng.random(len(out))) / 2
        # A kernel (w, 1 - 2w, w) has a variance of 2w; at most a third, so it is run twice.
        share = np.minimum(np.square(blur) / 4, 1 / 3).astype(np.float32)[:, np.newaxis, np.newaxis]
        for _ in range(2):
            for axis in (1, 2):
                _soften(out, share, axis)
        gain = np.exp(self.width * (rng.standard_normal(writers)[groups] + rng.standard_normal(len(out)) / 2))
        out *= gain.astype(np.float32)[:, np.newaxis, np.newaxis]
        if self.noise:
            level = (self.noise * rng.random(writers)).astype(np.float32)[groups]
            grain = rng.standard_normal(out.shape, np.float32)
            # Paper is white after its removal: only ink is grainy.
            out += level[:, np.newaxis, np.newaxis] * grain * (out > 0.1)
        np.clip(out, 0, 1, out=out)

    def _damage(self, out: Float32Array, rng: np.random.Generator) -> None:
        """Erase a patch, or draw a line, in some pictures."""
        for row in np.flatnonzero(rng.random(len(out)) < self.erase):
            top, left = rng.integers(0, HEIGHT - 8), rng.integers(0, WIDTH - 12)
            out[row, top : top + rng.integers(4, 24), left : left + rng.integers(4, 20)] = 0
        for row in np.flatnonzero(rng.random(len(out)) < self.line):
            top, left = rng.integers(0, HEIGHT - 2), rng.integers(0, WIDTH - 24)
            line = out[row, top : top + rng.integers(1, 3), left : left + rng.integers(16, WIDTH)]
            np.maximum(line, np.float32(rng.uniform(0.3, 1)), out=line)


@dataclass(frozen=True, kw_only=True)
class SheetForger:
    """Makes a forgery of a genuine picture: the same text, its strokes longer, shorter and otherwise placed.

    The strength is drawn for each picture from `weakest` to 1 times those below: graded, from nearly genuine
    to plainly wrong. A simplification: a forger's trembling and slow ink are not drawn.

    Attributes:
        bend: standard deviation of the displacement, pixels.
        shear: of a slant.
        weakest: share of them in the mildest forgery.
    """

    bend: float = 3.5
    shear: float = 0.15
    weakest: float = 0.4

    def apply(self, traces: Float32Array, rng: np.random.Generator) -> Float32Array:
        """Return forged copies `(n, HEIGHT, WIDTH)`."""
        strength = rng.uniform(self.weakest, 1, (len(traces), 1, 1)).astype(np.float32)
        field = strength * smooth_field(len(traces), self.bend, rng)
        y = (np.arange(HEIGHT, dtype=np.float32) - (HEIGHT - 1) / 2)[:, np.newaxis]
        slant = self.shear * rng.standard_normal((len(traces), 1, 1)).astype(np.float32)
        field[1] += strength * slant * y
        return warped(traces, field)


def smooth_field(count: int, size: float, rng: np.random.Generator) -> Float32Array:
    """Draw smooth displacements of standard deviation `size`: `(2, n, HEIGHT, WIDTH)`, y and x."""
    corners = size * rng.standard_normal((2, count, *_GRID)).astype(np.float32)
    return np.asarray(_hats(HEIGHT, _GRID[0]).T @ corners @ _hats(WIDTH, _GRID[1]), np.float32)


def warped(traces: Float32Array, field: Float32Array) -> Float32Array:
    """Read each pixel elsewhere: pictures `(n, HEIGHT, WIDTH)` and displacements `(2, n, HEIGHT, WIDTH)`."""
    count = len(traces)
    # A rim of paper, so that what lies outside the picture is read as paper.
    padded = np.pad(traces, ((0, 0), (1, 1), (1, 1)))
    y = np.clip(field[0] + np.arange(1, HEIGHT + 1, dtype=np.float32)[:, np.newaxis], 0, HEIGHT + 0.999)
    x = np.clip(field[1] + np.arange(1, WIDTH + 1, dtype=np.float32), 0, WIDTH + 0.999)
    top, left = y.astype(np.int32), x.astype(np.int32)
    y -= top
    x -= left
    stride = WIDTH + 2
    place = (np.arange(count, dtype=np.int32) * ((HEIGHT + 2) * stride))[:, np.newaxis, np.newaxis]
    place = place + top * stride + left
    flat = padded.ravel()
    above, below = (
        start + x * (flat.take(at + 1) - start)
        for at, start in ((at, flat.take(at)) for at in (place, place + stride))
    )
    return np.asarray(above + y * (below - above), np.float32)


def _soften(out: Float32Array, share: Float32Array, axis: int) -> None:
    """Blend each pixel with those beside it, in place."""
    moved = np.moveaxis(out, axis, -1)
    middle = moved.copy()
    moved *= 1 - 2 * share
    moved[..., 1:] += share * middle[..., :-1]
    moved[..., :-1] += share * middle[..., 1:]


def _hats(size: int, places: int) -> Float32Array:
    """Weights `(places, size)` of linear interpolation between equidistant places."""
    at = np.linspace(0, places - 1, size, dtype=np.float32)
    distance = np.abs(at - np.arange(places, dtype=np.float32)[:, np.newaxis])
    return np.asarray(np.maximum(0, 1 - distance), np.float32)
